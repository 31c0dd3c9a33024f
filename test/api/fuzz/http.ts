import { connect as connectH2, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTls } from "node:tls";
import { kinds } from "../../../src/api/kinds.ts";
import { lookupType } from "../../../src/api/type-info.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Log, LogFields } from "../../../src/lib/log.ts";
import { encodeProtobuf } from "../../../src/machinery/codec-protobuf.ts";
import { encodeYaml } from "../../../src/machinery/codec-yaml.ts";
import type { LiveServer } from "../tools/live-server.ts";
import { anyText, anyValue, Dice, damaged, typedValue } from "./random-values.ts";

/** What a fuzz of a whole server found and did. */
export interface HttpFuzzResult {
  readonly requests: number;
  /** How many answers had which status; 0 is a connection that the server ended. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** A log that keeps what should never be said: every error. */
export function errorsOnly(errors: string[]): Log {
  const keep = (message: string, fields?: LogFields) => {
    const { error } = fields ?? {};
    errors.push(`${message}: ${error instanceof Error ? error.stack : JSON.stringify(fields)}`);
  };
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: keep, child: () => log };
  return log;
}

interface Wanted {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** Failures that upstream gives in these very words with 500 and without a reason. */
const upstreamFaults = [
  "resourceVersion should not be set on objects to be created",
  "does not contain declared merge key",
  "cannot merge lists without merge key",
  "unknown patch type found",
  "invalid patch format of list",
  "delete patch type with no merge key defined",
  "merging lists cannot yet be specified in the patch",
  "doesn't match $setElementOrder list",
  "failed to create typed patch object",
];

/** Sends requests of every shape as an administrator for so long; throws at the first answer that no request should get. */
export async function fuzzHttp(
  server: LiveServer,
  errors: readonly string[],
  options: { readonly seed: number; readonly ms: number },
): Promise<HttpFuzzResult> {
  const session = connectH2(server.url, { ca: server.ca, cert: server.admin.cert, key: server.admin.key });
  session.on("error", () => {});
  const namespace = Buffer.from(JSON.stringify({ metadata: { name: "fuzz" } }));
  const headers = { "content-type": "application/json" };
  await send(session, { method: "POST", path: "/api/v1/namespaces", headers, body: namespace });
  const statuses = new Map<number, number>();
  const deadline = systemClock.monotonic() + options.ms;
  let round = 0;
  const lane = async () => {
    while (systemClock.monotonic() < deadline) {
      const mine = round++;
      const wanted = wantedOf(new Dice(options.seed, mine));
      const where = `seed ${options.seed}, round ${mine}: ${wanted.method} ${JSON.stringify(wanted.path)}`;
      const answer = await send(session, wanted);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const meant = upstreamFaults.some((text) => answer.text.includes(text));
      // 504 says that a revision of the future was not reached, 503 that a node or service cannot be.
      if (answer.status === 500 && !meant)
        throw new Error(`${where} is answered with ${answer.text}; ${errors.at(-1)}`);
      if (errors.length > 0) throw new Error(`${where}: the server logs ${errors[0]}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: 8 }, lane));
  } finally {
    session.destroy();
  }
  return { requests: round, statuses };
}

const resources = kinds.flatMap((kind) =>
  [kind.apiVersion, ...Object.keys(kind.declaration.versions ?? {})].map((apiVersion) => ({
    root: apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`,
    apiVersion,
    kind,
  })),
);

const parameters = [
  "watch",
  "limit",
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  "labelSelector",
  "fieldSelector",
  "timeoutSeconds",
  "sendInitialEvents",
  "allowWatchBookmarks",
  "dryRun",
  "fieldManager",
  "fieldValidation",
  "force",
  "pretty",
  "gracePeriodSeconds",
  "propagationPolicy",
  "orphanDependents",
  "includeObject",
  "container",
];
const parameterValues = [
  "",
  "1",
  "0",
  "true",
  "All",
  "Strict",
  "Exact",
  "NotOlderThan",
  "a=b",
  "metadata.name=x",
  "-1",
  "99",
];
const bodyTypes = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "text/plain",
  "application/json; charset=latin1",
  "multipart/form-data",
  "",
];
const acceptTypes = [
  "application/json",
  "*/*",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;as=Table;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  "text/html",
  "application/json;as=",
  ";;;,,,",
];
const roots = [
  "/",
  "/api",
  "/apis",
  "/openapi/v2",
  "/openapi/v3",
  "/version",
  "/healthz",
  "/metrics",
  "/livez/ping",
  "/nowhere",
];

