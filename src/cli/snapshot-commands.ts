import { resolve } from "node:path";
import type { Command } from "commander";
import { type ClusterConfig, planCluster } from "../cluster/config.ts";
import { storePlace } from "../cluster/history/cluster-store.ts";
import {
  planRestore,
  type RestorePlan,
  restoreSnapshot,
  saveSnapshot,
  summarizeSnapshot,
} from "../cluster/history/snapshots.ts";
import { runningProcess } from "../cluster/process-lock.ts";
import { userFile } from "../cluster/user-file.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { alignedTable, filePath, oneOf } from "./flags.ts";
import { terminalProgress } from "./progress.ts";

interface SnapshotFlags extends ClusterFlags {
  readonly passphraseFile?: string;
  readonly output?: "json";
}

/** `navarch snapshot save|restore|show`. */
export function addSnapshotCommands(program: Command): void {
  const snapshot = program.command("snapshot").description("save a cluster's data to one file, and restore it");
  snapshot
    .command("save")
    .description("save everything as it is at this moment, of a running or a stopped cluster")
    .argument("<file>", "a new file: gzipped lines of JSON")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--passphrase-file <file>", "seal the cluster's keys into it too, by this file's first line", filePath)
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(save);
  snapshot
    .command("restore")
    .description("make a cluster from a snapshot; start it with: navarch up --name NAME")
    .argument("<file>", "what snapshot save wrote")
    .option("--name <name>", "the cluster, which must have no data", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--passphrase-file <file>", "opens the keys that the snapshot carries", filePath)
    .option("--dry-run", "check the file and say what would be made of it; change nothing")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(restore);
  snapshot
    .command("show")
    .description("check a snapshot's file and say what is in it")
    .argument("<file>", "what snapshot save wrote")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(show);
}

async function save(file: string, flags: SnapshotFlags): Promise<void> {
  const config = knownCluster(flags);
  const progress = terminalProgress({ stream: process.stderr, now: () => systemClock.monotonic() });
  await using transport = runningProcess(config.runDir) ? await adminTransport(config) : undefined;
  const report = await progress.phase("saving", async (note) => {
    const saved = await saveSnapshot({
      config,
      file: resolve(file),
      transport,
      clock: systemClock,
      random: systemRandom,
      ...passphraseOf(flags),
    });
    note(`${saved.keys} keys at revision ${saved.revision}`);
    return saved;
  });
  if (flags.output === "json") console.log(JSON.stringify(report, undefined, 2));
  else console.log(report.file);
}

async function restore(file: string, flags: SnapshotFlags & { readonly dryRun?: boolean }): Promise<void> {
  const config = planCluster(flags, process.env);
  if (!flags.dryRun) return await restoreInto(config, file, flags);
  const plan = await planRestoreOf(config, file, flags);
  console.log(
    `${plan.keys} keys would be written to ${storePlace(config)}, as cluster ${config.name} with pods in ${plan.config.podRange} and services in ${plan.config.serviceRange}`,
  );
}

/** What a restore would do. Throws the faults that it would begin with. */
export async function planRestoreOf(
  config: ClusterConfig,
  file: string,
  flags: Pick<SnapshotFlags, "passphraseFile">,
): Promise<RestorePlan> {
  refuseRunning(config);
  const parts = { clock: systemClock, random: systemRandom, ...passphraseOf(flags) };
  return await planRestore({ config, file: resolve(file), ...parts });
}

function refuseRunning(config: ClusterConfig): void {
  const running = runningProcess(config.runDir);
  if (!running) return;
  throw new Fault("in-use", `cluster ${config.name} is running (process ${running}); it must be stopped and empty`);
}

/** Restores a snapshot into a cluster that must have no data, and tells of it. */
export async function restoreInto(
  config: ClusterConfig,
  file: string,
  flags: Pick<SnapshotFlags, "passphraseFile" | "output">,
): Promise<void> {
  refuseRunning(config);
  const progress = terminalProgress({ stream: process.stderr, now: () => systemClock.monotonic() });
  const report = await progress.phase("restoring", async (note) => {
    const parts = { clock: systemClock, random: systemRandom, note, ...passphraseOf(flags) };
    const restored = await restoreSnapshot({ config, file: resolve(file), ...parts });
    note(`${restored.keys} keys`);
    return restored;
  });
  if (flags.output === "json") console.log(JSON.stringify(report, undefined, 2));
  else if (report.leftOut.length > 0) {
    console.error(
      `Left out, because they are sealed under a key that cluster ${config.name} does not have (save with --passphrase-file to carry it):`,
    );
    for (const key of report.leftOut) console.error(`  ${key}`);
  }
}

function passphraseOf({ passphraseFile }: Pick<SnapshotFlags, "passphraseFile">): { readonly passphrase?: string } {
  if (passphraseFile === undefined) return {};
  return { passphrase: userFile(passphraseFile, "--passphrase-file").split("\n", 1)[0] ?? "" };
}

async function show(file: string, { output }: { readonly output?: "json" }): Promise<void> {
  const summary = await summarizeSnapshot(resolve(file));
  if (output === "json") {
    console.log(JSON.stringify(summary, undefined, 2));
    return;
  }
  const { name, time, revision, keys, carriesKeys, counts } = summary;
  console.log(
    `cluster ${name} at ${time}, revision ${revision}: ${keys} keys${carriesKeys ? ", and its own keys" : ""}\n`,
  );
  console.log(
    alignedTable([["RESOURCE", "OBJECTS"], ...counts.map(({ resource, objects }) => [resource, String(objects)])]),
  );
}
