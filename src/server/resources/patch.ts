import { errorMessage, faultCode } from "../../lib/fault.ts";
import { decodeValue } from "../../machinery/codec-json.ts";
import { parseYaml } from "../../machinery/codec-yaml.ts";
import { field } from "../../machinery/fields.ts";
import { parseJson } from "../../machinery/json-text.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { applyJsonPatch } from "../../machinery/patch-json.ts";
import { applyMergePatch } from "../../machinery/patch-merge.ts";
import { applyStrategicPatch } from "../../machinery/patch-strategic.ts";
import { badRequest, conflict, type FieldError, isStatus, StatusError } from "../../machinery/status-error.ts";
import type { StructInfo } from "../../machinery/type-info.ts";
import { yamlDuplicates, yamlFault } from "../../machinery/yaml-duplicates.ts";
import { ready } from "../../registry/conversion.ts";
import { createObject } from "../../registry/create.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";
import { withDefaults } from "../../registry/write.ts";
import { bareType } from "../bodies/media-type.ts";
import { readBytes } from "../bodies/read-body.ts";
import { routeError } from "../bodies/status-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse } from "../exchange.ts";
import { isTrue } from "../request-info.ts";
import { refuseOptions, type WriteParameters, writeParameters } from "./options.ts";
import { ownership } from "./ownership.ts";
import { rulesOf } from "./part-rules.ts";
import { checkCustomKind, oddFields, otherKind, restoreFault, unreadable } from "./patch-faults.ts";
import { objectReply, place } from "./read.ts";
import { checkNamespace, complete } from "./write.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";

/** A patch as it was sent. */
export interface SentPatch {
  readonly type: PatchType;
  readonly body: unknown;
  /** What is odd about its text, as a key that stands twice, where that is said. */
  readonly oddities?: readonly string[];
}

const types: Readonly<Record<string, PatchType>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

/** PATCH of one object, or of its status. */
export async function patchHandler(call: Call): Promise<ServerResponse> {
  const parameters = writeParameters(call, "PatchOptions");
  const patch = await readPatch(call, parameters.validation);
  checkPatchOptions(call, patch.type);
  if (patch.type === "apply") return applyHandler(call, patch, parameters);

  const { collection, info, served, services } = call;
  const { namespace, name } = place(call);
  const own = ownership(call, parameters, info.subresource);
  const warnings = call.warnings.length;
  const written = await updateObject(collection, {
    namespace,
    name,
    dryRun: parameters.dryRun,
    rules: rulesOf(call),
    admission: services.admission.of(call, "UPDATE", parameters),
    served,
    change: async (current) => {
      call.warnings.length = warnings; // a second try must not repeat them
      await ready([current], served);
      const before = current.as(served);
      const next = patched(call, served.type, before, patch, parameters);
      checkNamespace(call, next);
      return complete(call, own.update(withDefaults(next, served), before));
    },
  });
  return objectReply(call, 200, written);
}

async function applyHandler(call: Call, patch: SentPatch, parameters: WriteParameters): Promise<ServerResponse> {
  const { collection, info, served, services } = call;
  const { resource } = collection;
  const { namespace, name } = place(call);
  const own = ownership(call, parameters, info.subresource);
  const applied = appliedObject(call, patch, parameters);
  try {
    const written = await updateObject(collection, {
      namespace,
      name,
      dryRun: parameters.dryRun,
      rules: rulesOf(call),
      admission: services.admission.of(call, "UPDATE", parameters),
      served,
      change: async (current) => {
        await ready([current], served);
        return complete(call, own.apply(applied, current.as(served)));
      },
    });
    return await objectReply(call, 200, written);
  } catch (error) {
    if (!isStatus(error, "NotFound") || info.subresource !== "") throw error;
    const { uid } = applied.metadata;
    if (uid) {
      const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
      throw conflict(resource.name, name, why);
    }
  }
  const created = await createObject(collection, services.registry, {
    served,
    namespace,
    object: own.apply(applied, undefined),
    dryRun: parameters.dryRun,
    admission: services.admission.of(call, "CREATE", parameters),
  });
  return objectReply(call, 201, created);
}

