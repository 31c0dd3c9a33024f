import type { Pod } from "../../api/generated/core-v1.ts";
import { hostnameOf } from "./container-config.ts";

/** A pod's /etc/hosts: itself, and what its `hostAliases` say. */
export function hostsFile(pod: Pod, podIPs: readonly string[], clusterDomain: string): string {
  const hostname = hostnameOf(pod);
  const { subdomain } = pod.spec;
  const names = subdomain
    ? `${hostname}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}\t${hostname}`
    : hostname;
  const lines = [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "fe00::\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...podIPs.map((ip) => `${ip}\t${names}`),
  ];
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length > 0) {
    lines.push("", "# Entries added by HostAliases.");
    for (const { ip, hostnames } of aliases) lines.push(`${ip}\t${(hostnames ?? []).join("\t")}`);
  }
  return `${lines.join("\n")}\n`;
}
