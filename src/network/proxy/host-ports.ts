import { familyOf, type IpFamily } from "../machine/address.ts";
import { type HostPort, protocolOf } from "./front.ts";
import type { HostPortPodInput } from "./service-input.ts";

/** The host ports of one pod that runs on this node; none once it has finished or before it has an address. Pure. */
export function planHostPorts(pod: HostPortPodInput, family: IpFamily): HostPort[] {
  if (pod.spec?.hostNetwork || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return [];
  const addresses = [...(pod.status?.podIPs ?? []).map((entry) => entry.ip), pod.status?.podIP];
  const ip = addresses.find((address) => address !== undefined && familyOf(address) === family);
  if (!ip) return [];
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  const ports: HostPort[] = [];
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const declared of container.ports ?? []) {
      const protocol = protocolOf(declared.protocol);
      if (!declared.hostPort || !protocol) continue;
      const hostIP = isWildcard(declared.hostIP) ? undefined : declared.hostIP;
      if (hostIP !== undefined && familyOf(hostIP) !== family) continue;
      ports.push({ protocol, port: declared.hostPort, hostIP, target: { ip, port: declared.containerPort } });
    }
  }
  return ports;
}

function isWildcard(address: string | undefined): boolean {
  return address === undefined || address === "" || address === "0.0.0.0" || address === "::";
}
