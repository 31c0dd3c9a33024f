import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { CriChannel } from "./cri-channel.ts";
import { containerdEndLease, containerdLeases, criNamespace } from "./cri-wire.ts";
import { unmountBelow } from "./mounts.ts";
import { endProcess, findProcesses, type ProcessIdentity } from "./process-table.ts";

/*
 * A containerd that is killed in the middle of making a sandbox leaves what the next one knows nothing of: a network
 * namespace with its interface and address, a file system, or a shim that went on making what it was asked for.
 */

/** An OCI runtime, and where it has what it knows of each container. */
export interface OciRuntime {
  readonly program: string;
  readonly root: string;
}

/** Where a containerd has what outlives it. */
export interface ContainerdPlaces {
  readonly runtimes: readonly OciRuntime[];
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  /** The file of the network namespace that its bridge is in, if that is not this process's own. */
  readonly networkNamespace?: string;
}

/** Where libcni remembers what it has set up. */
const cniResults = "/var/lib/cni/results";
/** Where each sandbox and container that runs has a folder, in `state` and in `root`. */
const bundles = "io.containerd.runtime.v2.task/k8s.io";
/** How long containerd may take to give back what a shim had. */
const cleanUpMs = 10_000;

/** Shims of this containerd that run: each holds one sandbox. */
export function findShims(socket: string): Promise<readonly ProcessIdentity[]> {
  return findProcesses((args) => isShim(args) && args.includes(socket));
}

/** Waits until what a containerd had begun when it died has come to an end: shims being started, plugins at work. */
export async function awaitLastWork({ state, socket }: ContainerdPlaces, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + 5000;
  while (clock.monotonic() < deadline) {
    const starting = await findProcesses((args) => isShim(args) && args.includes(socket) && args.at(-1) === "start");
    if (starting.length === 0 && !(await pluginsAtWork(state))) return;
    await clock.sleep(20);
  }
}

/**
 * Ids of the sandboxes and containers that something on the machine is there for. While a containerd runs, only of those that
 * are older than it: younger ones may be in the making.
 */
export async function findBegun(
  { state, socket }: ContainerdPlaces,
  running?: { readonly process: ProcessIdentity; readonly since: number },
): Promise<readonly string[]> {
  const paths = globSync(join(state, bundles, "*"));
  const folders = (running ? await older(paths, running.since) : paths).map((path) => basename(path));
  const shims = (await findShims(socket)).filter(
    ({ startTicks }) => !running || startTicks < running.process.startTicks,
  );
  const ids = shims.map(async ({ pid }) => {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    return words[words.indexOf("-id") + 1] ?? "";
  });
  return [...new Set([...folders, ...(await Promise.all(ids))])].filter((id) => id !== "");
}

/** Kills a container's processes and lets its OCI runtime forget it. */
export async function deleteContainer({ program, root }: OciRuntime, id: string, log: Log): Promise<void> {
  await promisify(execFile)(program, ["--root", root, "delete", "--force", id]).catch((error: unknown) => {
    log.warn("A container cannot be deleted", { id, error });
  });
}

/** Of the given sandboxes and containers gives back those that the runtime does not know. Returns those that it knows. */
export async function removeOrphans(
  ids: readonly string[],
  known: () => Promise<ReadonlySet<string>>,
  places: ContainerdPlaces,
  clock: Clock,
  log: Log,
): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const kept = await known();
  for (const id of ids) if (!kept.has(id)) await removeOrphan(id, places, clock, log);
  return ids.filter((id) => kept.has(id));
}

async function removeOrphan(
  id: string,
  { state, root, socket, runtimes }: ContainerdPlaces,
  clock: Clock,
  log: Log,
): Promise<void> {
  const bundle = join(state, bundles, id);
  const shims = await findProcesses((args) => isShim(args) && args.includes(socket) && args.includes(id));
  if (shims.length > 0 || existsSync(bundle)) log.info("ending what a killed containerd had begun", { id });
  for (const shim of shims) await endProcess(shim, 0, clock);
  // containerd sees that it has lost the shim, and ends its containers.
  const deadline = clock.monotonic() + cleanUpMs;
  while (shims.length > 0 && clock.monotonic() < deadline && existsSync(bundle)) await clock.sleep(50);
  // Of one without a shim, or that was too young, it knows nothing.
  for (const runtime of runtimes) if (existsSync(join(runtime.root, id))) await deleteContainer(runtime, id, log);
  await unmountBelow(bundle);
  for (const path of [bundle, join(root, bundles, id), shimSocket(socket, id)]) {
    await rm(path, { recursive: true, force: true });
  }
}

/** Where the shim of a sandbox listens (containerd's `shim.SocketAddress`); its containers' ids give a path that nobody has. */
function shimSocket(socket: string, id: string): string {
  return join("/run/containerd/s", createHash("sha256").update(`${socket}/k8s.io/${id}`).digest("hex"));
}

