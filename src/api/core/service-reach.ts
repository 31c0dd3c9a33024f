import type * as core from "../generated/core-v1.ts";

/** True for a service without an address of its own: its name leads straight to the pods. */
export function isHeadless({ spec }: core.Service): boolean {
  return spec.clusterIP === "None" || spec.clusterIPs?.[0] === "None";
}

/** True when traffic from outside the cluster may arrive. */
export function isReachableFromOutside({ type, externalIPs }: core.ServiceSpec): boolean {
  return type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && (externalIPs ?? []).length > 0);
}
