import type { KubeObject } from "../../machinery/object.ts";
import type * as discovery from "../generated/discovery-v1.ts";
import type { VersionMapping } from "../kind.ts";

const beta = "discovery.k8s.io/v1beta1";
const zoneKey = "topology.kubernetes.io/zone";

interface OldEndpoint extends Omit<discovery.Endpoint, "zone" | "deprecatedTopology"> {
  readonly topology?: Readonly<Record<string, string>>;
}
type OldSlice = KubeObject & { readonly endpoints?: readonly OldEndpoint[] | null };
type Slice = KubeObject & { readonly endpoints?: readonly discovery.Endpoint[] | null };

function newEndpoint({ topology, ...endpoint }: OldEndpoint): discovery.Endpoint {
  if (!topology) return endpoint;
  const { [zoneKey]: zone, ...others } = topology;
  return {
    ...endpoint,
    ...(zone === undefined ? {} : { zone }),
    ...(Object.keys(others).length > 0 ? { deprecatedTopology: others } : {}),
  };
}

function oldEndpoint({ zone, deprecatedTopology, ...endpoint }: discovery.Endpoint): OldEndpoint {
  if (zone === undefined && !deprecatedTopology) return endpoint;
  return { ...endpoint, topology: { ...deprecatedTopology, ...(zone === undefined ? {} : { [zoneKey]: zone }) } };
}

/** Slices whose endpoints had a map of labels where they have a zone today. */
export const sliceMappings: Readonly<Record<string, VersionMapping>> = {
  [beta]: {
    type: "discovery/v1beta1.EndpointSlice",
    toStored: (object) => {
      const { endpoints, ...slice } = object as OldSlice;
      const stored = endpoints ? endpoints.map(newEndpoint) : endpoints;
      return { ...slice, endpoints: stored, apiVersion: "discovery.k8s.io/v1" } as KubeObject;
    },
    fromStored: (object) => {
      const { endpoints, ...slice } = object as Slice;
      const served = endpoints ? endpoints.map(oldEndpoint) : endpoints;
      return { ...slice, endpoints: served, apiVersion: beta } as KubeObject;
    },
  },
};