function wantedOf(dice: Dice): Wanted {
  const { root, apiVersion, kind } = dice.one(resources);
  const type = lookupType(kind.declaration.versions?.[apiVersion]?.type ?? kind.declaration.type)!;
  const name = dice.one(["x", "y", "kube-root-ca.crt", "default", "Bad_Name", anyText(dice)]);
  const space =
    kind.namespaced && dice.chance(0.9) ? `/namespaces/${dice.one(["fuzz", "fuzz", "nowhere", "..", "%2e"])}` : "";
  const subresources = [...(kind.declaration.subresources ?? []), "status", "scale", "bogus"];
  const path = [
    dice.chance(0.05) ? dice.one(roots) : root + space + (dice.chance(0.98) ? `/${kind.plural}` : `/${anyText(dice)}`),
    ...(dice.chance(0.6) ? [`/${dice.chance(0.9) ? encodeURIComponent(wellFormed(name)) : wellFormed(name)}`] : []),
    ...(dice.chance(0.2) ? [`/${dice.one(subresources)}`] : []),
  ].join("");
  const query = dice.many(3, () => {
    const value = dice.chance(0.8) ? dice.one(parameterValues) : encodeURIComponent(wellFormed(anyText(dice)));
    return `${dice.one(parameters)}=${value}`;
  });
  // Watches end by themselves, soon.
  const target = `${path}?${[...query, "timeoutSeconds=1"].join("&")}`.replace(/[^\x21-\x7e]/g, "");
  const method = dice.one(["GET", "GET", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]);
  const patch = method === "PATCH" && dice.chance(0.9);
  const contentType = patch ? dice.one(bodyTypes.slice(3, 7)) : dice.chance(0.7) ? bodyTypes[0]! : dice.one(bodyTypes);
  const value = bodyValue(dice, type, apiVersion, kind.kind, name, contentType);
  const plain = contentType.includes("yaml")
    ? Buffer.from(encodeYaml(value))
    : contentType.includes("protobuf")
      ? protobufOf(type, value)
      : Buffer.from(JSON.stringify(value));
  const bodied = method !== "GET" && method !== "HEAD" && dice.chance(0.95);
  return {
    method,
    path: target,
    headers: {
      accept: dice.chance(0.6) ? "application/json" : dice.one(acceptTypes),
      ...(contentType ? { "content-type": contentType } : {}),
      ...(dice.chance(0.05) ? { "impersonate-user": dice.one(["x", "system:admin", "é"]) } : {}),
      ...(dice.chance(0.05) ? { authorization: dice.one(["Bearer x.y.z", "Bearer ", "Basic !!", "Bearer é"]) } : {}),
      ...(dice.chance(0.1) ? { "accept-encoding": dice.one(["gzip", "br", ";;"]) } : {}),
    },
    body: bodied ? (dice.chance(0.3) ? damaged(dice, plain) : plain) : undefined,
  };
}

const wellFormed = (text: string) => text.toWellFormed();

function bodyValue(
  dice: Dice,
  type: NonNullable<ReturnType<typeof lookupType>>,
  apiVersion: string,
  kind: string,
  name: string,
  contentType: string,
): unknown {
  if (dice.chance(0.05)) return anyValue(dice);
  if (contentType.includes("json-patch")) {
    return dice.many(3, () => ({
      op: dice.one(["add", "remove", "replace", "test", "copy", "move"]),
      path: dice.one(["/metadata/labels", "/spec", "/spec/x", "/metadata/name", "", "/", "/metadata/managedFields/0"]),
      from: "/metadata",
      value: anyValue(dice, 2),
    }));
  }
  const value = typedValue(dice, type);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { metadata } = value as { readonly metadata?: unknown };
  const meta = typeof metadata === "object" && dice.chance(0.5) ? metadata : { labels: { a: "b" } };
  return { ...value, apiVersion, kind, metadata: { ...meta, name } };
}

function protobufOf(type: NonNullable<ReturnType<typeof lookupType>>, value: unknown): Uint8Array {
  try {
    return encodeProtobuf(type, value as object);
  } catch {
    return Buffer.from("k8s\0");
  }
}

function send(session: ReturnType<typeof connectH2>, wanted: Wanted): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let status = 0;
    const stream = session.request(
      { ":method": wanted.method, ":path": wanted.path, ...latin(wanted.headers) },
      { endStream: wanted.body === undefined },
    );
    // Nothing that is asked here takes long: what hangs is cut, and counted as an answer that did not come.
    const timer = systemClock.after(20_000, () => stream.close());
    stream.on("response", (headers: IncomingHttpHeaders) => {
      status = Number((headers as { readonly ":status"?: number })[":status"]);
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => {});
    stream.on("close", () => {
      timer[Symbol.dispose]();
      resolve({ status, text: Buffer.concat(chunks).toString().slice(0, 2000) });
    });
    if (wanted.body !== undefined) stream.end(wanted.body);
  });
}

function latin(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString("latin1")]),
  );
}

/** Sends bytes that need not be HTTP at all over HTTP/1.1; gives what came back, once the server has closed or gone quiet. */
export function sendRaw(
  { port, ca, admin }: Pick<LiveServer, "port" | "ca" | "admin">,
  bytes: readonly (Uint8Array | string)[],
  options: { readonly quietMs?: number } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connectTls({
      host: "127.0.0.1",
      port,
      ca,
      cert: admin.cert,
      key: admin.key,
      ALPNProtocols: ["http/1.1"],
    });
    const finish = () => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString("latin1"));
    };
    let timer = systemClock.after(options.quietMs ?? 15_000, finish);
    socket.on("secureConnect", () => {
      for (const part of bytes) socket.write(part);
    });
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      timer[Symbol.dispose]();
      timer = systemClock.after(Math.min(options.quietMs ?? 1000, 1000), finish);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      timer[Symbol.dispose]();
      finish();
    });
  });
}
