import type { Metrics } from "../lib/metrics.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { MergedOpenApi } from "./aggregation/merged-openapi.ts";
import type { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import { asWanted, indented, jsonResponse, routeError, textResponse } from "./bodies/status-body.ts";
import type { Catalog } from "./discovery/catalog.ts";
import type { Discovery } from "./discovery/documents.ts";
import type { ServerRequest, ServerResponse } from "./exchange.ts";
import type { Health } from "./health.ts";
import type { PathRequest } from "./request-info.ts";
import { versionBody } from "./version.ts";

/** Answers a path that only this cluster's server has. Throws StatusError. */
export type PathHandler = (request: ServerRequest, about: PathRequest) => Promise<ServerResponse>;

export interface PathRouterOptions {
  readonly catalog: Catalog;
  readonly discovery: Discovery;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly openapi: Pick<MergedOpenApi, "answer" | "paths">;
  readonly accounts: ServiceAccountTokens;
  readonly address: () => string;
  /** Further paths, each with who answers it. */
  readonly others?: Readonly<Record<string, PathHandler>>;
  /** As `others`, but no list of paths tells of them. */
  readonly unlisted?: Readonly<Record<string, PathHandler>>;
}

/** Upstream routes these by their method too; health and metrics answer to any. */
const onlyRead = /^\/(?:version|apis?|openid|\.well-known)(?:\/|$)/;

/** Answers the paths that are no resources. */
export class PathRouter {
  readonly #options: PathRouterOptions;

  constructor(options: PathRouterOptions) {
    this.#options = options;
  }

  /** Throws MethodNotAllowed; NotFound for the path of a group that lacks its root. */
  async answer(request: ServerRequest, about: PathRequest): Promise<ServerResponse> {
    const { discovery, health, openapi, others = {}, unlisted = {} } = this.#options;
    const { path, query, verb } = about;
    for (const own of [others, unlisted]) if (Object.hasOwn(own, path)) return own[path]!(request, about);
    if (onlyRead.test(path) && verb !== "get" && verb !== "head") throw routeError("MethodNotAllowed");
    const discovered = discovery.answer(request, path);
    if (discovered) return asWanted(discovered, { headers: request.headers, query });
    const found =
      (await this.#fixed(path)) ?? (await health.answer(path, query)) ?? (await openapi.answer(request, path));
    if (found) return found;
    if (path.startsWith("/api/") || path.startsWith("/apis/")) return textResponse(404, "404 page not found\n");
    const meant = this.#underApis(path);
    if (meant) throw new StatusError("NotFound", `the server has nothing at ${path}: what is meant is at ${meant}`);
    return indented(jsonResponse(404, { paths: this.#paths() }));
  }

  /** Where a path leads that names a group right away, as documents of 2016 print it: below /apis, in `namespaces`. */
  #underApis(path: string): string | undefined {
    const [group, version, ...rest] = path.split("/").filter(Boolean);
    if (!group || !version) return undefined;
    const known = this.#options.catalog.groups.find(({ name }) => name === group);
    if (!known?.versions.some((one) => one.version === version)) return undefined;
    if (rest[0] === "namespace") rest[0] = "namespaces";
    return `/${["apis", group, version, ...rest].join("/")}`;
  }

  async #fixed(path: string): Promise<ServerResponse | undefined> {
    const { metrics, accounts, address } = this.#options;
    switch (path) {
      case "/":
        return indented(jsonResponse(200, { paths: this.#paths() }));
      case "/version":
      case "/version/":
        return indented(jsonResponse(200, versionBody()));
      case "/metrics":
        return textResponse(200, await metrics.text(), { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      case "/.well-known/openid-configuration":
        return jsonResponse(200, {
          issuer: accounts.issuer,
          jwks_uri: `https://${address()}/openid/v1/jwks`,
          response_types_supported: ["id_token"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: [...new Set(accounts.signer.keySet().keys.map(({ alg }) => alg))],
        });
      case "/openid/v1/jwks":
        return jsonResponse(200, accounts.signer.keySet(), { "content-type": "application/jwk-set+json" });
      default:
        return undefined;
    }
  }

  #paths(): readonly string[] {
    const { catalog, health, openapi, others: further = {} } = this.#options;
    const groups = catalog.groups.flatMap(({ name, versions }) => {
      const root = name ? `/apis/${name}` : "/api";
      return [root, ...versions.map(({ version }) => `${root}/${version}`)];
    });
    const others = ["/.well-known/openid-configuration", "/apis", "/apis/", "/metrics", "/openid/v1/jwks", "/version"];
    return [...new Set([...others, ...groups, ...health.paths, ...openapi.paths, ...Object.keys(further)])].sort();
  }
}
