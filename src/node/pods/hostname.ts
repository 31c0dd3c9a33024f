import type { Pod } from "../../api/generated/core-v1.ts";

/** The domain that a pod with a `subdomain` is in. */
export function domainOf({ spec, metadata }: Pod, clusterDomain: string): string | undefined {
  return spec.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : undefined;
}

/** What a pod calls itself: its `hostname` or its name, cut to what a host name may be. */
export function shortHostnameOf({ spec, metadata }: Pod): string {
  return (spec.hostname || metadata.name).slice(0, 63).replace(/[-.]+$/, "");
}

/** The host name that the pod's processes see. */
export function hostnameOf(pod: Pod, clusterDomain: string): string {
  if (pod.spec.hostnameOverride) return pod.spec.hostnameOverride;
  const short = shortHostnameOf(pod);
  const domain = pod.spec.setHostnameAsFQDN ? domainOf(pod, clusterDomain) : undefined;
  return domain ? `${short}.${domain}` : short;
}
