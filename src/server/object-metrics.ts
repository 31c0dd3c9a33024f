import type { Metrics } from "../lib/metrics.ts";
import { resourceText } from "../machinery/status-error.ts";
import type { Registry } from "../registry/registry.ts";

/** Counts the objects of every kind that somebody has asked for since the start; others are not read for it. */
export function addObjectMetrics(metrics: Metrics, registry: Registry): void {
  const objects = metrics.gauge("apiserver_resource_objects", "Objects that are stored, by resource.", [
    "group",
    "resource",
  ]);
  // Deprecated since v1.34, and still there.
  const older = metrics.gauge("apiserver_storage_objects", "Objects that are stored, by resource and group in one.", [
    "resource",
  ]);
  metrics.onRead(() => {
    for (const { cache, resource } of registry.collections) {
      if (cache.size === 0 && !cache.isEmpty) continue;
      const { group, plural } = resource.name;
      objects.set({ group, resource: plural }, cache.size);
      older.set({ resource: resourceText(resource.name) }, cache.size);
    }
  });
}
