import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Cache } from "../framework/controller.ts";
import { classOf } from "./match.ts";

/** Counts volumes and claims under upstream's names whenever somebody looks. */
export function volumeMetrics(metrics: Metrics, cache: Cache): Disposable {
  const all = {
    total_pv_count: gauge(metrics, "total_pv_count", "Volumes.", ["plugin_name", "volume_mode"]),
    bound_pv_count: gauge(metrics, "bound_pv_count", "Volumes that are bound.", ["storage_class"]),
    unbound_pv_count: gauge(metrics, "unbound_pv_count", "Volumes that are not bound.", ["storage_class"]),
    bound_pvc_count: gauge(metrics, "bound_pvc_count", "Claims that are bound.", claimLabels),
    unbound_pvc_count: gauge(metrics, "unbound_pvc_count", "Claims that are not bound.", claimLabels),
  };
  const forget = () => {
    for (const each of Object.values(all)) each.begin();
  };
  const look = metrics.onRead(() => {
    forget();
    for (const { spec, status } of cache.list(PersistentVolume)) {
      all.total_pv_count.count({ plugin_name: pluginOf(spec), volume_mode: spec.volumeMode ?? "Filesystem" });
      const count = status?.phase === "Bound" ? all.bound_pv_count : all.unbound_pv_count;
      count.count({ storage_class: spec.storageClassName ?? "" });
    }
    for (const claim of cache.list(PersistentVolumeClaim)) {
      const count = claim.status?.phase === "Bound" ? all.bound_pvc_count : all.unbound_pvc_count;
      count.count({
        namespace: claim.metadata.namespace,
        storage_class: classOf(claim),
        volume_attributes_class: claim.status?.currentVolumeAttributesClassName ?? "",
      });
    }
  });
  return {
    [Symbol.dispose]() {
      look[Symbol.dispose]();
      forget();
    },
  };
}

const claimLabels = ["namespace", "storage_class", "volume_attributes_class"] as const;

/** A gauge that counts anew each time; what is not there any more is zero. */
function gauge<L extends string>(metrics: Metrics, name: string, help: string, labels: readonly L[]) {
  const one = metrics.gauge(`pv_collector_${name}`, help, labels);
  const known = new Map<string, Readonly<Record<L, string>>>();
  return {
    begin() {
      for (const each of known.values()) one.set(each, 0);
    },
    count(of: Readonly<Record<L, string>>) {
      known.set(JSON.stringify(of), of);
      one.inc(of);
    },
  };
}

const plugins = {
  csi: "csi",
  hostPath: "host-path",
  local: "local-volume",
  nfs: "nfs",
  iscsi: "iscsi",
  fc: "fc",
} as const;

/** What upstream calls the plugin that a volume is of. */
function pluginOf(spec: PersistentVolume["spec"]): string {
  if (spec.csi) return `kubernetes.io/csi:${spec.csi.driver}`;
  const found = (Object.keys(plugins) as (keyof typeof plugins)[]).find((name) => spec[name]);
  return found ? `kubernetes.io/${plugins[found]}` : "N/A";
}