// What is applied is taken as it is: what the client leaves out, it does not want to own.
function appliedObject(call: Call, { body, oddities = [] }: SentPatch, { validation }: WriteParameters): AnyObject {
  const { served, info } = call;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    const what = Array.isArray(body) ? "array" : typeof body;
    const fault = `json: cannot unmarshal ${what} into Go value of type map[string]interface {}`;
    throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${fault}`);
  }
  const sent = body as AnyObject;
  const { kind = "", apiVersion = "" } = sent;
  if (kind !== served.kind || apiVersion !== served.apiVersion) {
    const version = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
    throw badRequest(`invalid object type: ${version}, Kind=${kind}`);
  }
  if (oddities.length > 0 && validation === "Strict") {
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${yamlFault(oddities)}`);
  }
  call.warnings.push(...oddities);
  const warn = (text: string) => call.warnings.push(text);
  const read = (served.mapping?.reads?.(sent as unknown as KubeObject, warn) ?? sent) as AnyObject;
  const named = {
    ...read,
    metadata: { ...read.metadata, name: read.metadata?.name || info.name } as AnyObject["metadata"],
  };
  checkNamespace(call, named);
  const { resource } = call.collection;
  return resource.namespaced
    ? { ...named, metadata: { ...named.metadata, namespace: info.namespace } as AnyObject["metadata"] }
    : named;
}

/** The body of a PATCH. Throws UnsupportedMediaType, BadRequest. */
export async function readPatch(
  { request, collection }: Call,
  validation: WriteParameters["validation"],
): Promise<SentPatch> {
  const type = types[bareType(request.headers["content-type"])];
  if (!type) throw routeError("UnsupportedMediaType");
  // Only built-in types say how their lists are merged.
  if (type === "strategic" && collection.resource.custom) throw noStrategicMerge();
  if (request.body.kind === "value") return { type, body: request.body.value };
  const text = Buffer.from(await readBytes(request)).toString();
  try {
    const body = type === "apply" ? parseYaml(text) : parseJson(text);
    if (validation === "Ignore") return { type, body };
    return { type, body, oddities: type === "apply" ? yamlDuplicates(text) : oddFields(type, text, body) };
  } catch (error) {
    if (faultCode(error) !== "invalid") throw error;
    throw badRequest(type === "apply" ? `error decoding YAML: ${errorMessage(error)}` : errorMessage(error));
  }
}

function noStrategicMerge(): StatusError {
  const accepted = Object.keys(types).filter((type) => types[type] !== "strategic");
  return new StatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

/** Throws Invalid for options that do not go with the kind of patch. */
export function checkPatchOptions({ info }: Call, type: PatchType): void {
  const errors: FieldError[] = [];
  if (type === "apply") {
    if (!info.query.get("fieldManager")) errors.push(field.required("fieldManager", "is required for apply patch"));
  } else if (isTrue(info.query.get("force"))) {
    errors.push(field.forbidden("force", "may not be specified for non-apply patch"));
  }
  refuseOptions("PatchOptions", errors);
}

/** The object that a patch makes of another. Throws BadRequest, Invalid. */
export function patched(
  call: Call,
  type: StructInfo,
  before: AnyObject,
  { type: how, body, oddities = [] }: SentPatch,
  { validation }: WriteParameters,
): AnyObject {
  const made =
    how === "json"
      ? applyJsonPatch(before, body)
      : how === "merge"
        ? applyMergePatch(before, body)
        : applyStrategicPatch(type, before, body);
  const refused = (why: string) => unreadable(how, body, made, why);
  if (type.decode) checkCustomKind(made, before);
  const other = how === "strategic" || type.decode ? undefined : otherKind(made, before);
  if (other) throw refused(other);
  const { object, problems } = decoded(type, made, validation, (why) =>
    refused((how === "strategic" ? restoreFault(type, made) : undefined) ?? why),
  );
  const odd = [...oddities, ...problems];
  if (odd.length > 0 && validation === "Strict") throw refused(`strict decoding error: ${odd.join(", ")}`);
  call.warnings.push(...odd);
  const { kind, apiVersion } = before;
  const same = type.decode || (object.kind === kind && object.apiVersion === apiVersion);
  return same ? object : { ...object, kind, apiVersion };
}

function decoded(
  type: StructInfo,
  made: unknown,
  validation: WriteParameters["validation"],
  refused: (why: string) => StatusError,
): ReturnType<typeof decodeValue<AnyObject>> {
  try {
    return decodeValue<AnyObject>(type, made, validation);
  } catch (error) {
    if (faultCode(error) === "invalid") throw refused(errorMessage(error));
    throw error;
  }
}
