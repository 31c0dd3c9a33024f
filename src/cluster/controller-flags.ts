import { type AddressPool, readAddressPool } from "../controllers/load-balancer/address-pool.ts";
import { type MonitorOptions, usualPatience } from "../controllers/node-life-cycle/monitor.ts";
import { type SubnetSizes, usualSubnetSizes } from "../controllers/node-life-cycle/node-ranges.ts";
import { Fault } from "../lib/fault.ts";
import { durationFlag } from "./flag-values.ts";
import type { Flags } from "./part-flags.ts";

/** How soon silent nodes are given up, by flags. Throws Fault `invalid`. */
export function nodeMonitorFromFlags(flags: Flags): MonitorOptions {
  const { period, grace, startupGrace } = usualPatience;
  return {
    period: durationFlag(flags, "node-monitor-period", period),
    grace: durationFlag(flags, "node-monitor-grace-period", grace),
    startupGrace: durationFlag(flags, "node-startup-grace-period", startupGrace),
  };
}

/** How large the nodes' pod ranges are, by flags. Throws Fault `invalid`. */
export function subnetSizesFromFlags(flags: Flags, dualStack: boolean): SubnetSizes {
  const size = (name: string, longest: number): number | undefined => {
    const text = flags[name];
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= longest) return Number(text);
    throw new Fault("invalid", `--${name} ${text} is no whole number from 1 to ${longest}`);
  };
  const common = size("node-cidr-mask-size", 30);
  if (common !== undefined && dualStack) {
    throw new Fault(
      "invalid",
      "usage of --node-cidr-mask-size is not allowed with dual-stack clusters; say --node-cidr-mask-size-ipv4 or --node-cidr-mask-size-ipv6",
    );
  }
  return {
    IPv4: size("node-cidr-mask-size-ipv4", 30) ?? common ?? usualSubnetSizes.IPv4,
    IPv6: size("node-cidr-mask-size-ipv6", 126) ?? usualSubnetSizes.IPv6,
  };
}

/** The addresses that Services of type LoadBalancer get, by flag; undefined for the nodes' own. Throws Fault `invalid`. */
export function loadBalancerPoolFromFlags(flags: Flags): AddressPool | undefined {
  const text = flags["load-balancer-pool"];
  return text ? readAddressPool(text) : undefined;
}
