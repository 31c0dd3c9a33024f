import type { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { type Group, type SliceOwner, type SlicePlan, sliceSize } from "./slice-plan.ts";

const perSync = growingBounds(2, 2, 15);

interface Sums {
  readonly endpoints: number;
  readonly slices: number;
  readonly ideal: number;
}
const nothing: Sums = { endpoints: 0, slices: 0, ideal: 0 };

type KeyOf = SliceOwner["keyOf"];

/** The metrics of a controller of slices under upstream's names; `what` is what it looks at. */
export function sliceMetrics(metrics: Metrics, prefix: string, what: string) {
  const counter = <L extends string>(name: string, help: string, labels: readonly L[]) =>
    metrics.counter(`${prefix}_${name}`, help, labels);
  const gauge = (name: string, help: string) => metrics.gauge(`${prefix}_${name}`, help);
  const added = metrics.histogram(
    `${prefix}_endpoints_added_per_sync`,
    `Endpoints that a look at ${what} added.`,
    [],
    perSync,
  );
  const removed = metrics.histogram(
    `${prefix}_endpoints_removed_per_sync`,
    `Endpoints that a look at ${what} took away.`,
    [],
    perSync,
  );
  const changes = counter("changes", "Slices written, by how.", ["operation"]);
  const syncs = counter("syncs", `Looks at ${what}.`, ["result"]);
  const endpoints = gauge("endpoints_desired", "Endpoints that there should be.");
  const slices = gauge("num_endpoint_slices", "Slices that there are.");
  const ideal = gauge("desired_endpoint_slices", "Slices that there would be if each were full.");
  const sums = new Map<string, Sums>();
  const sum = (key: string, next: Sums) => {
    const before = sums.get(key) ?? nothing;
    endpoints.inc({}, next.endpoints - before.endpoints);
    slices.inc({}, next.slices - before.slices);
    ideal.inc({}, next.ideal - before.ideal);
    if (next === nothing) sums.delete(key);
    else sums.set(key, next);
  };
  return {
    /** Carries out a look, and tells how it ended. */
    async sync<T>(look: () => Promise<T>): Promise<T> {
      try {
        const result = await look();
        syncs.inc({ result: "success" });
        return result;
      } catch (error) {
        syncs.inc({ result: "error" });
        throw error;
      }
    },
    /** A plan is about to be carried out. */
    planned(key: string, groups: readonly Group[], existing: readonly EndpointSlice[], plan: SlicePlan, keyOf: KeyOf) {
      const before = new Set(existing.flatMap((slice) => (slice.endpoints ?? []).map(keyOf)));
      const wanted = new Set(groups.flatMap((group) => [...group.endpoints.keys()]));
      added.observe(wanted.difference(before).size);
      removed.observe(before.difference(wanted).size);
      for (const [operation, count] of [
        ["create", plan.create.length],
        ["update", plan.update.length],
        ["delete", plan.delete.length],
      ] as const)
        if (count > 0) changes.inc({ operation }, count);
      sum(key, {
        endpoints: groups.reduce((total, group) => total + group.endpoints.size, 0),
        slices: existing.length + plan.create.length - plan.delete.length,
        ideal: groups.reduce((total, group) => total + Math.max(1, Math.ceil(group.endpoints.size / sliceSize)), 0),
      });
    },
    forgotten: (key: string) => sum(key, nothing),
  };
}
