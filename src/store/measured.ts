import type { Clock } from "../lib/clock.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Store } from "./store.ts";

const bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const labels = ["operation", "group", "resource"] as const;

/**
 * The same store, which tells how long it takes under the names that upstream has for its only one, etcd. Disposing it
 * disposes the store.
 */
export function measuredStore(
  store: Store,
  { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics },
): Store {
  const times = metrics.histogram("etcd_request_duration_seconds", "Seconds that the store took.", labels, bounds);
  const total = metrics.counter("etcd_requests_total", "What the store was asked for.", labels);
  const errors = metrics.counter("etcd_request_errors_total", "What the store did not do.", labels);
  const meters = new Map<string, (seconds: number, failed: boolean) => void>();
  const meterOf = (operation: string, key: string) => {
    const place = placeOf(key);
    const name = `${operation} ${place.group}/${place.resource}`;
    let meter = meters.get(name);
    if (!meter) {
      const about = { operation, ...place };
      const [time, count] = [times.with(about), total.with(about)];
      meter = (seconds, failed) => {
        time.observe(seconds);
        count.inc();
        if (failed) errors.inc(about);
      };
      meters.set(name, meter);
    }
    return meter;
  };
  const measured = async <T>(operation: string, key: string, work: () => Promise<T>): Promise<T> => {
    const began = clock.monotonic();
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      meterOf(operation, key)((clock.monotonic() - began) / 1000, failed);
    }
  };
  return {
    read: (range, options) => measured("list", range.start, () => store.read(range, options)),
    commit: (write) => {
      const operation = write.value === null ? "delete" : write.expected === 0n ? "create" : "update";
      return measured(operation, write.key, () => store.commit(write));
    },
    watch: (range, after, signal) => store.watch(range, after, signal),
    revision: () => store.revision(),
    compact: (revision) => store.compact(revision),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Of `/registry/apps/deployments/default/web` the group and the resource; a part with a dot or a known level is a group. */
function placeOf(key: string): { readonly group: string; readonly resource: string } {
  const [, , first = "", second = ""] = key.split("/");
  return groups.has(first) || first.includes(".") ? { group: first, resource: second } : { group: "", resource: first };
}

/** The groups without a dot in their names. */
const groups: ReadonlySet<string> = new Set(["apps", "autoscaling", "batch", "extensions", "policy"]);
