import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Transport } from "../../client/transport.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import type { Status } from "../../machinery/generated/meta-v1.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { isSealed } from "../../registry/encryption/encrypted-store.ts";
import { entriesAt, fillStore } from "../../store/copy.ts";
import { checkSnapshot, openSnapshot, type SnapshotHead, snapshotBytes } from "../../store/snapshot-file.ts";
import type { Store } from "../../store/store.ts";
import { type ClusterConfig, writeCluster } from "../config.ts";
import { openEncryption } from "../encryption.ts";
import { aboutCluster, networkIn, refuseOverlap } from "./about-cluster.ts";
import { needVacant, openClusterStore } from "./cluster-store.ts";
import { keptEntries, lifetimeOf } from "./kept-entries.ts";
import { type KeyChest, keysIn, sealKeys, unsealKeys } from "./key-chest.ts";

/** `GET`: the whole store at this moment as a file; `POST {"passphrase": "..."}`: the same with the cluster's keys, sealed. */
export const snapshotPath = "/navarch/snapshot";

interface SnapshotTools {
  readonly clock: Clock;
  readonly random: Random;
}

/** What was saved or restored. */
export interface SnapshotReport {
  readonly file: string;
  readonly keys: number;
  readonly revision: string;
  /** Sealed values that were left out on restoring, because the cluster has no key for them. */
  readonly leftOut: readonly string[];
}

export interface SaveOptions extends SnapshotTools {
  readonly config: ClusterConfig;
  readonly file: string;
  /** Calls the running cluster; undefined when it is stopped and its store can be opened. */
  readonly transport: Transport | undefined;
  /** With it the file carries the cluster's keys, sealed, and can bring the very cluster back on another machine. */
  readonly passphrase?: string;
}

/** Saves a cluster's data as it is at this moment. The file appears when it is whole. Throws Fault, StatusError. */
export async function saveSnapshot(options: SaveOptions): Promise<SnapshotReport> {
  const { config, file, transport, passphrase } = options;
  if (existsSync(file)) throw new Fault("in-use", `${file} exists already; choose another name, or remove it`);
  const half = `${file}.${process.pid}.part`;
  try {
    await using store = transport ? undefined : await openClusterStore(config, options);
    const bytes = store
      ? await snapshotOf(store, options)
      : Readable.from(await askSnapshot(transport as Transport, passphrase));
    await pipeline(bytes, createWriteStream(half, { mode: 0o600, flags: "wx", flush: true }));
    const { head, count } = await checkSnapshot(half);
    renameSync(half, file);
    return { file, keys: count, revision: head.revision, leftOut: [] };
  } finally {
    rmSync(half, { force: true });
  }
}

/** The bytes of a snapshot of a store at this moment, with the cluster's keys if there is a passphrase to seal them. */
export async function snapshotOf(
  store: Store,
  options: {
    readonly config: ClusterConfig;
    readonly clock: Clock;
    readonly random: Random;
    readonly passphrase?: string;
  },
): Promise<Readable> {
  const { config, clock, random, passphrase } = options;
  const revision = await store.revision();
  const keys = passphrase === undefined ? {} : { keys: sealKeys(config, passphrase, random) };
  return snapshotBytes({
    revision,
    time: new Date(clock.now()).toISOString(),
    about: { ...aboutCluster(config), ...keys },
    entries: entriesAt(store, revision),
  });
}

async function askSnapshot(transport: Transport, passphrase: string | undefined): Promise<AsyncIterable<Uint8Array>> {
  const answer = await transport.send(
    passphrase === undefined
      ? { method: "GET", path: snapshotPath }
      : { method: "POST", path: snapshotPath, body: { passphrase } },
  );
  if (answer.status !== 200) throw StatusError.fromStatus((await answer.value()) as Status);
  return answer.bytes();
}

export interface RestoreOptions extends SnapshotTools {
  /** A cluster that was not made yet, or whose store is empty or gone. */
  readonly config: ClusterConfig;
  readonly file: string;
  readonly passphrase?: string;
  /** Told how far the work is. */
  readonly note: (text: string) => void;
}

