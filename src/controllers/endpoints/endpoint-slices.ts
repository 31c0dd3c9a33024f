import { Node } from "../../api/core/node.ts";
import type { Pod } from "../../api/core/pod.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { Endpoint } from "../../api/generated/discovery-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { type Cache, defineController, done } from "../framework/controller.ts";
import { controllerReference } from "../framework/ownership.ts";
import {
  conditionsOf,
  hostnameIn,
  inheritedLabels,
  podAddresses,
  podsBehind,
  podsWakeTheirServices,
  type ResolvedPort,
  resolvePorts,
} from "./selected-pods.ts";

/** Endpoints per slice (as upstream's default). */
const sliceSize = 100;
const serviceLabel = "kubernetes.io/service-name";
const managerLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";

type AddressType = "IPv4" | "IPv6";

/** Endpoints that share a family and their ports. */
interface Group {
  readonly addressType: AddressType;
  readonly ports: readonly ResolvedPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** Keeps EndpointSlices of every Service with a selector equal to the pods behind it, touching as few slices as it can. */
export const endpointSliceController = defineController({
  name: "endpointslice",
  for: Service,
  owns: [EndpointSlice],
  watches: [podsWakeTheirServices],
  reads: [Node as unknown as KindRef<KubeObject>],
  async reconcile(key, { cache, client }) {
    const service = cache.get(Service, key);
    if (!service || service.metadata.deletionTimestamp || service.spec.type === "ExternalName") return done;
    if (Object.keys(service.spec.selector ?? {}).length === 0) return done;
    const existing = cache
      .ownedBy(EndpointSlice, service.metadata.uid)
      .filter((slice) => slice.metadata.labels?.[managerLabel] === manager && !slice.metadata.deletionTimestamp);
    const plan = planSlices(service, groupsOf(service, cache), existing);
    for (const slice of plan.create) await client.create(EndpointSlice, slice);
    for (const slice of plan.update) await client.update(EndpointSlice, slice);
    for (const slice of plan.delete) await client.delete(EndpointSlice, keyOf(slice));
    return done;
  },
});

function groupsOf(service: Service, cache: Cache): readonly Group[] {
  const groups = new Map<string, Group>();
  const add = (addressType: AddressType, ports: readonly ResolvedPort[]): Group => {
    const name = groupName(addressType, ports);
    let group = groups.get(name);
    if (!group) {
      group = { addressType, ports, endpoints: new Map() };
      groups.set(name, group);
    }
    return group;
  };
  const families: readonly AddressType[] = service.spec.ipFamilies?.length
    ? service.spec.ipFamilies.map((family) => (family === "IPv6" ? "IPv6" : "IPv4"))
    : ["IPv4"];
  for (const pod of podsBehind(service, cache)) {
    const ports = resolvePorts(service, pod);
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue;
    for (const family of families) {
      const address = podAddresses(pod).find((ip) => ip.includes(":") === (family === "IPv6"));
      if (address) add(family, ports).endpoints.set(pod.metadata.uid, endpointOf(pod, service, address, cache));
    }
  }
  for (const family of families) {
    if (![...groups.values()].some((group) => group.addressType === family)) add(family, []);
  }
  return [...groups.values()];
}

function endpointOf(pod: Pod, service: Service, address: string, cache: Cache): Endpoint {
  const { name, namespace, uid } = pod.metadata;
  const { nodeName } = pod.spec;
  const zone = nodeName
    ? cache.get(Node, { name: nodeName })?.metadata.labels?.["topology.kubernetes.io/zone"]
    : undefined;
  const hostname = hostnameIn(pod, service);
  return {
    addresses: [address],
    conditions: conditionsOf(pod, service),
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

const groupName = (
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
export function planSlices(service: Service, groups: readonly Group[], existing: readonly EndpointSlice[]) {
  const create: ReturnType<typeof draftOf>[] = [];
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  const claimed = new Set<EndpointSlice>();
  const labels = labelsOf(service);
  for (const group of groups) {
    const name = groupName(group.addressType, group.ports);
    const slices = existing.filter((slice) => groupName(slice.addressType, slice.ports ?? []) === name);
    for (const slice of slices) claimed.add(slice);
    const waiting = new Map(group.endpoints);
    const kept = slices.map((slice) =>
      (slice.endpoints ?? []).flatMap((endpoint) => {
        const uid = endpoint.targetRef?.uid ?? "";
        const wanted = waiting.get(uid);
        if (!wanted) return [];
        waiting.delete(uid);
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
      create.push(draftOf(service, group, fresh.splice(0, sliceSize)));
      if (fresh.length === 0) break;
    }
  }
  remove.push(...existing.filter((slice) => !claimed.has(slice)));
  return { create, update, delete: remove };
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  return { ...inheritedLabels(service), [managerLabel]: manager, [serviceLabel]: service.metadata.name };
}

function draftOf(service: Service, group: Group, endpoints: readonly Endpoint[]) {
  const { name, namespace } = service.metadata;
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: labelsOf(service),
      ownerReferences: [controllerReference(Service, service)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports,
  };
}
