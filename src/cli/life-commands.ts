import { existsSync, rmSync } from "node:fs";
import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import {
  type ClusterConfig,
  type ConfigWishes,
  type NodeBackend,
  newCluster,
  placesOf,
  planCluster,
  type RuntimeName,
} from "../cluster/config.ts";
import { simulatedIn, wishesIn } from "../cluster/description/description.ts";
import { amountsOf } from "../cluster/description/simulated-part.ts";
import { exampleFolder, serveExample } from "../cluster/example.ts";
import { loadExampleImages } from "../cluster/example-images.ts";
import { imageCache } from "../cluster/images.ts";
import { readJoinedNode } from "../cluster/joined-node.ts";
import { contextName, kubeconfigPath, removeKubeconfig } from "../cluster/kubeconfig.ts";
import { cleanLeftovers } from "../cluster/leftovers.ts";
import { mostLocalNodes } from "../cluster/local-nodes.ts";
import { inspectMachine, type MachineNeeds } from "../cluster/machine.ts";
import type { Flags } from "../cluster/part-flags.ts";
import { runningProcess } from "../cluster/process-lock.ts";
import { readSchedulerFiles } from "../cluster/scheduler-files.ts";
import { watchdogSeconds } from "../cluster/service/unit.ts";
import { keepAlive, systemdNotify } from "../cluster/service/watchdog.ts";
import { ensureSimulatedNodes, keepStages } from "../cluster/simulated-nodes.ts";
import { type RunningCluster, startCluster } from "../cluster/up.ts";
import { aborted } from "../lib/abort.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault, faultCode } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";
import { soundDescription } from "./config-commands.ts";
import { addFlag, commaList, filePath, oneOf, wholeNumber } from "./flags.ts";
import { type NetworkFlags, networkWishes } from "./network-flags.ts";
import { planText } from "./plan-text.ts";
import { prepareMachine } from "./prepare-machine.ts";
import { type Progress, seconds, terminalProgress } from "./progress.ts";
import { planRestoreOf, restoreInto } from "./snapshot-commands.ts";
import { soundStages, stagesFlag } from "./stages-flag.ts";

interface UpFlags extends NetworkFlags {
  readonly name: string;
  readonly config?: string;
  readonly example?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly from?: string;
  readonly passphraseFile?: string;
  readonly runtime?: RuntimeName;
  readonly dataDir?: string;
  readonly apiPort?: number;
  readonly disable?: readonly string[];
  readonly schedulerConfig?: string;
  readonly schedulerPlugins?: string;
  readonly kubeletArg?: Flags;
  readonly nodes?: number;
  readonly nodeNetwork?: NodeBackend;
  readonly advertiseAddress?: string;
  readonly simulatedNodes?: number;
  readonly simulatedAmounts?: ReturnType<typeof amountsOf>;
  readonly stages?: string;
  readonly zones?: readonly string[];
}

/** `navarch up|down`. */
export function addLifeCommands(program: Command): void {
  program
    .command("up")
    .description("start a cluster on this machine and stay with it; Ctrl-C ends it, its data stays")
    .option("--config <file>", "the cluster's description; flags beside it count for more", filePath)
    .option("--name <name>", "the cluster's name; several can run side by side", "navarch")
    .option("--example <name>", "also start an example application: guestbook")
    .option("-y, --yes", "do not ask before installing packages")
    .option("--dry-run", "say what would be done to this machine; change nothing")
    .option("--from <file>", "make the cluster from a snapshot first; it must have no data", filePath)
    .option("--passphrase-file <file>", "opens the keys that the snapshot carries", filePath)
    .option("--runtime <runtime>", "cri for real containers, simulated for none", oneOf("cri", "simulated"))
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--api-port <port>", "the API server's port", wholeNumber(1, 65535))
    .option(
      "--disable <names>",
      "add-ons to go without, with commas between: ingress, local-path, metrics-server",
      commaList,
    )
    .option(
      "--apiserver-arg <flag=value>",
      "a flag of Kubernetes' API server, as oidc-issuer-url=https://dex.example.com; may be repeated",
      addFlag,
    )
    .option(
      "--controller-manager-arg <flag=value>",
      "a flag of Kubernetes' controller manager, as node-monitor-grace-period=20s; may be repeated",
      addFlag,
    )
    .option(
      "--kubelet-arg <flag=value>",
      "a flag of Kubernetes' kubelet, as node-status-update-frequency=5s; may be repeated",
      addFlag,
    )
    .option(
      "--nodes <number>",
      "nodes on this machine, each further one a network namespace",
      wholeNumber(1, mostLocalNodes),
    )
    .option(
      "--node-network <backend>",
      "how nodes reach each other's pods: vxlan or host-gw",
      oneOf("vxlan", "host-gw"),
    )
    .option(
      "--pod-range <ranges>",
      "where pods' addresses are from: 10.244.0.0/16, or of both families 10.244.0.0/16,fd00:10:244::/56",
    )
    .option(
      "--service-range <ranges>",
      "where services' addresses are from: 10.96.0.0/16, or 10.96.0.0/16,fd00:10:96::/112",
    )
    .option("--advertise-address <address>", "this machine's address for other machines, which then can join")
    .option("--simulated-nodes <number>", "nodes beside this machine that are only played", wholeNumber(0, 10_000))
    .option("--stages <file>", stagesFlag, filePath)
    .option("--zones <names>", "zones of the nodes in turn, with commas between", commaList)
    .option("--scheduler-config <file>", "a KubeSchedulerConfiguration (v1), as YAML or JSON", filePath)
    .option("--scheduler-plugins <file>", "a TypeScript module that exports functions which make plugins", filePath)
    .action(up);

  program
    .command("down")
    .description("end a running cluster, and with --wipe forget it")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--wipe", "delete the cluster's data, certificates and kubeconfig context")
    .option("--dry-run", "say what would be done; change nothing")
    .action(down);
}

