import { isNodeReady, type Node } from "../../api/core/node.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";

/** The node monitor's metrics under upstream's names. */
export function zoneMetrics(metrics: Metrics) {
  const gauge = (name: string, help: string) => metrics.gauge(`node_collector_${name}`, help, ["zone"]);
  const size = gauge("zone_size", "Nodes of a zone.");
  const health = gauge("zone_health", "Nodes of a zone that are ready, in percent.");
  const unhealthy = gauge("unhealthy_nodes_in_zone", "Nodes of a zone that are not ready.");
  const evictions = metrics.counter("node_collector_evictions_total", "Nodes whose pods were told to go.", ["zone"]);
  const all = metrics.histogram(
    "node_collector_update_all_nodes_health_duration_seconds",
    "Seconds that a look at all nodes took.",
    [],
    growingBounds(0.01, 4, 8),
  );
  const one = metrics.histogram(
    "node_collector_update_node_health_duration_seconds",
    "Seconds that judging a node took.",
    [],
    growingBounds(0.001, 4, 8),
  );
  let known: ReadonlySet<string> = new Set();
  return {
    zones(zones: ReadonlyMap<string, readonly Node[]>) {
      for (const zone of known) {
        if (zones.has(zone)) continue;
        size.set({ zone }, 0);
        health.set({ zone }, 100);
        unhealthy.set({ zone }, 0);
      }
      for (const [zone, nodes] of zones) {
        const ready = nodes.filter(isNodeReady).length;
        size.set({ zone }, nodes.length);
        health.set({ zone }, nodes.length === 0 ? 100 : (ready / nodes.length) * 100);
        unhealthy.set({ zone }, nodes.length - ready);
        evictions.inc({ zone }, 0);
      }
      known = new Set(zones.keys());
    },
    evicted: (zone: string) => evictions.inc({ zone }),
    lookedAtAll: (seconds: number) => all.observe(seconds),
    judged: (seconds: number) => one.observe(seconds),
  };
}
