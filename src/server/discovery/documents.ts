import { createHash } from "node:crypto";
import type { RemoteVersion } from "../aggregation/aggregator.ts";
import { type DiscoveredGroup, discoveredGroups } from "../aggregation/merged-groups.ts";
import { clausesOf } from "../bodies/media-type.ts";
import { jsonResponse, textResponse } from "../bodies/status-body.ts";
import type { ServerRequest, ServerResponse } from "../exchange.ts";
import type { Catalog, CatalogEntry, CatalogVersion } from "./catalog.ts";

const notFoundText = "404 page not found\n";

/** Group versions that other servers answer for. */
export interface RemoteGroups {
  /** Grows with every change. */
  readonly edition: number;
  readonly versions: Iterable<RemoteVersion>;
}

/** Answers `/api`, `/apis` and what is below them down to a group version; undefined for any other path. */
export class Discovery {
  readonly #catalog: Catalog;
  readonly #address: () => string;
  readonly #remote: RemoteGroups;
  #edition = "";
  #groups: readonly DiscoveredGroup[] = [];
  readonly #aggregated = new Map<string, { readonly body: object; readonly etag: string }>();

  constructor(catalog: Catalog, address: () => string, remote: RemoteGroups = { edition: 0, versions: [] }) {
    this.#catalog = catalog;
    this.#address = address;
    this.#remote = remote;
  }

  #all(): readonly DiscoveredGroup[] {
    const edition = `${this.#catalog.edition}/${this.#remote.edition}`;
    if (this.#edition !== edition) {
      this.#groups = discoveredGroups(this.#catalog.groups, [...this.#remote.versions]);
      this.#aggregated.clear();
      this.#edition = edition;
    }
    return this.#groups;
  }

  answer(request: ServerRequest, path: string): ServerResponse | undefined {
    const steps = path.split("/").filter((step) => step !== "");
    const [root, group, version, ...more] = steps;
    if (more.length > 0) return undefined;
    if (root === "api") {
      if (group === undefined) return this.#aggregate(request, "core") ?? jsonResponse(200, this.#coreVersions());
      return version === undefined ? this.#resources(group) : undefined;
    }
    if (root !== "apis") return undefined;
    if (group === undefined) return this.#aggregate(request, "named") ?? jsonResponse(200, this.#groupList());
    if (version !== undefined) return this.#resources(`${group}/${version}`);
    const known = this.#all().find(({ name }) => name === group);
    return known
      ? jsonResponse(200, { kind: "APIGroup", apiVersion: "v1", ...groupBody(known) })
      : textResponse(404, notFoundText);
  }

  #coreVersions(): object {
    const core = this.#all().find(({ name }) => name === "");
    const serverAddress = this.#address();
    return {
      kind: "APIVersions",
      versions: core?.versions.map(({ version }) => version) ?? [],
      serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
    };
  }

  #groupList(): object {
    const groups = this.#all()
      .filter(({ name }) => name !== "")
      .map(groupBody);
    return { kind: "APIGroupList", apiVersion: "v1", groups };
  }

  #resources(apiVersion: string): ServerResponse {
    const version = this.#catalog.version(apiVersion);
    if (!version) return textResponse(404, notFoundText);
    return jsonResponse(200, {
      kind: "APIResourceList",
      ...(apiVersion.includes("/") ? { apiVersion: "v1" } : {}),
      groupVersion: apiVersion,
      resources: version.entries.map((entry) => resourceBody(entry, version)),
    });
  }

  #aggregate({ headers }: ServerRequest, which: "core" | "named"): ServerResponse | undefined {
    const clauses = headers.accept ? clausesOf(headers.accept) : [];
    const wanted = clauses.find(({ type, parameters }) => type === "application/json" || parameters.as)?.parameters;
    const version = wanted?.v;
    if (wanted?.as !== "APIGroupDiscoveryList" || wanted.g !== "apidiscovery.k8s.io") return undefined;
    if (version !== "v2" && version !== "v2beta1") return undefined;
    const { body, etag } = this.#document(which, version);
    const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const common = { etag, vary: "Accept", "cache-control": "public" };
    if (headers["if-none-match"] === etag) return { status: 304, headers: common, body: { kind: "none" } };
    return jsonResponse(200, body, { ...common, "content-type": type });
  }

  #document(which: "core" | "named", version: string): { readonly body: object; readonly etag: string } {
    const all = this.#all();
    const key = `${which}/${version}`;
    const known = this.#aggregated.get(key);
    if (known) return known;
    const groups = all.filter(({ name }) => (name === "") === (which === "core"));
    const body = {
      kind: "APIGroupDiscoveryList",
      apiVersion: `apidiscovery.k8s.io/${version}`,
      metadata: {},
      items: groups.map(discoveryBody),
    };
    const etag = `"${createHash("sha512").update(JSON.stringify(body)).digest("hex").toUpperCase()}"`;
    const made = { body, etag };
    this.#aggregated.set(key, made);
    return made;
  }
}

function groupBody({ name, versions }: DiscoveredGroup): object {
  const list = versions.map(({ apiVersion, version }) => ({ groupVersion: apiVersion, version }));
  return { name, versions: list, preferredVersion: list[0] };
}

function resourceBody(entry: CatalogEntry, { apiVersion }: CatalogVersion): object {
  const { name, singular, namespaced, group, version, kind, verbs, shortNames, categories } = entry;
  const own = (group ? `${group}/${version}` : version) === apiVersion;
  return {
    name,
    singularName: singular,
    namespaced,
    ...(own ? {} : { group, version }),
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
}

function discoveryBody({ name, versions }: DiscoveredGroup): object {
  return {
    metadata: { ...(name ? { name } : {}), creationTimestamp: null },
    versions: versions.map(({ version, own, remote }) => ({
      version,
      resources: own ? ownResources(own) : (remote?.documents?.resources ?? []),
      freshness: remote && !remote.server.available ? "Stale" : "Current",
    })),
  };
}

function ownResources({ entries }: CatalogVersion): readonly object[] {
  return entries.filter(({ name }) => !name.includes("/")).map((entry) => aggregatedResource(entry, entries));
}

function aggregatedResource(entry: CatalogEntry, all: readonly CatalogEntry[]): object {
  const { name, singular, namespaced, group, version, kind, verbs, shortNames, categories } = entry;
  const subresources = all.filter((other) => other.name.startsWith(`${name}/`));
  return {
    resource: name,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((other) => ({
            subresource: other.name.slice(name.length + 1),
            responseKind: { group: other.group, version: other.version, kind: other.kind },
            verbs: other.verbs,
          })),
        }
      : {}),
  };
}