async function up(given: UpFlags, command: Command): Promise<void> {
  const named = command.getOptionValueSource("name") === "cli";
  const { wishes, flags } = described(given, named);
  if (readJoinedNode(placesOf(wishes, process.env).dataDir)) {
    throw new Fault("in-use", `${wishes.name} is a node of a cluster elsewhere; choose another name with --name`);
  }
  if (flags.dryRun) {
    const wanted = planCluster(wishes, process.env);
    const planned = flags.from === undefined ? wanted : (await planRestoreOf(wanted, flags.from, flags)).config;
    const needs = { ...planned, containers: planned.runtime === "cri", ports: portsOf(planned) };
    process.stdout.write(planText(planned, await inspectMachine(needs, process.env), kubeconfigPath(process.env)));
    return;
  }
  if (flags.from !== undefined) await restoreInto(planCluster(wishes, process.env), flags.from, flags);
  const config = planCluster(wishes, process.env);
  if (flags.example) exampleFolder(flags.example);
  await readSchedulerFiles(config);
  const stages = flags.stages === undefined ? undefined : soundStages(flags.stages);
  const progress = terminalProgress({ stream: process.stderr, now: () => systemClock.monotonic() });
  if (config.runtime === "simulated") {
    console.error("SIMULATED: containers are not real in this cluster; pods only say that they run.");
  }
  const running = runningProcess(config.runDir);
  if (running)
    throw new Fault(
      "in-use",
      `cluster ${config.name} is running already (process ${running}); end it with: navarch down --name ${config.name}`,
    );

  await prepareMachine({ ...config, containers: config.runtime === "cri", ports: portsOf(config) }, flags, progress);
  const stopping = new AbortController();
  const interrupted = new Fault("aborted", "interrupted before the cluster was ready");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort(interrupted));

  const cluster = await startCluster({
    config,
    kubeconfig: kubeconfigPath(process.env),
    program: process.argv[1]!,
    clock: systemClock,
    random: systemRandom,
    phase: progress.phase,
    warn: (text) => console.error(`navarch: ${text}`),
    signal: stopping.signal,
  });
  try {
    if (stages !== undefined) await keepStages(cluster.client, stages);
    if (flags.simulatedNodes) await playNodes(cluster.client, flags, progress);
    if (flags.example) await startExample(flags.example, config, cluster.client, progress, stopping.signal);
    console.error(
      `\nReady in ${seconds(progress.taken.reduce((sum, { ms }) => sum + ms, 0))}. Ctrl-C ends the cluster; its data stays in ${config.dataDir}.`,
    );
    await stayAlive(cluster, stopping.signal);
  } finally {
    await progress.phase("stopping", () => cluster.stop());
  }
}

/** Waits for the end; systemd, if it started this process, hears meanwhile whether the cluster is well. */
async function stayAlive({ transport }: RunningCluster, signal: AbortSignal): Promise<void> {
  const notify = systemdNotify(process.env);
  const warn = (text: string) => console.error(`navarch: ${text}`);
  const interval = (watchdogSeconds * 1000) / 4;
  if (notify) await keepAlive({ transport, notify, clock: systemClock, interval, warn, signal });
  else await aborted(signal);
}

