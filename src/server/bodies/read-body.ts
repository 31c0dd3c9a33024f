import type { VersionMapping } from "../../api/kind.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import { decodeValue, type FieldValidation } from "../../machinery/codec-json.ts";
import { field } from "../../machinery/fields.ts";
import { duplicateFields, parseJson } from "../../machinery/json-text.ts";
import { badRequest, invalid, StatusError } from "../../machinery/status-error.ts";
import type { StructInfo } from "../../machinery/type-info.ts";
import { yamlDuplicates, yamlFault } from "../../machinery/yaml-duplicates.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { ServerRequest } from "../exchange.ts";
import { withoutCapitals } from "./capitals.ts";
import { decodeOther } from "./encodings.ts";
import { bodyEncoding, type Encoding, jsonType, yamlType } from "./media-type.ts";

/** The longest body that is read, as upstream. */
export const bodyLimit = 3 * 1024 * 1024;

/** A kind in a version, as bodies name it. */
export interface BodyKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly type: StructInfo;
  /** Of a version that is not the stored one. */
  readonly mapping?: Pick<VersionMapping, "reads">;
}

export interface ReadOptions {
  readonly validation: FieldValidation;
  /** Told what was dropped, unless it is refused. */
  readonly warn: (text: string) => void;
  /** Knows whether some served kind has this name, for messages. */
  readonly isKnown: (apiVersion: string, kind: string) => boolean;
  readonly encodings: readonly Encoding[];
  /** Kind and version are taken as expected, whatever the body says. */
  readonly anyKind?: boolean;
  /** What an empty body stands for; by default it is refused. */
  readonly whenEmpty?: unknown;
}

/** The whole body. Throws RequestEntityTooLarge. */
export async function readBytes(request: ServerRequest): Promise<Uint8Array> {
  const { body } = request;
  if (body.kind === "none") return new Uint8Array(0);
  if (body.kind === "value") return Buffer.from(JSON.stringify(body.value) ?? "");
  try {
    return await body.read(bodyLimit);
  } catch (error) {
    if (faultCode(error) !== "exhausted") throw error;
    throw new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${bodyLimit}`);
  }
}

/** The body as an object of a kind, in the type's own form. Throws BadRequest, UnsupportedMediaType. */
export async function readObject(request: ServerRequest, expected: BodyKind, options: ReadOptions): Promise<AnyObject> {
  const { raw, duplicates, yamlDuplicates: twice } = await readValue(request, expected, options);
  const named = withoutCapitals(withKind(raw, expected, options), expected.type, options.warn);
  const value = expected.mapping?.reads?.(named, options.warn) ?? named;
  const { object, problems } = decoding(expected, () =>
    decodeValue<AnyObject>(expected.type, value, options.validation),
  );
  const inYaml = options.validation === "Strict" && twice.length > 0 ? [yamlFault(twice)] : twice;
  return finish(expected, object, [...inYaml, ...problems, ...duplicates], options);
}

interface RawBody {
  readonly raw: unknown;
  readonly duplicates: readonly string[];
  /** The same of a text in YAML, by lines. */
  readonly yamlDuplicates: readonly string[];
}

const whole = (raw: unknown): RawBody => ({ raw, duplicates: [], yamlDuplicates: [] });

async function readValue(request: ServerRequest, expected: BodyKind, options: ReadOptions): Promise<RawBody> {
  if (request.body.kind === "value") return whole(request.body.value);
  const encoding = bodyEncoding(request.headers["content-type"], options.encodings);
  const bytes = await readBytes(request);
  if (bytes.byteLength === 0 && options.whenEmpty !== undefined) return whole(options.whenEmpty);
  const text = utf8(bytes);
  if (encoding !== jsonType) {
    const raw = parsed(text, expected, () => decodeOther(encoding, bytes, expected.type));
    return encoding === yamlType && options.validation !== "Ignore"
      ? { ...whole(raw), yamlDuplicates: yamlDuplicates(text) }
      : whole(raw);
  }
  const raw = parsed(text, expected, () => parseJson(text));
  if (options.validation === "Ignore") return whole(raw);
  return {
    ...whole(raw),
    duplicates: duplicateFields(text, raw).map((field) => `duplicate field ${JSON.stringify(field)}`),
  };
}

const utf8 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

function parsed(text: string, { kind }: BodyKind, parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    if (faultCode(error) !== "invalid") throw error;
    const shown = text === "" ? "<empty>" : shorten(text);
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${errorMessage(error)} (${shown})`,
    );
  }
}

