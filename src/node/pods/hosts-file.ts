import { readFileSync } from "node:fs";
import type { Pod } from "../../api/generated/core-v1.ts";
import { domainOf, hostnameOf, shortHostnameOf } from "./hostname.ts";

/** A pod's /etc/hosts: itself (or the node's, for pods in the node's network), and what its `hostAliases` say. */
export function hostsFile(
  pod: Pod,
  podIPs: readonly string[],
  clusterDomain: string,
  nodeHosts: () => string = () => readFileSync("/etc/hosts", "utf8"),
): string {
  const base = pod.spec.hostNetwork
    ? ["# Kubernetes-managed hosts file (host network).", nodeHosts().trimEnd()]
    : ownLines(pod, podIPs, clusterDomain);
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join("\t")}`);
  const added = aliases.length > 0 ? ["", "# Entries added by HostAliases.", ...aliases] : [];
  return `${[...base, ...added].join("\n")}\n`;
}

function ownLines(pod: Pod, podIPs: readonly string[], clusterDomain: string): readonly string[] {
  const short = shortHostnameOf(pod);
  const domain = pod.spec.hostnameOverride ? undefined : domainOf(pod, clusterDomain);
  const names = domain ? `${short}.${domain}\t${short}` : hostnameOf(pod, clusterDomain);
  return [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "fe00::\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...podIPs.map((ip) => `${ip}\t${names}`),
  ];
}
