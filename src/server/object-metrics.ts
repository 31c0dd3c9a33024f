import type { Metrics } from "../lib/metrics.ts";
import { resourceText } from "../machinery/status-error.ts";
import type { Collection } from "../registry/collection.ts";
import type { Registry } from "../registry/registry.ts";

/** Milliseconds that a count of the store is good for, as upstream's `--etcd-count-metric-poll-period`. */
const countEvery = 60_000;

interface Count {
  readonly at: number;
  readonly objects: number;
}

/** Counts the objects of every kind: by the cache of what somebody reads, else in the store, once a minute at most. */
export function addObjectMetrics(metrics: Metrics, registry: Registry): void {
  const objects = metrics.gauge("apiserver_resource_objects", "Objects that are stored, by resource.", [
    "group",
    "resource",
  ]);
  // Deprecated since v1.34, and still there.
  const older = metrics.gauge("apiserver_storage_objects", "Objects that are stored, by resource and group in one.", [
    "resource",
  ]);
  const counted = new WeakMap<Collection, Count>();
  const count = async (collection: Collection): Promise<number> => {
    const { cache, resource } = collection;
    if (cache.size > 0 || cache.isEmpty) return cache.size;
    const known = counted.get(collection);
    const now = registry.clock.monotonic();
    if (known && now - known.at < countEvery) return known.objects;
    const fresh = await countIn(registry, resource.range);
    counted.set(collection, { at: now, objects: fresh });
    return fresh;
  };
  metrics.onRead(async () => {
    // Reviews and what is computed when somebody looks have nothing to watch, and nothing in the store.
    const stored = [...registry.collections].filter(({ resource }) => resource.stored.verbs.includes("watch"));
    const counts = await Promise.all(stored.map(count));
    for (const [index, { resource }] of stored.entries()) {
      const { group, plural } = resource.name;
      objects.set({ group, resource: plural }, counts[index] ?? unknown);
      older.set({ resource: resourceText(resource.name) }, counts[index] ?? unknown);
    }
  });
}

/** What upstream says of a kind that it cannot count. */
const unknown = -1;

async function countIn({ store }: Registry, range: Parameters<Registry["store"]["read"]>[0]): Promise<number> {
  try {
    return (await store.read(range, { limit: 0, count: true })).count ?? unknown;
  } catch {
    return unknown;
  }
}
