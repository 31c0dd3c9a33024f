import type { ConfigWishes } from "../cluster/config.ts";
import type { Flags } from "../cluster/part-flags.ts";

/** The flags of `up` that say where addresses are from. */
export interface NetworkFlags {
  readonly podRange?: string;
  readonly serviceRange?: string;
  readonly apiserverArg?: Flags;
  readonly controllerManagerArg?: Flags;
}

/** What they wish. Upstream's `--service-cluster-ip-range` and `--cluster-cidr` say the same, and are the cluster's, not kept as flags of parts. */
export function networkWishes(
  flags: NetworkFlags,
): Pick<ConfigWishes, "network" | "apiServerFlags" | "controllerFlags"> {
  const { "service-cluster-ip-range": services, ...apiServerFlags } = flags.apiserverArg ?? {};
  const { "cluster-cidr": pods, ...controllerFlags } = flags.controllerManagerArg ?? {};
  const { podRange = pods, serviceRange = services } = flags;
  const network = { ...(podRange ? { podRange } : {}), ...(serviceRange ? { serviceRange } : {}) };
  return {
    ...(Object.keys(network).length > 0 ? { network } : {}),
    ...(Object.keys(apiServerFlags).length > 0 ? { apiServerFlags } : {}),
    ...(Object.keys(controllerFlags).length > 0 ? { controllerFlags } : {}),
  };
}
