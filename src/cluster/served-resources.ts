import type { APIGroupDiscoveryList, APIResourceDiscovery } from "../api/generated/apidiscovery-v2.ts";
import type { Transport } from "../client/transport.ts";
import { Fault } from "../lib/fault.ts";
import { resourcePath } from "../machinery/object.ts";
import { callApi } from "./api-call.ts";

/** What rules may be about: a resource of the API, with what discovery says of it. */
export interface ServedResource {
  readonly group: string;
  /** Empty for what only rules know. */
  readonly version: string;
  /** The plural. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** Other words for it: the singular, the short names. */
  readonly aliases: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

/** What is asked about by rules, but served by nobody. */
const unserved: readonly ServedResource[] = [
  ...[
    ["users", ""],
    ["groups", ""],
    ["uids", "authentication.k8s.io"],
    ["userextras", "authentication.k8s.io"],
  ].map(([resource = "", group = ""]) => ({ resource, group, verbs: ["impersonate"] })),
  { resource: "signers", group: "certificates.k8s.io", verbs: ["approve", "sign", "attest"] },
].map((one) => ({ ...one, version: "", namespaced: false, aliases: [], subresources: [] }));

/** Every resource that the API server serves, and those that only rules know; a group's preferred version first. */
export async function servedResources(transport: Transport): Promise<readonly ServedResource[]> {
  const lists = await Promise.all(["/api", "/apis"].map((path) => discovery(transport, path)));
  const served = lists
    .flatMap(({ items }) => items)
    .flatMap(({ metadata, versions = [] }) =>
      versions.flatMap(({ version, resources = [] }) =>
        resources.map((resource) => asServed(metadata.name ?? "", version, resource)),
      ),
    );
  return [...served, ...unserved];
}

/** The resource that a word names: `pods`, `po`, `pod`, `deployments.apps`; undefined when there is none. */
export function findResource(resources: readonly ServedResource[], word: string): ServedResource | undefined {
  const [first = "", ...rest] = word.toLowerCase().split(".");
  const group = rest.join(".");
  const inGroup = resources.filter((one) => rest.length === 0 || one.group === group);
  // A plural counts for more than somebody else's short name.
  return inGroup.find(({ resource }) => resource === first) ?? inGroup.find(({ aliases }) => aliases.includes(first));
}

/** The path of a resource's objects, in one namespace or in all. */
export function collectionPath({ resource, ...about }: ServedResource, namespace?: string): string {
  return resourcePath({ ...about, plural: resource, kind: "" }, { namespace });
}

function asServed(group: string, version: string, found: APIResourceDiscovery): ServedResource {
  const { resource, scope, singularResource, verbs, shortNames = [], subresources = [] } = found;
  return {
    group,
    version,
    resource,
    namespaced: scope === "Namespaced",
    aliases: [singularResource, ...shortNames],
    verbs,
    subresources: subresources.map(({ subresource }) => subresource),
  };
}

async function discovery(transport: Transport, path: string): Promise<APIGroupDiscoveryList> {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const value = (await callApi(transport, { method: "GET", path, headers: { accept } })) as object;
  if (!Array.isArray((value as Partial<APIGroupDiscoveryList>).items)) {
    throw new Fault("unsupported", `the API server does not tell its resources at ${path}`);
  }
  return value as APIGroupDiscoveryList;
}
