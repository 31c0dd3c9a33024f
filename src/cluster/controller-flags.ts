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
