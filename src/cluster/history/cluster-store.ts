import { existsSync, readFileSync } from "node:fs";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { isEmpty } from "../../store/copy.ts";
import type { EtcdStoreOptions } from "../../store/etcd.ts";
import type { Store } from "../../store/store.ts";
import type { ApiServerFlags } from "../api-server-flag-names.ts";
import type { ClusterConfig } from "../config.ts";
import { storeFolder } from "../config.ts";

export interface StoreParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
}

/** Whether a cluster keeps its data in etcd, as `etcd-servers` says, and not in its own folder. */
export function usesEtcd(config: ClusterConfig): boolean {
  return Boolean(config.apiServerFlags?.["etcd-servers"]);
}

/** Where a cluster's data lies, for people. */
export function storePlace(config: ClusterConfig): string {
  return config.apiServerFlags?.["etcd-servers"] || storeFolder(config);
}

/** Opens the store that a cluster's flags name: etcd, or LMDB in its folder. Throws the store's faults and `invalid`. */
export async function openClusterStore(config: ClusterConfig, parts: StoreParts): Promise<Store> {
  const { clock, log } = parts;
  const flags = config.apiServerFlags ?? {};
  const servers = flags["etcd-servers"];
  const logged = log ? { log } : {};
  // Each driver brings a library of its own: only the one that is used is loaded.
  if (!servers) {
    const { openLmdbStore } = await import("../../store/lmdb.ts");
    return openLmdbStore({ path: storeFolder(config), clock, ...logged });
  }
  const { openEtcdStore } = await import("../../store/etcd.ts");
  return openEtcdStore({ ...etcdOptions(flags), ...parts });
}

/** Throws Fault `in-use` with the mend when a cluster's store has data already. Makes no folder for one that is not there. */
export async function needVacant(config: ClusterConfig, parts: StoreParts, mend: string): Promise<void> {
  if (!usesEtcd(config) && !existsSync(storeFolder(config))) return;
  await using store = await openClusterStore(config, parts);
  if (!(await isEmpty(store))) throw new Fault("in-use", `${storePlace(config)} has data already; ${mend}`);
}

/** What the flags of upstream's API server say of etcd. Throws Fault `invalid`. */
export function etcdOptions(flags: ApiServerFlags): Pick<EtcdStoreOptions, "endpoints" | "prefix" | "tls"> {
  const endpoints = (flags["etcd-servers"] ?? "").split(",").filter(Boolean);
  const wrong = endpoints.find((endpoint) => !/^https?:\/\/[^/@]+$/.test(endpoint));
  if (wrong !== undefined) {
    throw new Fault("invalid", `etcd-servers ${JSON.stringify(wrong)}: give URLs such as https://10.0.0.1:2379`);
  }
  const ca = fileOf(flags, "etcd-cafile");
  const certificate = fileOf(flags, "etcd-certfile");
  const key = fileOf(flags, "etcd-keyfile");
  if (Boolean(certificate) !== Boolean(key)) {
    throw new Fault("invalid", "etcd-certfile and etcd-keyfile go together; give both or none");
  }
  const proof = certificate && key ? { certificate, key } : {};
  const prefix = flags["etcd-prefix"];
  return {
    endpoints,
    ...(prefix ? { prefix } : {}),
    ...(ca || certificate ? { tls: { ...(ca ? { ca } : {}), ...proof } } : {}),
  };
}

function fileOf(flags: ApiServerFlags, name: string): Uint8Array | undefined {
  const path = flags[name];
  if (!path) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Fault("invalid", `${name}: ${errorMessage(error)}`, { cause: error });
  }
}
