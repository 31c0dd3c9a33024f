import { createHash } from "node:crypto";
import { customSchemaOf } from "../../api/apiextensions/custom-type.ts";
import { lookupMeta } from "../../machinery/type-table.ts";
import type { Registry } from "../../registry/registry.ts";
import { jsonResponse } from "../bodies/status-body.ts";
import type { Catalog } from "../discovery/catalog.ts";
import type { ServerRequest, ServerResponse } from "../exchange.ts";
import { servedVersion } from "../version.ts";
import { encodeOpenApiV2, protobufTypeV2, wantsProtobufV2 } from "./openapi-protobuf.ts";
import { pathsOf } from "./operations.ts";
import { type Dialect, type Schema, SchemaBook } from "./schemas.ts";

const info = { title: "Kubernetes", version: servedVersion.gitVersion };

/** How long what never changes may be kept, in milliseconds. */
const year = 365 * 24 * 3600 * 1000;

interface Kept {
  readonly body: Schema;
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/** The API's own description: one document for all in version 2, one per group version in version 3. Made when asked for. */
export class OpenApi {
  readonly #registry: Registry;
  readonly #catalog: Catalog;
  readonly #now: () => number;
  #edition = -1;
  readonly #documents = new Map<string, Kept>();
  readonly #hashes = new WeakMap<object, string>();
  #protobuf: { readonly bytes: Uint8Array; readonly hash: string } | undefined;

  /** `now` is in milliseconds since the epoch. */
  constructor(registry: Registry, catalog: Catalog, now: () => number) {
    this.#registry = registry;
    this.#catalog = catalog;
    this.#now = now;
  }

  readonly paths: readonly string[] = ["/openapi/v2", "/openapi/v3", "/openapi/v3/"];

  /** Answers a path below `/openapi`; undefined for any other. */
  answer(request: ServerRequest, path: string): ServerResponse | undefined {
    if (!path.startsWith("/openapi/")) return undefined;
    if (this.#edition !== this.#catalog.edition) {
      this.#documents.clear();
      this.#protobuf = undefined;
      this.#edition = this.#catalog.edition;
    }
    if (path === "/openapi/v2") return this.#version2(request);
    if (path === "/openapi/v3" || path === "/openapi/v3/") return this.#index(request);
    const name = path.slice("/openapi/v3/".length);
    return this.#names().includes(name) ? this.#version3(request, name) : undefined;
  }

  #names(): readonly string[] {
    return this.#catalog.groups.flatMap(({ versions }) =>
      versions.map(({ apiVersion }) => (apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`)),
    );
  }

  #index({ headers }: ServerRequest): ServerResponse {
    const entries = this.#names().map((name) => [name, { serverRelativeURL: this.#address(name) }] as const);
    const index = { paths: Object.fromEntries(entries) };
    const etag = `"${shortHash(JSON.stringify(index))}"`;
    const common = { etag, vary: "Accept" };
    if (headers["if-none-match"] === etag) return { status: 304, headers: common, body: { kind: "none" } };
    return jsonResponse(200, index, common);
  }

  /** Where a document is found, for good: another document has another address. */
  #address(name: string): string {
    return `/openapi/v3/${name}?hash=${this.#hashOf(name)}`;
  }

  /** Changes with the document, which depends on nothing but the kinds served there. */
  #hashOf(name: string): string {
    return shortHash(`${servedVersion.gitVersion} ${name} ${this.#kindsOf(name)}`);
  }

  #kindsOf(name: string): string {
    const version = this.#catalog.version(name.replace(/^apis?\//, ""));
    if (!version) return "";
    const kinds = version.entries.map((entry) => `${entry.name}:${entry.verbs.join(",")}`);
    return [...kinds, ...this.#customHashes(version.apiVersion)].join(";");
  }

  *#customHashes(apiVersion: string): Iterable<string> {
    for (const { resource } of this.#registry.collections) {
      const type = resource.custom ? resource.served.get(apiVersion)?.type : undefined;
      const schema = type && customSchemaOf(type);
      if (!schema) continue;
      const known = this.#hashes.get(schema) ?? shortHash(JSON.stringify(schema));
      this.#hashes.set(schema, known);
      yield known;
    }
  }

  #version3(request: ServerRequest, name: string): ServerResponse {
    const hash = this.#hashOf(name);
    const asked = new URLSearchParams(request.path.slice(request.path.indexOf("?") + 1)).get("hash");
    if (asked && asked !== hash) {
      return { status: 301, headers: { location: this.#address(name), vary: "Accept" }, body: { kind: "none" } };
    }
    const { bytes } = this.#keep(name, () => {
      const apiVersion = name.replace(/^apis?\//, "");
      const { paths, schemas } = this.#collect("v3", apiVersion);
      return { openapi: "3.0.0", info, paths, components: { schemas } };
    });
    const answer = bytesAnswer(request, { bytes, hash }, "application/json");
    if (!asked) return answer;
    const expires = new Date(this.#now() + year).toUTCString();
    return { ...answer, headers: { ...answer.headers, "cache-control": "public, immutable", expires } };
  }

  #version2(request: ServerRequest): ServerResponse {
    const document = this.#keep("v2", () => {
      const { paths, schemas } = this.#collect("v2", undefined);
      return { swagger: "2.0", info, paths, definitions: schemas };
    });
    if (!wantsProtobufV2(request.headers.accept)) return bytesAnswer(request, document, "application/json");
    this.#protobuf ??= { bytes: encodeOpenApiV2(document.body), hash: document.hash };
    return bytesAnswer(request, this.#protobuf, protobufTypeV2);
  }

  #collect(dialect: Dialect, apiVersion: string | undefined): { readonly paths: Schema; readonly schemas: Schema } {
    const book = new SchemaBook(dialect);
    for (const name of ["ListMeta", "Status", "DeleteOptions", "ObjectMeta"]) {
      const type = lookupMeta(`meta/v1.${name}`);
      if (type) book.add(type);
    }
    book.put("io.k8s.apimachinery.pkg.apis.meta.v1.Patch", { type: "object" });
    const paths: Record<string, Schema> = {};
    for (const { resource } of this.#registry.collections) {
      for (const served of resource.served.values()) {
        if (apiVersion && served.apiVersion !== apiVersion) continue;
        Object.assign(paths, pathsOf(resource, served, book, dialect));
      }
    }
    const sorted = Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
    return { paths: sorted, schemas: book.all() };
  }

  #keep(name: string, make: () => Schema): Kept {
    const known = this.#documents.get(name);
    if (known) return known;
    const body = make();
    const bytes = Buffer.from(JSON.stringify(body));
    const made = { body, bytes, hash: createHash("sha512").update(bytes).digest("hex").toUpperCase() };
    this.#documents.set(name, made);
    return made;
  }
}

function shortHash(text: string): string {
  return createHash("sha512").update(text).digest("hex").toUpperCase().slice(0, 64);
}

function bytesAnswer(
  { headers }: ServerRequest,
  { bytes, hash }: { readonly bytes: Uint8Array; readonly hash: string },
  type: string,
): ServerResponse {
  const etag = `"${hash}"`;
  const common = { etag, vary: "Accept" };
  if (headers["if-none-match"] === etag) return { status: 304, headers: common, body: { kind: "none" } };
  return { status: 200, headers: { ...common, "content-type": type }, body: { kind: "bytes", bytes } };
}
