import type { Service } from "../../api/core/service.ts";

type Spec = NonNullable<Service["spec"]>;
type Port = NonNullable<Spec["ports"]>[number];

/** A client that sends its own copy back without what the server chose keeps what was chosen. */
export function carryOver(service: Service, before: Service): Service {
  const next = service.spec;
  const old = before.spec;
  if (!next || !old) return service;
  let result = { ...next };
  if (needsAddress(old) && needsAddress(next)) {
    if (!next.clusterIP && !next.clusterIPs?.length)
      result = { ...result, clusterIP: old.clusterIP, clusterIPs: old.clusterIPs };
  }
  if (old.type !== "ExternalName" && next.type !== "ExternalName") {
    result = {
      ...result,
      ipFamilies: next.ipFamilies?.length ? next.ipFamilies : old.ipFamilies,
      ipFamilyPolicy: next.ipFamilyPolicy ?? old.ipFamilyPolicy,
    };
  }
  if (wantsNodePorts(old) && wantsNodePorts(next)) {
    const used = new Set(next.ports?.map((port) => port.nodePort));
    const chosen = new Map(old.ports?.map((port) => [`${port.protocol}/${port.port}`, port.nodePort]));
    const ports = next.ports?.map((port) => {
      const known = port.nodePort ? undefined : chosen.get(`${port.protocol}/${port.port}`);
      return known && !used.has(known) ? { ...port, nodePort: known } : port;
    });
    result = { ...result, ...(ports ? { ports } : {}) };
  }
  if (wantsHealthPort(old) && wantsHealthPort(next) && !next.healthCheckNodePort) {
    result = { ...result, healthCheckNodePort: old.healthCheckNodePort };
  }
  return { ...service, spec: dropStale(result, old) };
}

// What only the old type needed goes away with it, unless the client changed it on purpose.
function dropStale(next: Spec, old: Spec): Spec {
  let result = next;
  if (wantsNodePorts(old) && !wantsNodePorts(next)) {
    const before = new Set(old.ports?.map((port) => port.nodePort));
    const ports = next.ports?.map(({ nodePort, ...port }) =>
      nodePort && !before.has(nodePort) ? { ...port, nodePort } : port,
    );
    if (ports) result = { ...result, ports: ports as readonly Port[] };
  }
  if (wantsHealthPort(old) && !wantsHealthPort(next) && next.healthCheckNodePort === old.healthCheckNodePort) {
    const { healthCheckNodePort: _port, ...rest } = result;
    result = rest;
  }
  if (needsAddress(old) && next.type === "ExternalName" && next.clusterIP === old.clusterIP)
    result = withoutAddresses(result);
  return result;
}

/** A Service of type ExternalName has neither addresses nor families. */
export function withoutAddresses(spec: Spec): Spec {
  const { clusterIP: _one, clusterIPs: _all, ipFamilies: _families, ipFamilyPolicy: _policy, ...rest } = spec;
  return rest;
}

const needsAddress = (spec: Spec | undefined) => spec?.type !== "ExternalName" && spec?.clusterIP !== "None";

/** Whether each of its ports gets a port on the nodes. */
export const wantsNodePorts = (spec: Spec | undefined): boolean =>
  spec?.type === "NodePort" || (spec?.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);

/** Whether the nodes tell load balancers, at a port of its own, who has pods of it. */
export const wantsHealthPort = (spec: Spec | undefined): boolean =>
  spec?.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
