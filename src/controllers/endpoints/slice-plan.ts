import type { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { Endpoint, EndpointPort } from "../../api/generated/discovery-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { Draft, KindRef, KubeObject } from "../../machinery/object.ts";
import { controllerReference } from "../framework/ownership.ts";

/** Endpoints per slice (as upstream's default). */
export const sliceSize = 100;
export const serviceLabel = "kubernetes.io/service-name";
export const managerLabel = "endpointslice.kubernetes.io/managed-by";

export type AddressType = "IPv4" | "IPv6";

/** Endpoints that share a family and their ports. */
export interface Group {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** Whose slices are planned, and what they are called. */
export interface SliceOwner {
  readonly kind: KindRef<unknown>;
  readonly object: KubeObject;
  readonly labels: Readonly<Record<string, string>>;
  /** What an endpoint is known by from one slice to the next. */
  readonly keyOf: (endpoint: Endpoint) => string;
}

export interface SlicePlan {
  readonly create: readonly Draft<EndpointSlice>[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/** Endpoints of equal name here share slices. */
export const groupName = (
  addressType: string,
  ports: readonly {
    readonly name?: string;
    readonly port?: number;
    readonly protocol?: string;
    readonly appProtocol?: string;
  }[],
) =>
  `${addressType} ${ports
    .map(({ name = "", port, protocol, appProtocol = "" }) => `${name}:${port}/${protocol}/${appProtocol}`)
    .sort()
    .join(",")}`;

/** What to write so that `existing` becomes `groups`. Slices are kept, filled up and emptied before new ones are made. */
export function planSlices(owner: SliceOwner, groups: readonly Group[], existing: readonly EndpointSlice[]): SlicePlan {
  const create: Draft<EndpointSlice>[] = [];
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  const claimed = new Set<EndpointSlice>();
  const { labels } = owner;
  for (const group of groups) {
    const name = groupName(group.addressType, group.ports);
    const slices = existing.filter((slice) => groupName(slice.addressType, slice.ports ?? []) === name);
    for (const slice of slices) claimed.add(slice);
    const waiting = new Map(group.endpoints);
    const kept = slices.map((slice) =>
      (slice.endpoints ?? []).flatMap((endpoint) => {
        const key = owner.keyOf(endpoint);
        const wanted = waiting.get(key);
        if (!wanted) return [];
        waiting.delete(key);
        return [wanted];
      }),
    );
    const fresh = [...waiting.values()];
    slices.forEach((slice, index) => {
      const changed = !isEqual(kept[index], slice.endpoints ?? []);
      const room = sliceSize - kept[index]!.length;
      // A slice that must be written anyway takes newcomers too; another is touched only if they would need a new one.
      const endpoints =
        room > 0 && fresh.length > 0 && (changed || fresh.length <= room)
          ? [...kept[index]!, ...fresh.splice(0, room)]
          : kept[index]!;
      const last =
        index === slices.length - 1 && slices.every((_, other) => other === index || kept[other]!.length === 0);
      if (endpoints.length === 0 && !(group.endpoints.size === 0 && last)) remove.push(slice);
      else if (!isEqual(endpoints, slice.endpoints ?? []) || !isEqual(labels, slice.metadata.labels ?? {})) {
        update.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints });
      }
    });
    while (fresh.length > 0 || (slices.length === 0 && group.endpoints.size === 0)) {
      create.push(draftOf(owner, group, fresh.splice(0, sliceSize)));
      if (fresh.length === 0) break;
    }
  }
  remove.push(...existing.filter((slice) => !claimed.has(slice)));
  return { create, update, delete: remove };
}

function draftOf(
  { kind, object, labels }: SliceOwner,
  group: Group,
  endpoints: readonly Endpoint[],
): Draft<EndpointSlice> {
  const { name, namespace } = object.metadata;
  return {
    metadata: {
      generateName: `${name}-`,
      namespace: namespace ?? "",
      labels,
      ownerReferences: [controllerReference(kind, object)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports,
  };
}