/**
 * Fills a cluster's empty store with a snapshot. The whole file is checked before anything is written; a new cluster
 * takes the snapshot's address ranges, and its keys if the passphrase opens them. Throws Fault `in-use` when there is
 * data already, and those of `checkSnapshot`.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<SnapshotReport> {
  const { file, passphrase, clock, random, note } = options;
  note("checking the file");
  const { config, head, keys: count } = await planRestore(options);
  if (passphrase !== undefined) unsealKeys(config, passphrase, chestIn(file, head));
  await using store = await openClusterStore(config, { clock, random });
  writeCluster(config);
  const { entries } = await openSnapshot(file);
  await fillStore(store, keptEntries(entries), {
    ttlOf: lifetimeOf,
    progress: (written) => note(`${written} of ${count} keys`),
  });
  const leftOut = await dropUnopened(store, config, options);
  return { file, keys: count - leftOut.length, revision: head.revision, leftOut };
}

/** What a restore is to do. */
export interface RestorePlan {
  /** The cluster with the address ranges that the snapshot's objects were made with. */
  readonly config: ClusterConfig;
  readonly head: SnapshotHead;
  readonly keys: number;
}

/** Finds out what a restore would do, and changes nothing. Throws the faults that the restore would begin with. */
export async function planRestore({
  file,
  passphrase,
  ...options
}: Omit<RestoreOptions, "note">): Promise<RestorePlan> {
  const { head, count } = await checkSnapshot(file);
  const config = { ...options.config, ...networkIn(head.about) };
  refuseOverlap(config);
  await needVacant(
    config,
    options,
    `forget it with navarch down --wipe --name ${config.name}, or choose another --name`,
  );
  if (passphrase !== undefined) keysIn(config, passphrase, chestIn(file, head));
  return { config, head, keys: count };
}

function chestIn(file: string, { about }: SnapshotHead): KeyChest {
  if (about.keys) return about.keys as KeyChest;
  throw new Fault("invalid", `${file} carries no keys: it was saved without a passphrase`);
}

/** Removes what is sealed under a key that this cluster does not have: it would stand in the way under its name. */
async function dropUnopened(store: Store, config: ClusterConfig, tools: SnapshotTools): Promise<readonly string[]> {
  const log = silentLog;
  const opened = openEncryption({ config, store, log, metrics: new Metrics(), ...tools });
  const dropped: string[] = [];
  try {
    for await (const { key, value, modified } of entriesAt(opened, await opened.revision())) {
      if (!isSealed(value)) continue;
      await store.commit({ key, value: null, expected: modified });
      dropped.push(key);
    }
  } finally {
    await opened[Symbol.asyncDispose]();
  }
  return dropped;
}

/** What a snapshot's file holds. */
export interface SnapshotSummary {
  readonly name: string;
  readonly time: string;
  readonly revision: string;
  readonly keys: number;
  /** Whether the cluster's own keys are in it, sealed. */
  readonly carriesKeys: boolean;
  /** How many objects of each resource, by its place in the store: `pods`, `apps/deployments`. */
  readonly counts: readonly { readonly resource: string; readonly objects: number }[];
}

/** Reads a snapshot's file to its end. Throws as `checkSnapshot`. */
export async function summarizeSnapshot(file: string): Promise<SnapshotSummary> {
  const { head, entries } = await openSnapshot(file);
  const counts = new Map<string, number>();
  let keys = 0;
  for await (const { key } of entries) {
    keys += 1;
    const [, first = "", second = ""] = /^\/registry\/([^/]+)\/([^/]+)/.exec(key) ?? [];
    if (first === "") continue;
    // Groups have a dot, but for a few old ones.
    const resource = first.includes(".") || dotless.has(first) ? `${first}/${second}` : first;
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
  }
  return {
    name: String(head.about.name),
    time: head.time,
    revision: head.revision,
    keys,
    carriesKeys: head.about.keys !== undefined,
    counts: [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([resource, objects]) => ({ resource, objects })),
  };
}

const dotless = new Set(["apps", "autoscaling", "batch", "extensions", "policy"]);
