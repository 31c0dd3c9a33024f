import { Endpoints } from "../../api/core/endpoints.ts";
import { Pod } from "../../api/core/pod.ts";
import { Service } from "../../api/core/service.ts";
import type { EndpointAddress, EndpointSubset } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { type Cache, defineController, done, restAfter, watches } from "../framework/controller.ts";
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

/** More addresses than this are left out, and an annotation says so (as upstream). */
const capacity = 1000;
const capacityAnnotation = "endpoints.kubernetes.io/over-capacity";
const managerLabel = "endpoints.kubernetes.io/managed-by";

/** Keeps the older Endpoints object of every Service with a selector equal to the pods behind it. */
export const endpointsController = defineController({
  name: "endpoint",
  serviceAccount: "endpoint-controller",
  for: Service,
  watches: [podsWakeTheirServices, watches(Endpoints, (endpoints) => [keyOf(endpoints)])],
  async reconcile(key, { cache, client }) {
    const service = cache.get(Service, key);
    const known = cache.get(Endpoints, key);
    if (!service) {
      // Endpoints without a Service are somebody's own unless this controller made them.
      if (known?.metadata.labels?.[managerLabel]) {
        await client.delete(Endpoints, key).catch((error) => {
          if (!isStatus(error, "NotFound")) throw error;
        });
      }
      return done;
    }
    if (service.metadata.deletionTimestamp || service.spec.type === "ExternalName") return done;
    if (Object.keys(service.spec.selector ?? {}).length === 0) return done;
    const { subsets, cut } = subsetsOf(service, cache);
    const labels = { ...inheritedLabels(service), [managerLabel]: "endpoint-controller" };
    const others = { ...known?.metadata.annotations };
    delete others[capacityAnnotation];
    const annotations = cut ? { ...others, [capacityAnnotation]: "truncated" } : others;
    if (!known) {
      await client.create(Endpoints, { metadata: { ...key, labels, annotations }, subsets });
      return done;
    }
    const same =
      isEqual(known.subsets ?? [], subsets) &&
      isEqual(known.metadata.labels ?? {}, labels) &&
      isEqual(known.metadata.annotations ?? {}, annotations);
    if (!same)
      await client.update(Endpoints, { ...known, metadata: { ...known.metadata, labels, annotations }, subsets });
    return restAfter(cache.list(Pod, key.namespace).length);
  },
});

interface Member {
  readonly address: EndpointAddress;
  readonly ready: boolean;
}

/**
 * The pods by what they offer, as upstream packs them: who offers the same port is in one subset, and ports that are
 * offered by the very same pods share it.
 */
function subsetsOf(
  service: Service,
  cache: Cache,
): { readonly subsets: readonly EndpointSubset[]; readonly cut: boolean } {
  const byPort = new Map<string, { readonly port: ResolvedPort | undefined; readonly members: Member[] }>();
  const sorted = [...podsBehind(service, cache)].sort((a, b) => compareTexts(podAddresses(a)[0]!, podAddresses(b)[0]!));
  let count = 0;
  let cut = false;
  for (const pod of sorted) {
    const state = conditionsOf(pod, service);
    if (state.terminating && !service.spec.publishNotReadyAddresses) continue;
    const ports = resolvePorts(service, pod);
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue;
    if (++count > capacity) {
      cut = true;
      continue;
    }
    const hostname = hostnameIn(pod, service);
    const address: EndpointAddress = {
      ip: podAddresses(pod)[0]!,
      ...(hostname ? { hostname } : {}),
      ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: { kind: "Pod", namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    };
    for (const port of ports.length > 0 ? ports : [undefined]) {
      const name = JSON.stringify(port ?? null);
      const known = byPort.get(name) ?? { port, members: [] };
      byPort.set(name, known);
      known.members.push({ address, ready: state.ready });
    }
  }
  const groups = Map.groupBy(byPort.values(), ({ members }) =>
    members.map(({ address, ready }) => `${address.targetRef?.uid} ${ready}`).join(),
  );
  const subsets = [...groups.values()].map((group) => {
    const members = group[0]?.members ?? [];
    const ports = group.flatMap(({ port }) => port ?? []).map(({ name, ...port }) => (name ? { name, ...port } : port));
    const ready = members.filter((member) => member.ready).map(({ address }) => address);
    const notReady = members.filter((member) => !member.ready).map(({ address }) => address);
    return {
      ...(ready.length > 0 ? { addresses: ready } : {}),
      ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
      ...(ports.length > 0 ? { ports } : {}),
    };
  });
  return { subsets, cut };
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