/** What flags and the description they may name ask for together. */
function described(flags: UpFlags, named: boolean): { readonly wishes: ConfigWishes; readonly flags: UpFlags } {
  if (flags.config === undefined) return { wishes: wishesOf(flags), flags };
  const description = soundDescription(flags.config);
  const { count, zones, stages, ...size } = simulatedIn(description, flags.config);
  const { example } = description.spec ?? {};
  const whole: UpFlags = {
    ...(count === undefined ? {} : { simulatedNodes: count }),
    ...(zones === undefined ? {} : { zones }),
    ...(stages === undefined ? {} : { stages }),
    simulatedAmounts: amountsOf(size),
    ...(example === undefined ? {} : { example }),
    ...flags,
  };
  const file = wishesIn(description, flags.config);
  const { name, ...beside } = wishesOf(flags);
  return {
    flags: whole,
    wishes: {
      ...file,
      ...beside,
      ...(named ? { name } : {}),
      ...(file.network || beside.network ? { network: { ...file.network, ...beside.network } } : {}),
      ...bothFlags("apiServerFlags", file, beside),
      ...bothFlags("controllerFlags", file, beside),
      ...bothFlags("nodeFlags", file, beside),
    },
  };
}

/** A part's flags of the description, with those of the command line over them. */
function bothFlags(
  part: "apiServerFlags" | "controllerFlags" | "nodeFlags",
  file: ConfigWishes,
  beside: Partial<ConfigWishes>,
): Partial<ConfigWishes> {
  return file[part] || beside[part] ? { [part]: { ...file[part], ...beside[part] } } : {};
}

function wishesOf(flags: UpFlags): ConfigWishes {
  const { apiserverArg, controllerManagerArg, kubeletArg, nodeNetwork, zones, podRange, serviceRange, ...rest } = flags;
  return {
    ...rest,
    ...networkWishes(flags),
    ...(kubeletArg ? { nodeFlags: kubeletArg } : {}),
    ...(nodeNetwork ? { nodeBackend: nodeNetwork } : {}),
    // With simulated nodes, the zones are theirs.
    ...(zones && !flags.simulatedNodes ? { zones } : {}),
  };
}

async function playNodes(
  client: Client,
  { simulatedNodes: count = 0, simulatedAmounts: amounts = {}, zones }: UpFlags,
  progress: Progress,
): Promise<void> {
  await progress.phase("simulated nodes", async (note) => {
    note(`${await ensureSimulatedNodes(client, { count, amounts, ...(zones ? { zones } : {}) })} nodes`);
  });
}

async function startExample(
  name: string,
  config: ClusterConfig,
  client: Parameters<typeof serveExample>[0],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  if (config.runtime === "cri") {
    const cacheDir = imageCache(process.env);
    await progress.phase("images", (note) => loadExampleImages(config, name, { cacheDir, note, signal }));
  }
  if (config.runtime === "simulated") {
    console.error("The example is not started: it needs real containers.");
    return;
  }
  const clock = systemClock;
  const { url } = await progress.phase(`example ${name}`, (note) =>
    serveExample(client, name, { clock, note, signal }),
  );
  console.log(
    `\n  The ${name} answers at   ${url}\n  Try next:               kubectl --context ${contextName(config.name)} get pods -o wide`,
  );
}

function portsOf({ apiPort, kubeletPort }: ClusterConfig): MachineNeeds["ports"] {
  const other = "--name, which gives a second cluster ports of its own";
  return [
    { port: apiPort, purpose: "the API server", flag: "--api-port" },
    { port: kubeletPort, purpose: "the node agent", flag: other },
  ];
}

interface DownFlags {
  readonly name: string;
  readonly dataDir?: string;
  readonly wipe?: boolean;
  readonly dryRun?: boolean;
}

/** The cluster that is to end. One whose description is damaged can still be forgotten. */
function endingCluster(flags: DownFlags): ClusterConfig {
  try {
    return planCluster(flags, process.env);
  } catch (error) {
    if (flags.wipe && faultCode(error) === "corrupt") return newCluster(flags, process.env);
    throw error;
  }
}

async function down(flags: DownFlags): Promise<void> {
  const config = endingCluster(flags);
  const progress = terminalProgress({ stream: process.stderr, now: () => systemClock.monotonic() });
  const pid = runningProcess(config.runDir);
  if (flags.dryRun) {
    console.log(pid ? `process ${pid} and its containers would be ended` : "nothing runs; leftovers would be removed");
    if (flags.wipe) console.log(`${config.dataDir} and the context ${contextName(config.name)} would be deleted`);
    return;
  }
  if (pid) {
    await progress.phase("stopping", async () => {
      process.kill(pid, "SIGTERM");
      while (runningProcess(config.runDir) === pid) await systemClock.sleep(100);
    });
  } else if (existsSync(config.dataDir)) {
    await progress.phase("leftovers", (note) => cleanLeftovers(config, note));
  } else console.error(`there is no cluster ${config.name}; navarch status shows those that there are`);
  if (!flags.wipe) return;
  await progress.phase("wiping", async (note) => {
    removeKubeconfig(kubeconfigPath(process.env), contextName(config.name));
    if (existsSync(config.dataDir)) rmSync(config.dataDir, { recursive: true, force: true });
    note(config.dataDir);
  });
}
