import { createHash } from "node:crypto";
import { isEqual } from "../../machinery/equality.ts";
import { jsonResponse } from "../bodies/status-body.ts";
import type { ServerRequest, ServerResponse, UserInfo } from "../exchange.ts";
import type { OpenApi } from "../openapi/openapi.ts";
import { encodeOpenApiV2, protobufTypeV2, wantsProtobufV2 } from "../openapi/openapi-protobuf.ts";
import type { Aggregator, RemoteVersion } from "./aggregator.ts";

type Document = Readonly<Record<string, unknown>>;

const aggregatorUser: UserInfo = { name: "system:aggregator", groups: ["system:masters"] };
const index3 = "/openapi/v3";

/** The API's description with what aggregated servers say about theirs. */
export class MergedOpenApi {
  readonly #own: OpenApi;
  readonly #aggregator: Aggregator;
  #version2: { readonly key: string; readonly document: Document; readonly etag: string } | undefined;

  constructor(own: OpenApi, aggregator: Aggregator) {
    this.#own = own;
    this.#aggregator = aggregator;
  }

  get paths(): readonly string[] {
    return this.#own.paths;
  }

  /** Answers a path below `/openapi`; undefined for any other. */
  answer(request: ServerRequest, path: string): ServerResponse | undefined | Promise<ServerResponse> {
    if (!path.startsWith("/openapi/")) return undefined;
    const remote = [...this.#aggregator.versions];
    if (remote.length === 0) return this.#own.answer(request, path);
    if (path === "/openapi/v2") return this.#merged2(request, remote);
    if (path === index3 || path === `${index3}/`) {
      const own = this.#own.answer(unconditional(request), path);
      return own && withRemotePaths(own, remote);
    }
    const own = this.#own.answer(request, path);
    const other = remote.find((one) => path === `${index3}/${nameOf(one)}`);
    return other ? other.server.exchange(request, aggregatorUser) : own;
  }

  #merged2(request: ServerRequest, remote: readonly RemoteVersion[]): ServerResponse | undefined {
    const { headers } = unconditional(request);
    const own = this.#own.answer({ ...request, headers: { ...headers, accept: "application/json" } }, "/openapi/v2");
    if (own?.body.kind !== "bytes") return own;
    const key = `${own.headers.etag} ${this.#aggregator.edition}`;
    if (this.#version2?.key !== key) {
      let document = JSON.parse(Buffer.from(own.body.bytes).toString()) as Document;
      for (const one of remote) if (one.documents?.openapi2) document = merge(document, one, one.documents.openapi2);
      const digest = createHash("sha512").update(JSON.stringify(document)).digest("hex").toUpperCase();
      this.#version2 = { key, document, etag: `"${digest}"` };
    }
    const { document, etag } = this.#version2;
    const common = { etag, vary: "Accept" };
    if (request.headers["if-none-match"] === etag) return { status: 304, headers: common, body: { kind: "none" } };
    if (!wantsProtobufV2(request.headers.accept)) return jsonResponse(200, document, common);
    const bytes = encodeOpenApiV2(document);
    return { status: 200, headers: { ...common, "content-type": protobufTypeV2 }, body: { kind: "bytes", bytes } };
  }
}

/** What is known of our own part says nothing of the whole. */
function unconditional(request: ServerRequest): ServerRequest {
  const { "if-none-match": _condition, ...headers } = request.headers;
  return { ...request, headers };
}

const nameOf = ({ group, version }: RemoteVersion) => (group ? `apis/${group}/${version}` : `api/${version}`);

function withRemotePaths(own: ServerResponse, remote: readonly RemoteVersion[]): ServerResponse {
  if (own.body.kind !== "object") return own;
  const { paths } = own.body.value() as { readonly paths: Document };
  const others = remote.flatMap((one) => {
    const serverRelativeURL = one.documents?.openapi3;
    return serverRelativeURL ? [[nameOf(one), { serverRelativeURL }] as const] : [];
  });
  return jsonResponse(200, { paths: { ...paths, ...Object.fromEntries(others) } });
}

/** A document with another's paths for its group version, and the definitions that it brings along. */
function merge(document: Document, remote: RemoteVersion, other: Document): Document {
  const prefix = `/${nameOf(remote)}/`;
  const definitions = { ...(document.definitions as Document) };
  const renamed = new Map<string, string>();
  for (const [name, schema] of Object.entries((other.definitions ?? {}) as Document)) {
    const known = definitions[name];
    if (known === undefined) definitions[name] = schema;
    else if (!isEqual(known, schema)) renamed.set(name, freeName(definitions, name));
  }
  const rewritten = (value: unknown) => (renamed.size === 0 ? value : withReferences(value, renamed));
  for (const [name, fresh] of renamed) definitions[fresh] = rewritten((other.definitions as Document)[name]);
  const paths = Object.entries((other.paths ?? {}) as Document)
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, item]) => [path, rewritten(item)] as const);
  return { ...document, definitions, paths: { ...(document.paths as Document), ...Object.fromEntries(paths) } };
}

function freeName(definitions: Document, name: string): string {
  for (let count = 2; ; count++) if (definitions[`${name}_v${count}`] === undefined) return `${name}_v${count}`;
}

const place = "#/definitions/";

function withReferences(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, renamed));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => {
    const target = name === "$ref" && typeof member === "string" && member.startsWith(place);
    const fresh = target ? renamed.get(member.slice(place.length)) : undefined;
    return [name, fresh ? place + fresh : withReferences(member, renamed)] as const;
  });
  return Object.fromEntries(entries);
}
