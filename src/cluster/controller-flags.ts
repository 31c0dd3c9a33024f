import { type AddressPool, readAddressPool } from "../controllers/load-balancer/address-pool.ts";
import { type MonitorOptions, usualPatience } from "../controllers/node-life-cycle/monitor.ts";
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

/** The addresses that Services of type LoadBalancer get, by flag; undefined for the nodes' own. Throws Fault `invalid`. */
export function loadBalancerPoolFromFlags(flags: Flags): AddressPool | undefined {
  const text = flags["load-balancer-pool"];
  return text ? readAddressPool(text) : undefined;
}
