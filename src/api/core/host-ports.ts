import type { Container, Pod } from "../generated/core-v1.ts";

/** One port of the node that a pod takes for itself. */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const noPorts: readonly HostPort[] = [];

/** The host ports of a pod's containers and sidecars. */
export function hostPorts({ spec }: Pod): readonly HostPort[] {
  let found: HostPort[] | undefined;
  const collect = ({ ports }: Container) => {
    for (const { hostPort, hostIP, protocol } of ports ?? []) {
      if (!hostPort) continue;
      found ??= [];
      found.push({ ip: hostIP || "0.0.0.0", protocol: protocol ?? "TCP", port: hostPort });
    }
  };
  for (const container of spec.containers) collect(container);
  for (const container of spec.initContainers ?? []) if (container.restartPolicy === "Always") collect(container);
  return found ?? noPorts;
}

/** Two pods cannot both have it on one node. */
export function portsClash(one: HostPort, two: HostPort): boolean {
  if (one.port !== two.port || one.protocol !== two.protocol) return false;
  return one.ip === two.ip || one.ip === "0.0.0.0" || two.ip === "0.0.0.0";
}
