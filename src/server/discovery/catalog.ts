import type { Registry } from "../../registry/registry.ts";
import type { Resource, Served } from "../../registry/resource.ts";
import { scaleKindOf } from "../subresources/scale-kind.ts";

/** A resource or subresource, as discovery describes it. */
export interface CatalogEntry {
  /** `pods`, or `pods/log`. */
  readonly name: string;
  /** What it is sorted by: its name, but subresources of custom resources stay together as they are. */
  readonly order: string;
  readonly singular: string;
  readonly namespaced: boolean;
  /** Of the objects that it speaks. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

export interface CatalogVersion {
  readonly version: string;
  readonly apiVersion: string;
  /** Sorted by name. */
  readonly entries: readonly CatalogEntry[];
}

export interface CatalogGroup {
  /** Empty for the core group. */
  readonly name: string;
  /** The preferred one first. */
  readonly versions: readonly CatalogVersion[];
}

/** Groups in upstream's order of preference; others follow by name. */
const groupOrder = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "extensions",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
];

/** What is served, by group and version; made anew when a kind comes or goes. */
export class Catalog {
  readonly #registry: Registry;
  #edition = -1;
  #groups: readonly CatalogGroup[] = [];

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get edition(): number {
    return this.#registry.edition;
  }

  get groups(): readonly CatalogGroup[] {
    if (this.#edition !== this.#registry.edition) {
      this.#groups = readGroups(this.#registry);
      this.#edition = this.#registry.edition;
    }
    return this.#groups;
  }

  version(apiVersion: string): CatalogVersion | undefined {
    for (const group of this.groups) {
      const found = group.versions.find((version) => version.apiVersion === apiVersion);
      if (found) return found;
    }
    return undefined;
  }
}

function readGroups(registry: Registry): readonly CatalogGroup[] {
  const groups = new Map<string, Map<string, CatalogEntry[]>>();
  for (const { resource } of registry.collections) {
    for (const served of resource.served.values()) {
      const versions = groups.get(served.group) ?? new Map<string, CatalogEntry[]>();
      groups.set(served.group, versions);
      const entries = versions.get(served.version) ?? [];
      versions.set(served.version, entries);
      entries.push(...entriesOf(resource, served));
    }
  }
  const names = [...groups.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return names.map((name) => ({
    name,
    versions: Array.from(groups.get(name) ?? [], ([version, entries]) => ({
      version,
      apiVersion: name ? `${name}/${version}` : version,
      entries: entries.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0)),
    })).sort((a, b) => compareVersions(a.version, b.version)),
  }));
}

const rank = (group: string) => (groupOrder.includes(group) ? groupOrder.indexOf(group) : groupOrder.length);

/** Orders versions as Kubernetes does: stable before beta before alpha, then the newer first. */
export function compareVersions(a: string, b: string): number {
  const left = versionParts(a);
  const right = versionParts(b);
  for (const [index, value] of left.entries()) {
    const difference = (right[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function versionParts(text: string): readonly [stage: number, major: number, minor: number] {
  const [, major, stage, minor] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text) ?? [];
  if (!major) return [-1, 0, 0];
  return [stage === "alpha" ? 0 : stage === "beta" ? 1 : 2, Number(major), Number(minor ?? 0)];
}

/** Groups whose resources moved elsewhere: with their short names and categories, `kubectl get all` would show all twice. */
const olderGroups = new Set(["extensions"]);

function* entriesOf(resource: Resource, served: Served): Iterable<CatalogEntry> {
  const { namespaced, declaration } = resource;
  const { plural } = served;
  const renamed = plural !== resource.plural || served.verbs.length === 0;
  const singular = renamed ? served.kind.toLowerCase() : resource.singular;
  const own = { namespaced, group: served.group, version: served.version, kind: served.kind };
  const known = renamed || olderGroups.has(served.group);
  yield {
    name: plural,
    order: plural,
    singular,
    ...own,
    verbs: served.verbs,
    shortNames: known ? [] : (declaration.shortNames ?? []),
    categories: known ? [] : (declaration.categories ?? []),
  };
  for (const subresource of served.subresources) {
    const { verbs, ...body } = subresourceFacts(subresource, plural, served);
    const name = `${plural}/${subresource}`;
    const order = resource.custom ? `${plural}/` : name;
    yield { name, order, singular: "", ...own, ...body, verbs, shortNames: [], categories: [] };
  }
}

interface SubresourceFacts {
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
}

const part: SubresourceFacts = { verbs: ["get", "patch", "update"] };

const facts: Readonly<Record<string, SubresourceFacts>> = {
  status: part,
  approval: part,
  ephemeralcontainers: part,
  resize: part,
  finalize: { verbs: ["update"] },
  log: { verbs: ["get"] },
  binding: { verbs: ["create"], kind: "Binding" },
  rollback: { verbs: ["create"], kind: "DeploymentRollback" },
  eviction: { verbs: ["create"], group: "policy", version: "v1", kind: "Eviction" },
  token: { verbs: ["create"], group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
};

const proxyVerbs = ["create", "delete", "get", "patch", "update"];
const connectKinds: Readonly<Record<string, string>> = {
  exec: "PodExecOptions",
  attach: "PodAttachOptions",
  portforward: "PodPortForwardOptions",
};

function subresourceFacts(subresource: string, plural: string, served: Served): SubresourceFacts {
  if (subresource === "proxy") return { verbs: proxyVerbs, kind: `${served.kind}ProxyOptions` };
  if (subresource === "scale") {
    const { group, version, kind } = scaleKindOf(served);
    return { ...part, group, version, kind };
  }
  const connect = connectKinds[subresource];
  if (connect && plural === "pods") return { verbs: ["create", "get"], kind: connect };
  return facts[subresource] ?? part;
}