/** Ends the leases from before `since` (ms): who held them is dead, and they would keep half-made file systems for a day. */
export async function endOrphanLeases({ socket }: ContainerdPlaces, since: number, clock: Clock): Promise<void> {
  using channel = new CriChannel(socket, clock);
  const options = { timeoutMs: 30_000, headers: criNamespace };
  const { leases } = await channel.unary(containerdLeases, { filters: [] }, options);
  const old = leases.filter(({ createdAt }) => createdAt && createdAt.seconds * 1000 + createdAt.nanos / 1e6 < since);
  for (const { id } of old) await channel.unary(containerdEndLease, { id, sync: true }, options);
}

/** Gives back the networks that were begun before `since` (ms) and belong to no sandbox that the runtime knows. */
export async function removeOrphanNetworks(
  known: ReadonlySet<string>,
  since: number,
  places: ContainerdPlaces,
  log: Log,
): Promise<void> {
  for (const list of await networkLists(places.cniConfDir)) {
    const given = await older(
      list.plugins.flatMap(({ ipam }) => addressFiles(ipam?.dataDir, list.name)),
      since,
    );
    const owners = given.map(async (file) => (await readFile(file, "utf8").catch(() => "")).split(/\s/)[0] ?? "");
    const kept = await older(globSync(`${cniResults}/${list.name}-*`), since);
    const noted = kept.map(
      (file) =>
        basename(file)
          .slice(list.name.length + 1)
          .split("-")[0] ?? "",
    );
    for (const id of new Set([...(await Promise.all(owners)), ...noted])) {
      if (id === "" || known.has(id)) continue;
      log.info("giving back a network that a killed containerd had begun", { sandbox: id });
      for (const plugin of list.plugins.toReversed()) await release(plugin, list, id, places, log);
      for (const file of globSync(`${cniResults}/*-${id}-*`)) await rm(file, { force: true });
    }
  }
  const used = await usedNamespaces(places.state);
  for (const path of await older(globSync(`${places.state}/io.containerd.grpc.v1.cri/netns/*`), since)) {
    if (used.has(path)) continue;
    // The interface in it goes with it.
    await unmountBelow(path);
    await rm(path, { force: true });
  }
}

interface NetworkList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly (Readonly<Record<string, unknown>> & {
    readonly type: string;
    readonly ipam?: { readonly dataDir?: string };
  })[];
}

async function networkLists(folder: string): Promise<readonly NetworkList[]> {
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".conflist"));
  return await Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), "utf8"))));
}

/** host-local has a file for each address that it gave out; it begins with the sandbox's id. */
function addressFiles(dataDir: string | undefined, network: string): readonly string[] {
  if (dataDir === undefined) return [];
  return globSync(join(dataDir, network, "*")).filter((path) => /^[0-9a-f]*[.:]/.test(basename(path)));
}

/** Asks a plugin to give back what it did for a sandbox (CNI's DEL; without a namespace, since nobody knows which it was). */
async function release(
  plugin: NetworkList["plugins"][number],
  { cniVersion, name }: NetworkList,
  id: string,
  { cniBinDir, networkNamespace }: ContainerdPlaces,
  log: Log,
): Promise<void> {
  const words = [...(networkNamespace ? ["nsenter", `--net=${networkNamespace}`] : []), join(cniBinDir, plugin.type)];
  const env = {
    PATH: process.env.PATH,
    CNI_COMMAND: "DEL",
    CNI_CONTAINERID: id,
    CNI_IFNAME: "eth0",
    CNI_PATH: cniBinDir,
  };
  const child = spawn(words[0]!, words.slice(1), { env, stdio: ["pipe", "pipe", "ignore"], timeout: 10_000 });
  const said: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => said.push(piece));
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify({ cniVersion, name, ...plugin }));
  await new Promise<void>((resolve) => {
    child.once("error", (error) => {
      log.warn(`${plugin.type}: ${errorMessage(error)}`);
      resolve();
    });
    child.once("close", (code) => {
      if (code !== 0) log.warn(`${plugin.type} gives back nothing: ${Buffer.concat(said).toString()}`, { sandbox: id });
      resolve();
    });
  });
}

/** The network namespaces of sandboxes that run. */
async function usedNamespaces(state: string): Promise<ReadonlySet<string>> {
  const paths = globSync(join(state, bundles, "*/config.json")).map(async (file) => {
    const { linux } = JSON.parse(await readFile(file, "utf8").catch(() => "{}")) as {
      readonly linux?: { readonly namespaces?: readonly { readonly type: string; readonly path?: string }[] };
    };
    return linux?.namespaces?.find(({ type }) => type === "network")?.path ?? "";
  });
  return new Set(await Promise.all(paths));
}

async function pluginsAtWork(state: string): Promise<boolean> {
  const folder = `CNI_NETNS=${state}/`;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const environments = pids.map((pid) => readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""));
  return (await Promise.all(environments)).some((text) => text.split("\0").some((entry) => entry.startsWith(folder)));
}

function isShim(args: readonly string[]): boolean {
  return basename(args[0] ?? "").startsWith("containerd-shim");
}

/** Those of the files that were last changed before `since` (ms). */
async function older(paths: readonly string[], since: number): Promise<readonly string[]> {
  const times = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.filter((_, index) => (times[index]?.mtimeMs ?? Number.POSITIVE_INFINITY) < since);
}