function shorten(text: string): string {
  const hex = Buffer.from(text.slice(0, 2000)).toString("hex").slice(0, 40);
  return hex.length === 40 ? `${hex} ...` : hex;
}

// A body may leave out its kind and version; if it says them, they must fit the address.
function withKind(value: unknown, expected: BodyKind, { isKnown, anyKind }: ReadOptions): AnyObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const what = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  }
  const { kind, apiVersion } = value as { readonly kind?: unknown; readonly apiVersion?: unknown };
  const saidKind = anyKind || kind === undefined || kind === "" ? expected.kind : String(kind);
  const saidVersion =
    anyKind || apiVersion === undefined || apiVersion === "" ? expected.apiVersion : String(apiVersion);
  if (saidKind === expected.kind && saidVersion === expected.apiVersion) {
    return kind === saidKind && apiVersion === saidVersion
      ? (value as AnyObject)
      : ({ ...value, kind: saidKind, apiVersion: saidVersion } as AnyObject);
  }
  const subject = `${saidKind} in version ${JSON.stringify(versionOnly(saidVersion))} cannot be handled as a ${expected.kind}`;
  if (expected.type.decode) {
    if (saidVersion !== expected.apiVersion) throw otherVersion(saidVersion, expected);
    const { name = "" } = (value as Partial<AnyObject>).metadata ?? {};
    const error = field.invalid("kind", saidKind, `must be ${expected.kind}`);
    throw invalid({ group: groupOnly(expected.apiVersion), kind: saidKind }, name, [error]);
  }
  if (!isKnown(saidVersion, saidKind)) {
    throw badRequest(
      `${subject}: no kind ${JSON.stringify(saidKind)} is registered for version ${JSON.stringify(saidVersion)} in scheme "navarch"`,
    );
  }
  if (saidKind !== expected.kind) {
    const from = `${versionOnly(saidVersion)}.${saidKind}`;
    const to = `${groupOnly(expected.apiVersion)}.${expected.kind}`;
    throw badRequest(`${subject}: converting (${from}) to (${to}): unknown conversion`);
  }
  throw otherVersion(saidVersion, expected);
}

function otherVersion(said: string, { apiVersion }: BodyKind): StatusError {
  return badRequest(`the API version in the data (${said}) does not match the expected API version (${apiVersion})`);
}

const versionOnly = (apiVersion: string) => apiVersion.slice(apiVersion.indexOf("/") + 1);
const groupOnly = (apiVersion: string) =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "core";

function decoding<T>({ kind, apiVersion }: BodyKind, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (faultCode(error) !== "invalid") throw error;
    throw badRequest(
      `${kind} in version ${JSON.stringify(versionOnly(apiVersion))} cannot be handled as a ${kind}: ${errorMessage(error)}`,
    );
  }
}

function finish(
  { kind, apiVersion }: BodyKind,
  object: AnyObject,
  problems: readonly string[],
  { validation, warn }: ReadOptions,
): AnyObject {
  if (problems.length > 0) {
    if (validation === "Strict") {
      throw badRequest(
        `${kind} in version ${JSON.stringify(versionOnly(apiVersion))} cannot be handled as a ${kind}: strict decoding error: ${problems.join(", ")}`,
      );
    }
    for (const problem of problems) warn(problem);
  }
  return object.metadata ? object : ({ ...object, metadata: {} } as AnyObject);
}
