import type { Transport } from "../../client/transport.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import { compactNow } from "../../registry/compaction.ts";
import { entriesAt, fillStore, isEmpty } from "../../store/copy.ts";
import { callApi } from "../api-call.ts";
import type { ApiServerFlags } from "../api-server-flag-names.ts";
import { type ClusterConfig, writeCluster } from "../config.ts";
import { openClusterStore, storePlace } from "./cluster-store.ts";
import { compactionPath, type ToldMoment } from "./history-paths.ts";
import { keptEntries, lifetimeOf } from "./kept-entries.ts";

interface Tools {
  readonly clock: Clock;
  readonly random: Random;
}

/** Forgets a cluster's history up to this moment, and says which revision that is. Throws Fault, StatusError. */
export async function compactStore(
  config: ClusterConfig,
  transport: Transport | undefined,
  tools: Tools,
): Promise<string> {
  if (transport) {
    return ((await callApi(transport, { method: "POST", path: compactionPath })) as ToldMoment).revision;
  }
  await using store = await openClusterStore(config, tools);
  return String(await compactNow(store));
}

/**
 * Copies a stopped cluster's data into another, empty store and lets the cluster use that from now on; the old one stays
 * as it is. `to` are the flags of etcd, or none for LMDB in the cluster's folder. Throws Fault `in-use`, `invalid`.
 */
export async function migrateStore(
  config: ClusterConfig,
  to: ApiServerFlags,
  tools: Tools & { readonly note: (text: string) => void },
): Promise<{ readonly keys: number; readonly from: string; readonly to: string }> {
  const others = Object.entries(config.apiServerFlags ?? {}).filter(([name]) => !name.startsWith("etcd-"));
  const target: ClusterConfig = { ...config, apiServerFlags: { ...Object.fromEntries(others), ...to } };
  const places = { from: storePlace(config), to: storePlace(target) };
  if (places.from === places.to) throw new Fault("invalid", `the cluster's data is in ${places.to} already`);
  await using source = await openClusterStore(config, tools);
  await using store = await openClusterStore(target, tools);
  if (!(await isEmpty(store))) {
    throw new Fault("in-use", `${places.to} is not empty; give another etcd-prefix, or move that data away`);
  }
  const entries = keptEntries(entriesAt(source, await source.revision()));
  const keys = await fillStore(store, entries, {
    ttlOf: lifetimeOf,
    progress: (written) => tools.note(`${written} keys`),
  });
  writeCluster(target);
  return { keys, ...places };
}
