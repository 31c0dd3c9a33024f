import { isIPv6 } from "node:net";
import { Endpoints } from "../../api/core/endpoints.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { EndpointAddress } from "../../api/generated/core-v1.ts";
import type { Endpoint } from "../../api/generated/discovery-v1.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { keyOf, keyText, type ObjectKey } from "../../machinery/object.ts";
import {
  declared,
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
  watches,
} from "../framework/controller.ts";
import { sliceMetrics } from "./slice-metrics.ts";
import { type AddressType, type Group, groupName, managerLabel, planSlices, serviceLabel } from "./slice-plan.ts";

const manager = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
/** Addresses of one subset beyond this number are left out (as upstream). */
const mostPerSubset = 1000;

/** Whether somebody fills these Endpoints by hand for a Service that selects nothing. */
function isMirrored({ metadata }: Endpoints, service: Service | undefined): boolean {
  if (!service || service.metadata.deletionTimestamp) return false;
  if (metadata.labels?.[skipLabel] === "true" || metadata.annotations?.[leaderAnnotation] !== undefined) return false;
  return Object.keys(service.spec.selector ?? {}).length === 0;
}

const meter = (metrics: Metrics) => sliceMetrics(metrics, "endpoint_slice_mirroring_controller", "Endpoints");

/** Copies hand-made Endpoints into EndpointSlices, which is where everybody looks today. */
export const endpointSliceMirroringController = defineController({
  name: "endpointslicemirroring",
  for: Endpoints,
  owns: [EndpointSlice],
  watches: [watches(Service, (service) => [keyOf(service)])],
  workers: 5,
  meters: declared(meter),
  reconcile: (key, context) => context.metrics.meter(meter).sync(() => reconcile(key, context)),
});

async function reconcile(key: ObjectKey, { cache, client, metrics }: ReconcileContext): Promise<ReconcileResult> {
  const endpoints = cache.get(Endpoints, key);
  const { planned, forgotten } = metrics.meter(meter);
  if (!endpoints || endpoints.metadata.deletionTimestamp) {
    forgotten(keyText(key));
    return done;
  }
  const existing = cache
    .ownedBy(EndpointSlice, endpoints.metadata.uid)
    .filter(({ metadata }) => metadata.labels?.[managerLabel] === manager && !metadata.deletionTimestamp);
  const mirrored = isMirrored(endpoints, cache.get(Service, key));
  const owner = {
    kind: Endpoints,
    object: endpoints,
    labels: { ...endpoints.metadata.labels, [serviceLabel]: endpoints.metadata.name, [managerLabel]: manager },
    keyOf: ({ addresses }: Endpoint) => addresses[0] ?? "",
  };
  const groups = mirrored ? groupsOf(endpoints) : [];
  const plan = planSlices(owner, groups, existing);
  if (mirrored || existing.length > 0) planned(keyText(key), groups, existing, plan, owner.keyOf);
  for (const slice of plan.create) await client.create(EndpointSlice, slice);
  for (const slice of plan.update) await client.update(EndpointSlice, slice);
  for (const slice of plan.delete) await client.delete(EndpointSlice, keyOf(slice));
  return done;
}

function groupsOf({ subsets = [] }: Endpoints): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const named = ports.map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol ? { appProtocol } : {}),
    }));
    const all = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ];
    for (const { address, ready } of all.slice(0, mostPerSubset)) {
      const addressType: AddressType = isIPv6(address.ip) ? "IPv6" : "IPv4";
      const name = groupName(addressType, named);
      const group = groups.get(name) ?? { addressType, ports: named, endpoints: new Map<string, Endpoint>() };
      groups.set(name, group);
      group.endpoints.set(address.ip, endpointOf(address, ready));
    }
  }
  return [...groups.values()];
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(targetRef ? { targetRef } : {}),
    ...(nodeName ? { nodeName } : {}),
  };
}
