import { Pod } from "../../api/core/pod.ts";
import { isPodReady } from "../../api/core/pod-state.ts";
import { Service } from "../../api/core/service.ts";
import type { ContainerPort, ServicePort } from "../../api/generated/core-v1.ts";
import { keyOf } from "../../machinery/object.ts";
import { type Cache, watches } from "../framework/controller.ts";
import { hasLabels } from "../framework/plain-selector.ts";

/** The Services that a pod is behind, before or after its change. */
export const podsWakeTheirServices = watches(Pod, (pod, previous, cache: Cache) =>
  cache
    .list(Service, pod.metadata.namespace)
    .filter((service) => selects(service, pod) || (previous !== undefined && selects(service, previous)))
    .map(keyOf),
);

/** A Service without a selector has its endpoints from elsewhere. */
export function selects({ spec }: Service, pod: Pod): boolean {
  if (!spec.selector || Object.keys(spec.selector).length === 0) return false;
  return hasLabels(pod.metadata.labels, spec.selector);
}

/** The pods behind a Service that have an address and are not finished; terminating ones are among them. */
export function podsBehind(service: Service, cache: Cache): readonly Pod[] {
  return cache
    .list(Pod, service.metadata.namespace)
    .filter(
      (pod) =>
        selects(service, pod) &&
        podAddresses(pod).length > 0 &&
        pod.status?.phase !== "Failed" &&
        pod.status?.phase !== "Succeeded",
    );
}

export function podAddresses({ status }: Pod): readonly string[] {
  const all = (status?.podIPs ?? []).map(({ ip }) => ip);
  return all.length > 0 ? all : status?.podIP ? [status.podIP] : [];
}

/** What a client may expect of a pod behind a Service (EndpointSlice conditions). */
export function conditionsOf(
  pod: Pod,
  service: Service,
): { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean } {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return { ready, serving, terminating };
}

/** One port of a Service as a pod has it. */
export interface ResolvedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly appProtocol?: string;
}

/** A Service's ports in numbers, for one pod: a named target port is looked up in the pod's containers. */
export function resolvePorts(service: Service, pod: Pod): readonly ResolvedPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    return [
      {
        name: port.name ?? "",
        port: number,
        protocol: port.protocol ?? "TCP",
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      },
    ];
  });
}

function targetPort(port: ServicePort, { spec }: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  const ports: readonly ContainerPort[] = [...spec.containers, ...sidecars].flatMap(
    (container) => container.ports ?? [],
  );
  return ports.find((known) => known.name === target && (known.protocol ?? "TCP") === (port.protocol ?? "TCP"))
    ?.containerPort;
}

/** The name that a pod has within its Service's domain. */
export function hostnameIn(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec;
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}

export const headlessLabel = "service.kubernetes.io/headless";

/** The Service's own labels that its endpoints carry too. */
export function inheritedLabels(service: Service): Readonly<Record<string, string>> {
  const labels = { ...service.metadata.labels };
  delete labels[headlessLabel];
  return service.spec.clusterIP === "None" ? { ...labels, [headlessLabel]: "" } : labels;
}
