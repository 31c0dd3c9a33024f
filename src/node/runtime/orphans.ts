import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { unmountBelow } from "./mounts.ts";
import { endProcess, findProcesses, type ProcessIdentity, stillRuns } from "./process-table.ts";

/*
 * A containerd that is killed in the middle of making a sandbox leaves what the next one knows nothing of: a network
 * namespace with its interface and address, or a shim that went on making what it was asked for.
 */

/** Where a containerd has what outlives it. */
export interface ContainerdPlaces {
  readonly state: string;
  readonly socket: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  /** The file of the network namespace that its bridge is in, if that is not this process's own. */
  readonly networkNamespace?: string;
}

/** Where libcni remembers what it has set up. */
const cniResults = "/var/lib/cni/results";
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

/** Ends those of the given shims whose sandbox the runtime does not know, and gives back what they hold. Returns those that are left. */
export async function removeOrphanShims(
  shims: readonly ProcessIdentity[],
  known: () => Promise<ReadonlySet<string>>,
  { state }: ContainerdPlaces,
  clock: Clock,
  log: Log,
): Promise<readonly ProcessIdentity[]> {
  const running: { readonly shim: ProcessIdentity; readonly id: string }[] = [];
  for (const shim of shims) {
    const words = (await readFile(`/proc/${shim.pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (await stillRuns(shim)) running.push({ shim, id: words[words.indexOf("-id") + 1] ?? "" });
  }
  if (running.length === 0) return [];
  const ids = await known();
  for (const { shim, id } of running) {
    if (ids.has(id)) continue;
    log.info("ending what a killed containerd had begun", { sandbox: id });
    const bundle = join(state, "io.containerd.runtime.v2.task/k8s.io", id);
    const address = await readFile(join(bundle, "address"), "utf8").catch(() => "");
    await endProcess(shim, 0, clock);
    // containerd sees that it has lost the shim, and ends its containers.
    const deadline = clock.monotonic() + cleanUpMs;
    while (clock.monotonic() < deadline && (await isThere(bundle))) await clock.sleep(50);
    if (address.startsWith("unix:///")) await rm(address.slice("unix://".length), { force: true });
  }
  return running.filter(({ id }) => ids.has(id)).map(({ shim }) => shim);
}

/** Gives back the networks that were begun before `since` (ms) and belong to no sandbox that the runtime knows. */
export async function removeOrphanNetworks(
  known: ReadonlySet<string>,
  since: number,
  places: ContainerdPlaces,
  log: Log,
): Promise<void> {
  const changedAt = async (path: string) =>
    (await stat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
  const older = async (paths: readonly string[]) => {
    const times = await Promise.all(paths.map(changedAt));
    return paths.filter((_, index) => times[index]! < since);
  };
  for (const list of await networkLists(places.cniConfDir)) {
    const given = await older(list.plugins.flatMap(({ ipam }) => addressFiles(ipam?.dataDir, list.name)));
    const owners = given.map(async (file) => (await readFile(file, "utf8").catch(() => "")).split(/\s/)[0] ?? "");
    const kept = await older(globSync(`${cniResults}/${list.name}-*`));
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
  for (const path of await older(globSync(`${places.state}/io.containerd.grpc.v1.cri/netns/*`))) {
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
  const paths = globSync(join(state, "io.containerd.runtime.v2.task/k8s.io/*/config.json")).map(async (file) => {
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

async function isThere(path: string): Promise<boolean> {
  return (await readdir(dirname(path)).catch(() => [] as string[])).includes(basename(path));
}
