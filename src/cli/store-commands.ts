import type { Command } from "commander";
import { planCluster } from "../cluster/config.ts";
import { compactStore, migrateStore } from "../cluster/history/store-chores.ts";
import { runningProcess } from "../cluster/process-lock.ts";
import { checkStore } from "../cluster/store-check.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { addFlag } from "./flags.ts";
import { terminalProgress } from "./progress.ts";

const tools = { clock: systemClock, random: systemRandom };

/** `navarch store check|compact|migrate`. */
export function addStoreCommands(program: Command): void {
  const store = program.command("store").description("look after a cluster's data");
  store
    .command("check")
    .description("verify a cluster's data; changes nothing")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs")
    .action(async (flags: { name: string; dataDir?: string; output?: string }) => {
      const report = await checkStore(planCluster(flags, process.env), tools);
      if (flags.output === "json") console.log(JSON.stringify(report, undefined, 2));
      else console.log(report.text);
      if (!report.sound) process.exitCode = 1;
    });
  store
    .command("compact")
    .description("forget the history up to this moment, of a running or a stopped cluster")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--dry-run", "say what would be forgotten; change nothing")
    .action(compact);
  store
    .command("migrate")
    .description("copy a stopped cluster's data from its folder into etcd, or back, and use that from now on")
    .argument("<driver>", "etcd or lmdb")
    .option(
      "--etcd <flag=value>",
      "as servers=https://10.0.0.1:2379 (several with commas between), cafile=FILE, certfile=FILE, keyfile=FILE, prefix=TEXT; may be repeated",
      addFlag,
    )
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--dry-run", "look whether it can be done, and say what would be copied; change nothing")
    .action(migrate);
}

interface ChangingFlags extends ClusterFlags {
  readonly dryRun?: boolean;
}

async function compact({ dryRun = false, ...flags }: ChangingFlags): Promise<void> {
  const config = knownCluster(flags);
  await using transport = runningProcess(config.runDir) ? await adminTransport(config) : undefined;
  const revision = await compactStore(config, transport, { ...tools, dryRun });
  console.log(`history before revision ${revision} ${dryRun ? "would be" : "is"} forgotten`);
}

interface MigrateFlags extends ChangingFlags {
  readonly etcd?: Readonly<Record<string, string>>;
}

const etcdFlags = ["servers", "cafile", "certfile", "keyfile", "prefix"];

async function migrate(driver: string, { etcd = {}, dryRun = false, ...flags }: MigrateFlags): Promise<void> {
  if (driver !== "etcd" && driver !== "lmdb") throw new Fault("invalid", `"${driver}" is no driver; say etcd or lmdb`);
  const unknown = Object.keys(etcd).find((name) => !etcdFlags.includes(name));
  if (unknown) throw new Fault("invalid", `--etcd ${unknown}: there are only ${etcdFlags.join(", ")}`);
  if ((driver === "etcd") !== Boolean(etcd.servers)) {
    throw new Fault("invalid", "etcd needs --etcd servers=URL, and lmdb takes no --etcd");
  }
  const config = knownCluster(flags);
  const running = runningProcess(config.runDir);
  if (running) throw new Fault("in-use", `cluster ${config.name} is running (process ${running}); end it first`);
  const wanted = Object.fromEntries(Object.entries(etcd).map(([name, value]) => [`etcd-${name}`, value]));
  if (dryRun) {
    const { keys, from, to } = await migrateStore(config, wanted, { ...tools, dryRun, note: () => {} });
    console.log(`${keys} keys would be copied from ${from}, which stays as it is, to ${to}`);
    return;
  }
  const progress = terminalProgress({ stream: process.stderr, now: () => systemClock.monotonic() });
  await progress.phase("copying", async (note) => {
    const { keys, from, to } = await migrateStore(config, wanted, { ...tools, note });
    note(`${keys} keys from ${from}, which stays as it is, to ${to}`);
  });
}
