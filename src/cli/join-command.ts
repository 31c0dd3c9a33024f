import { X509Certificate } from "node:crypto";
import { type Command, InvalidArgumentError } from "commander";
import { parseToken } from "../cluster/bootstrap-tokens.ts";
import { placesOf, readCluster } from "../cluster/config.ts";
import { joinCluster, ownName } from "../cluster/join.ts";
import { type JoinedNode, readJoinedNode, withKubeletFlags, writeJoinedNode } from "../cluster/joined-node.ts";
import { runJoinedNode } from "../cluster/joined-up.ts";
import { inspectMachine } from "../cluster/machine.ts";
import type { Flags } from "../cluster/part-flags.ts";
import { runningProcess } from "../cluster/process-lock.ts";
import { userFile } from "../cluster/user-file.ts";
import { aborted } from "../lib/abort.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";
import { addFlag, filePath, wholeNumber } from "./flags.ts";
import { joinPlanText } from "./plan-text.ts";
import { prepareMachine } from "./prepare-machine.ts";
import { terminalProgress } from "./progress.ts";

interface JoinFlags {
  readonly name: string;
  readonly dataDir?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly token?: string;
  readonly discoveryTokenCaCertHash: readonly string[];
  readonly discoveryTokenUnsafeSkipCaVerification?: boolean;
  readonly caCert?: string;
  readonly nodeName?: string;
  readonly nodeAddress?: string;
  readonly zone?: string;
  readonly kubeletPort: number;
  readonly kubeletArg?: Flags;
}

/** `navarch join`. */
export function addJoinCommand(program: Command): void {
  program
    .command("join")
    .description("make this machine a node of a cluster elsewhere and stay with it; Ctrl-C ends it")
    .argument("[server]", "the cluster's API server, as https://10.0.0.1:6443; none goes on as before", serverUrl)
    .option("--token <token>", "what `navarch token create` has shown on the cluster's machine")
    .option("--discovery-token-ca-cert-hash <hash>", "sha256:HEX of the cluster's authority; may be repeated", more, [])
    .option("--discovery-token-unsafe-skip-ca-verification", "believe any cluster that knows the token")
    .option("--ca-cert <file>", "the authority's certificate itself, instead of a hash", filePath)
    .option("--node-name <name>", "the node's name; this machine's unless said")
    .option(
      "--node-address <address>",
      "where others reach this machine, with a comma by both families; found out unless said",
    )
    .option("--zone <name>", "the zone that the node is in")
    .option("--kubelet-port <port>", "where the node's own server listens", wholeNumber(1, 65535), 10250)
    .option(
      "--kubelet-arg <flag=value>",
      "a flag of Kubernetes' kubelet, as max-pods=50; may be repeated, is kept, and an empty value takes one away",
      addFlag,
    )
    .option("-y, --yes", "do not ask before installing packages")
    .option("--dry-run", "say what would be done to this machine; change nothing, and ask the cluster nothing")
    .option("--name <name>", "what the node is called here; several can run side by side", "navarch")
    .option("--data-dir <folder>", "where the node's data is kept")
    .action(join);
}

async function join(server: string | undefined, flags: JoinFlags): Promise<void> {
  const places = placesOf(flags, process.env);
  if (readCluster(places.dataDir)) {
    throw new Fault("in-use", `${places.dataDir} holds a cluster of this machine; choose another name with --name`);
  }
  const running = runningProcess(places.runDir);
  if (running) throw new Fault("in-use", `${flags.name} is running already (process ${running})`);
  const before = readJoinedNode(places.dataDir);
  const known = before && withKubeletFlags(before, flags.kubeletArg);
  const wanted = known ? undefined : wishes(server, flags);
  if (known && server !== undefined && server !== known.settings.server) {
    throw new Fault(
      "in-use",
      `this machine is a node of ${known.settings.server} already; forget that with: navarch down --wipe --name ${flags.name}`,
    );
  }

  const port = known?.settings.kubeletPort ?? flags.kubeletPort;
  const ports = [{ port, purpose: "the node agent", flag: "--kubelet-port" }];
  const needs = { ...places, containers: true, ports };
  if (flags.dryRun) {
    const node = known?.settings ?? { server: wanted!.server, name: wanted!.nodeName ?? ownName(), kubeletPort: port };
    process.stdout.write(joinPlanText({ ...places, ...node }, await inspectMachine(needs, process.env)));
    return;
  }
  if (known && known !== before) writeJoinedNode(known);
  const progress = terminalProgress({ stream: process.stderr, now: () => systemClock.monotonic() });
  await prepareMachine(needs, flags, progress);
  const stopping = new AbortController();
  const interrupted = new Fault("aborted", "interrupted before the node was ready");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort(interrupted));
  const node: JoinedNode =
    known ??
    (await progress.phase("joining", (note) =>
      joinCluster({ ...wanted!, ...places, clock: systemClock, random: systemRandom, note }),
    ));
  const { stop } = await runJoinedNode(node, {
    program: process.argv[1]!,
    clock: systemClock,
    phase: progress.phase,
    warn: (text) => console.error(`navarch: ${text}`),
    signal: stopping.signal,
  });
  try {
    console.error(`\nThis machine is node ${node.settings.name} of ${node.settings.server}. Ctrl-C ends it.`);
    await aborted(stopping.signal);
  } finally {
    await progress.phase("stopping", stop);
  }
}

/** What a first join needs. Throws Fault `invalid` with what is missing. */
function wishes(server: string | undefined, flags: JoinFlags) {
  if (!server) throw new Fault("invalid", "say which cluster: navarch join https://SERVER:6443 --token TOKEN ...");
  if (!flags.token) throw new Fault("invalid", "say --token; on the cluster's machine, navarch token create makes one");
  const caHashes = flags.discoveryTokenCaCertHash;
  if (caHashes.length === 0 && !flags.caCert && !flags.discoveryTokenUnsafeSkipCaVerification) {
    throw new Fault(
      "invalid",
      "say by what the cluster is known: --discovery-token-ca-cert-hash or --ca-cert, or believe anybody with --discovery-token-unsafe-skip-ca-verification",
    );
  }
  return {
    name: flags.name,
    server,
    token: parseToken(flags.token),
    caHashes,
    kubeletPort: flags.kubeletPort,
    ...(flags.kubeletArg ? { kubeletFlags: flags.kubeletArg } : {}),
    ...(flags.caCert ? { ca: authorityIn(flags.caCert) } : {}),
    ...(flags.nodeName ? { nodeName: flags.nodeName } : {}),
    ...(flags.nodeAddress ? { address: flags.nodeAddress } : {}),
    ...(flags.zone ? { zone: flags.zone } : {}),
  };
}

function serverUrl(text: string): string {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (url?.protocol !== "https:" || url.pathname !== "/") {
    throw new InvalidArgumentError("It takes an address such as https://10.0.0.1:6443.");
  }
  return url.origin;
}

function more(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** The certificate in a file. Throws Fault `missing`, and `invalid` when it holds none. */
function authorityIn(file: string): string {
  const text = userFile(file, "--ca-cert");
  try {
    new X509Certificate(text);
    return text;
  } catch (cause) {
    throw new Fault("invalid", `--ca-cert: ${file} holds no certificate (PEM)`, { cause });
  }
}
