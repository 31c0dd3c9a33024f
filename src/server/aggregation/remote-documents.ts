import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { RemoteServer } from "./remote-server.ts";

type Document = Readonly<Record<string, unknown>>;

/** What an aggregated server says about a group version. */
export interface RemoteDocuments {
  /** Its resources as aggregated discovery lists them. */
  readonly resources: readonly Document[];
  readonly openapi2?: Document;
  /** The address of its OpenAPI v3 document, with its hash. */
  readonly openapi3?: string;
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly singularName?: string;
    readonly namespaced?: boolean;
    readonly group?: string;
    readonly version?: string;
    readonly kind: string;
    readonly verbs?: readonly string[];
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  }[];
}

interface GroupList {
  readonly kind?: string;
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly { readonly version?: string; readonly resources?: readonly Document[] }[];
  }[];
}

const aggregatedType =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/** Reads what a server says about itself. `list` is its APIResourceList; the rest may be missing. */
export async function readDocuments(
  server: RemoteServer,
  { group, version }: { readonly group: string; readonly version: string },
  list: unknown,
  log: Log,
): Promise<RemoteDocuments> {
  const read = (path: string, accept?: string) =>
    server.document(path, accept).catch((error: unknown) => {
      log.debug("an aggregated server has no such document", { path, error: errorMessage(error) });
      return undefined;
    });
  const root = group ? "/apis" : "/api";
  const [groups, openapi2, index] = await Promise.all([
    read(root, aggregatedType),
    read("/openapi/v2"),
    read("/openapi/v3"),
  ]);
  const found = (groups as GroupList | undefined)?.items?.find(({ metadata }) => (metadata?.name ?? "") === group);
  const resources = found?.versions?.find((one) => one.version === version)?.resources;
  const { paths } = (index ?? {}) as { readonly paths?: Readonly<Record<string, { serverRelativeURL?: string }>> };
  const openapi3 = paths?.[group ? `apis/${group}/${version}` : `api/${version}`]?.serverRelativeURL;
  return {
    resources: resources ?? fromList(group, version, list as ResourceList),
    ...(isObject(openapi2) ? { openapi2 } : {}),
    ...(openapi3 ? { openapi3 } : {}),
  };
}

const isObject = (value: unknown): value is Document => typeof value === "object" && value !== null;

/** The older form of discovery in the newer one's words. */
function fromList(group: string, version: string, { resources = [] }: ResourceList): readonly Document[] {
  const kindOf = (one: NonNullable<ResourceList["resources"]>[number]) => ({
    group: one.group ?? group,
    version: one.version ?? version,
    kind: one.kind,
  });
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map((one) => {
      const parts = resources.filter(({ name }) => name.startsWith(`${one.name}/`));
      return {
        resource: one.name,
        responseKind: kindOf(one),
        scope: one.namespaced ? "Namespaced" : "Cluster",
        singularResource: one.singularName ?? "",
        verbs: one.verbs ?? [],
        ...(one.shortNames ? { shortNames: one.shortNames } : {}),
        ...(one.categories ? { categories: one.categories } : {}),
        ...(parts.length > 0
          ? {
              subresources: parts.map((part) => ({
                subresource: part.name.slice(one.name.length + 1),
                responseKind: kindOf(part),
                verbs: part.verbs ?? [],
              })),
            }
          : {}),
      };
    });
}
