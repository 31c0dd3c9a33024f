import { ageColumn, labelsText, nameColumn, orNone, text, wide } from "../columns.ts";
import { change, each, fillEmpty, without } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { isReachableFromOutside } from "./service-reach.ts";
import { validateService, validateServiceUpdate } from "./validate-service.ts";

export type Service = core.Service;

/** How long a client stays with one pod when it is to stay and nothing else is said: three hours. */
const affinitySeconds = 10800;

/** A stable name, address and port in front of a changing set of pods. */
export const Service = defineKind<core.Service>({
  type: "core/v1.Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "proxy"],
  name: "label1035",
  createOnUpdate: true,
  generationOf: () => undefined,
  defaults: (service) =>
    change(service, { spec: withDefaults, status: (status) => loadBalancerDefaults(service.spec, status) }),
  prepareCreate: ({ spec, ...service }) => ({ ...service, spec: sameAddresses(spec), status: { loadBalancer: {} } }),
  prepareUpdate: (next, previous) => ({
    ...next,
    spec: withoutStale(addressesAfter(next.spec, previous.spec), previous.spec),
    status: previous.status,
  }),
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  columns: [
    nameColumn,
    text("Type", ({ spec }) => spec.type ?? ""),
    text("Cluster-IP", ({ spec }) => orNone(spec.clusterIPs?.[0] ?? spec.clusterIP)),
    text("External-IP", externalAddress),
    text("Port(s)", ({ spec }) => orNone(portsText(spec.ports))),
    ageColumn,
    wide(text("Selector", ({ spec }) => labelsText(spec.selector))),
  ],
  fields: {
    "spec.clusterIP": ({ spec }) => spec.clusterIP ?? "",
    "spec.type": ({ spec }) => spec.type ?? "",
  },
});

function withDefaults(given: core.ServiceSpec): core.ServiceSpec {
  const spec = fillEmpty(change(given, { ports: each(portDefaults) }), { sessionAffinity: "None", type: "ClusterIP" });
  const sticky = spec.sessionAffinity === "ClientIP";
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const withAffinity =
    sticky && seconds === undefined
      ? { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } } }
      : spec.sessionAffinity === "None" && spec.sessionAffinityConfig
        ? without(spec, "sessionAffinityConfig")
        : spec;
  const { type } = withAffinity;
  const clustered = type === "ClusterIP" || type === "NodePort" || type === "LoadBalancer";
  const filled = fillEmpty(withAffinity, {
    ...(clustered ? { internalTrafficPolicy: "Cluster" } : {}),
    ...(isReachableFromOutside(withAffinity) ? { externalTrafficPolicy: "Cluster" } : {}),
  });
  if (type !== "LoadBalancer" || filled.allocateLoadBalancerNodePorts !== undefined) return filled;
  return { ...filled, allocateLoadBalancerNodePorts: true };
}

function portDefaults(port: core.ServicePort): core.ServicePort {
  return fillEmpty(port, { protocol: "TCP", targetPort: port.port });
}

function loadBalancerDefaults(spec: core.ServiceSpec, status: core.ServiceStatus): core.ServiceStatus {
  if (spec.type !== "LoadBalancer") return status;
  return change(status, {
    loadBalancer: (balancer) =>
      change(balancer, {
        ingress: each((entry) => (entry.ip && entry.ipMode === undefined ? { ...entry, ipMode: "VIP" } : entry)),
      }),
  });
}

/** `clusterIP` and the first of `clusterIPs` are one field; old clients know the former only. */
function sameAddresses(spec: core.ServiceSpec): core.ServiceSpec {
  if (!spec.clusterIP || (spec.clusterIPs ?? []).length > 0) return spec;
  return { ...spec, clusterIPs: [spec.clusterIP] };
}

function addressesAfter(next: core.ServiceSpec, previous: core.ServiceSpec): core.ServiceSpec {
  const same =
    (next.clusterIPs ?? []).length === (previous.clusterIPs ?? []).length &&
    (next.clusterIPs ?? []).every((address, index) => address === previous.clusterIPs?.[index]);
  if (next.clusterIP !== previous.clusterIP) {
    if (!same) return sameAddresses(next);
    return next.clusterIP ? { ...next, clusterIPs: [next.clusterIP] } : without(next, "clusterIPs");
  }
  const cleared = (previous.clusterIPs ?? []).length > 0 && (next.clusterIPs ?? []).length === 0;
  return cleared ? without(next, "clusterIP") : next;
}

/** Drops what only made sense for the type that the service had, unless it was changed on purpose. */
function withoutStale(next: core.ServiceSpec, previous: core.ServiceSpec): core.ServiceSpec {
  let kept: core.ServiceSpec = next;
  const drop = (member: "allocateLoadBalancerNodePorts" | "loadBalancerClass" | "externalTrafficPolicy") => {
    if (kept[member] !== undefined && kept[member] === previous[member]) kept = without(kept, member);
  };
  if (next.type !== "LoadBalancer" && previous.type === "LoadBalancer") {
    drop("allocateLoadBalancerNodePorts");
    drop("loadBalancerClass");
  }
  if (!isReachableFromOutside(next) && isReachableFromOutside(previous)) drop("externalTrafficPolicy");
  return kept;
}

function externalAddress({ spec, status }: core.Service): string {
  const own = spec.externalIPs ?? [];
  switch (spec.type) {
    case "ClusterIP":
    case "NodePort":
      return orNone(own.join(","));
    case "LoadBalancer": {
      const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
      const all = [...new Set(given.filter((address) => address !== ""))].sort();
      return [...all, ...own].join(",") || "<pending>";
    }
    case "ExternalName":
      return spec.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function portsText(ports: readonly core.ServicePort[] | undefined): string {
  return (ports ?? [])
    .map(({ port, nodePort, protocol }) => (nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`))
    .join(",");
}
