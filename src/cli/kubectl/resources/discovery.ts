import { isStatus, StatusError } from "../../../machinery/status-error.ts";
import type { Api } from "./api.ts";

/** A resource type that the server serves, in one version. */
export interface ApiResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** `deployments` */
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

/** What the server serves. */
export interface Discovery {
  /** In the server's order. */
  readonly groups: readonly {
    readonly name: string;
    /** Preferred first. */
    readonly versions: readonly {
      readonly version: string;
      readonly resources: readonly ApiResource[];
      readonly stale: boolean;
    }[];
  }[];
}

interface AggregatedList {
  readonly kind?: string;
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly group?: string; readonly version?: string; readonly kind?: string };
        readonly scope?: string;
        readonly singularResource?: string;
        readonly verbs?: readonly string[];
        readonly shortNames?: readonly string[];
        readonly categories?: readonly string[];
        readonly subresources?: readonly { readonly subresource: string }[];
      }[];
    }[];
  }[];
}

const aggregated = ["v2", "v2beta1"]
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat("application/json")
  .join(",");

/** Asks the server what it serves: two calls where it can tell all at once. */
export async function discover(api: Api): Promise<Discovery> {
  const [core, named] = await Promise.all([part(api, "/api"), part(api, "/apis")]);
  return { groups: [...core, ...named] };
}

async function part(api: Api, path: "/api" | "/apis"): Promise<Discovery["groups"]> {
  let answer: AggregatedList;
  try {
    answer = await api.call<AggregatedList>({ path, accept: aggregated });
  } catch (error) {
    if (error instanceof StatusError && (error.code === 404 || error.code === 406)) return [];
    // Of who asks, discovery tells only that nobody is known.
    throw isStatus(error, "Unauthorized")
      ? new StatusError("Unauthorized", "the server has asked for the client to provide credentials", error)
      : error;
  }
  if (answer.kind !== "APIGroupDiscoveryList")
    return await (await import("./legacy-discovery.ts")).legacyPart(api, answer);
  return (answer.items ?? []).map((group) => {
    const name = group.metadata?.name ?? "";
    return {
      name,
      versions: (group.versions ?? []).map(({ version, resources = [], freshness }) => ({
        version,
        stale: freshness === "Stale",
        resources: resources.map((resource) => ({
          group: name,
          version,
          kind: resource.responseKind?.kind ?? "",
          plural: resource.resource,
          singular: resource.singularResource || (resource.responseKind?.kind ?? "").toLowerCase(),
          namespaced: resource.scope === "Namespaced",
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          verbs: resource.verbs ?? [],
          subresources: (resource.subresources ?? []).map(({ subresource }) => subresource),
        })),
      })),
    };
  });
}
