import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { Endpoint, EndpointHints } from "../../api/generated/discovery-v1.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { keyOf, keyText, type ObjectKey } from "../../machinery/object.ts";
import {
  type Cache,
  declared,
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
  restAfter,
  watches,
} from "../framework/controller.ts";
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
import { sliceMetrics } from "./slice-metrics.ts";
import { type AddressType, type Group, groupName, managerLabel, planSlices, serviceLabel } from "./slice-plan.ts";
import { changesShares, planTopology, wantsTopologyHints, zoneShares } from "./topology-hints.ts";

const manager = "endpointslice-controller.k8s.io";

const meter = (metrics: Metrics) => sliceMetrics(metrics, "endpoint_slice_controller", "a Service");

/** Keeps EndpointSlices of every Service with a selector equal to the pods behind it, touching as few slices as it can. */
export const endpointSliceController = defineController({
  name: "endpointslice",
  for: Service,
  owns: [EndpointSlice],
  watches: [
    podsWakeTheirServices,
    watches(Node, (node, previous, cache) =>
      changesShares(node, previous) ? cache.list(Service).filter(wantsTopologyHints).map(keyOf) : [],
    ),
  ],
  meters: declared(meter),
  reconcile: (key, context) => context.metrics.meter(meter).sync(() => reconcile(key, context)),
});

async function reconcile(
  key: ObjectKey,
  { cache, client, events, metrics }: ReconcileContext,
): Promise<ReconcileResult> {
  const service = cache.get(Service, key);
  const { planned, forgotten } = metrics.meter(meter);
  const selects = service && Object.keys(service.spec.selector ?? {}).length > 0;
  if (!selects || service.metadata.deletionTimestamp || service.spec.type === "ExternalName") {
    forgotten(keyText(key));
    return done;
  }
  const existing = cache
    .ownedBy(EndpointSlice, service.metadata.uid)
    .filter((slice) => slice.metadata.labels?.[managerLabel] === manager && !slice.metadata.deletionTimestamp);
  const owner = { kind: Service, object: service, labels: labelsOf(service), keyOf: podUid };
  const groups = groupsOf(service, cache);
  for (const family of new Set(groups.map(({ addressType }) => addressType))) {
    const news = hintZones(
      service,
      groups.filter(({ addressType }) => addressType === family),
      hintsBefore(existing.filter(({ addressType }) => addressType === family)),
      cache,
    );
    if (news) events.record(service, news.type, news.reason, `${news.message}, addressType: ${family}`);
  }
  const plan = planSlices(owner, groups, existing);
  planned(keyText(key), groups, existing, plan, podUid);
  for (const slice of plan.create) await client.create(EndpointSlice, slice);
  for (const slice of plan.update) await client.update(EndpointSlice, slice);
  for (const slice of plan.delete) await client.delete(EndpointSlice, keyOf(slice));
  return restAfter(cache.list(Pod, key.namespace).length);
}

const podUid = (endpoint: Endpoint) => endpoint.targetRef?.uid ?? "";

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
  const conditions = conditionsOf(pod, service);
  const hints = conditions.ready ? hintsOf(service, nodeName, zone) : undefined;
  return {
    addresses: [address],
    conditions,
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hints ? { hints } : {}),
  };
}

/** For whom an endpoint is meant, by the service's trafficDistribution (KEP-4444, KEP-3015); undefined: for everybody. */
function hintsOf({ spec }: Service, nodeName: string | undefined, zone: string | undefined): EndpointHints | undefined {
  const distribution = spec.trafficDistribution;
  if (!distribution || !["PreferClose", "PreferSameZone", "PreferSameNode"].includes(distribution)) return undefined;
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  const forNodes = distribution === "PreferSameNode" && nodeName ? { forNodes: [{ name: nodeName }] } : {};
  const hints = { ...forZones, ...forNodes };
  return Object.keys(hints).length > 0 ? hints : undefined;
}

/** The zone that each endpoint was meant for, by its pod. */
function hintsBefore(slices: readonly EndpointSlice[]): ReadonlyMap<string, string> {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  return new Map(
    endpoints.flatMap((endpoint) => {
      const zone = endpoint.hints?.forZones?.[0]?.name;
      return zone === undefined ? [] : [[podUid(endpoint), zone] as const];
    }),
  );
}

/** What is told of a Service's hints. */
interface HintNews {
  readonly type: "Normal" | "Warning";
  readonly reason: "TopologyAwareHintsEnabled" | "TopologyAwareHintsDisabled";
  readonly message: string;
}

/** Shares one family's endpoints out among zones, if the Service wants that; writes the hints into the groups. */
function hintZones(
  service: Service,
  groups: readonly Group[],
  before: ReadonlyMap<string, string>,
  cache: Cache,
): HintNews | undefined {
  const disabled = (message: string): HintNews => ({ type: "Warning", reason: "TopologyAwareHintsDisabled", message });
  if (!wantsTopologyHints(service)) {
    const ended = before.size > 0 && !service.spec.trafficDistribution;
    return ended ? disabled("Topology Aware Hints has been disabled") : undefined;
  }
  const all = groups.flatMap(({ endpoints }) => [...endpoints.keys()].map((uid) => ({ endpoints, uid })));
  const ready = all
    .filter(({ endpoints, uid }) => endpoints.get(uid)?.conditions?.ready)
    .map((place) => ({ ...place, endpoint: place.endpoints.get(place.uid)! }));
  const hinted = ready.map(({ uid }) => before.get(uid));
  const endpoints = ready.map(({ endpoint }) => endpoint);
  const plan = planTopology(endpoints, hinted, zoneShares(cache.list(Node)));
  for (const [index, place] of ready.entries()) {
    const { hints: _, ...endpoint } = place.endpoint;
    const zone = "zones" in plan ? plan.zones[index]! : undefined;
    place.endpoints.set(
      place.uid,
      zone === undefined ? endpoint : { ...endpoint, hints: { forZones: [{ name: zone }] } },
    );
  }
  if ("trouble" in plan) return disabled(plan.trouble);
  const message = "Topology Aware Hints has been enabled";
  return before.size === 0 ? { type: "Normal", reason: "TopologyAwareHintsEnabled", message } : undefined;
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  return { ...inheritedLabels(service), [managerLabel]: manager, [serviceLabel]: service.metadata.name };
}
