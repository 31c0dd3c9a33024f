import type { Transport } from "../../client/transport.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import type { KubeList } from "../../machinery/object.ts";
import { compactNow } from "../../registry/compaction.ts";
import { entriesAt, fillStore } from "../../store/copy.ts";
import { callApi } from "../api-call.ts";
import type { ApiServerFlags } from "../api-server-flag-names.ts";
import { type ClusterConfig, writeCluster } from "../config.ts";
import { needVacant, openClusterStore, storePlace, usesEtcd } from "./cluster-store.ts";
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
  tools: Tools & { readonly dryRun?: boolean },
): Promise<string> {
  const { dryRun = false } = tools;
  if (transport && dryRun) {
    const { metadata } = (await callApi(transport, {
      method: "GET",
      path: "/api/v1/namespaces?limit=1",
    })) as KubeList<unknown>;
    return metadata.resourceVersion ?? "";
  }
  if (transport) {
    return ((await callApi(transport, { method: "POST", path: compactionPath })) as ToldMoment).revision;
  }
  await using store = await openClusterStore(config, tools);
  return String(dryRun ? await store.revision() : await compactNow(store));
}

/** From where to where a cluster's data is to move. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

interface MoveOptions extends Tools {
  /** Looks whether it can be done and counts, and changes nothing. */
  readonly dryRun?: boolean;
  readonly note: (text: string) => void;
}

/**
 * Copies a stopped cluster's data into another, empty store and lets the cluster use that from now on; the old one stays
 * as it is. `to` are the flags of etcd, or none for LMDB in the cluster's folder. Throws Fault `in-use`, `invalid`.
 */
export async function migrateStore(
  config: ClusterConfig,
  to: ApiServerFlags,
  { dryRun = false, note, ...tools }: MoveOptions,
): Promise<Move & { readonly keys: number }> {
  const others = Object.entries(config.apiServerFlags ?? {}).filter(([name]) => !name.startsWith("etcd-"));
  const target: ClusterConfig = { ...config, apiServerFlags: { ...Object.fromEntries(others), ...to } };
  const places = { from: storePlace(config), to: storePlace(target) };
  if (places.from === places.to) throw new Fault("invalid", `the cluster's data is in ${places.to} already`);
  await using source = await openClusterStore(config, tools);
  await needVacant(
    target,
    tools,
    usesEtcd(target) ? "give another etcd-prefix, or delete that data" : "move that folder away, or remove it",
  );
  const entries = keptEntries(entriesAt(source, await source.revision()));
  if (dryRun) return { keys: (await Array.fromAsync(entries)).length, ...places };
  await using store = await openClusterStore(target, tools);
  const keys = await fillStore(store, entries, {
    ttlOf: lifetimeOf,
    progress: (written) => note(`${written} keys`),
  });
  writeCluster(target);
  return { keys, ...places };
}
