import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Pod } from "../../src/api/core/pod.ts";
import { containerdAddress } from "../../src/cluster/images.ts";
import { localNodes } from "../../src/cluster/local-nodes.ts";
import { runningProcess } from "../../src/cluster/process-lock.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { systemRandom, uuid } from "../../src/lib/random.ts";
import { openCriRuntime } from "../../src/node/runtime/cri.ts";
import type { ContainerRuntime, SandboxConfig } from "../../src/node/runtime/runtime.ts";
import { quantile } from "./load/jobs.ts";
import { type RealCluster, startRealCluster } from "./real-cluster.ts";
import type { Row } from "./report.ts";
import type { Suite } from "./suite.ts";

const inARow = 15;
const atOnce = 20;
/** As many as a node is said to carry. */
const crowd = 100;
/** Freed memory is given back every ten seconds. */
const memoryLooks = { count: 15, every: 2000 };
const namespace = "default";
const command = ["sleep", "100000"];

/** Real pods from create to Ready, beside what containerd alone takes. */
export const podSuite: Suite = {
  name: "pods",
  about: "real pods from create to Ready (root and containerd)",
  async run({ folder, note }) {
    const obstacle = whyNot();
    if (obstacle) {
      note(`SKIPPED: ${obstacle}. No real pod was measured.`);
      return [];
    }
    note("navarch up");
    await using cluster = await startRealCluster(folder);
    const { client, image } = cluster;
    await using ready = new ReadyTimes(cluster);
    await ready.open();
    const create = (name: string) => {
      const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: "main", image, command }] };
      return client.create(Pod, { metadata: { name, namespace }, spec });
    };
    const timed = async (name: string) => {
      const began = performance.now();
      await create(name);
      return (await ready.of(name)) - began;
    };
    const remove = async (names: readonly string[]) => {
      await Promise.all(names.map((name) => client.delete(Pod, { namespace, name })));
      await Promise.all(names.map((name) => ready.gone(name)));
    };

    note("one pod after the other");
    const times: number[] = [];
    await timed("warm");
    for (let index = 0; index < inARow; index++) times.push(await timed(`one-${index}`));
    times.sort((a, b) => a - b);
    await remove(["warm", ...times.map((_, index) => `one-${index}`)]);
    note(`${atOnce} pods at once`);
    const all = await together(namesOf("many", atOnce), timed, remove);
    note(`${crowd} pods at once`);
    let memory = 0;
    const crowded = await together(namesOf("crowd", crowd), timed, async (names) => {
      memory = await restingMemory(cluster);
      await remove(names);
    });

    note("containerd alone");
    const raw = await bareContainers(cluster);
    const rows: Row[] = [
      { measure: "navarch up, with containers", value: cluster.upAfter, unit: "ms" },
      {
        measure: "real pod, create to Ready, p50",
        value: quantile(times, 0.5),
        unit: "ms",
        raw: { what: "CRI alone", value: raw.p50 },
        goal: { atMost: 500 },
      },
      {
        measure: "real pod, create to Ready, p90",
        value: quantile(times, 0.9),
        unit: "ms",
        raw: { what: "CRI alone", value: raw.p90 },
      },
      {
        measure: `${atOnce} real pods at once, all Ready`,
        value: all,
        unit: "ms",
        raw: { what: "CRI alone", value: raw.all },
        goal: { atMost: 4000 },
      },
      { measure: `${crowd} real pods at once, all Ready`, value: crowded, unit: "ms", goal: { atMost: 20_000 } },
      { measure: `memory of the agent with ${crowd} pods`, value: memory, unit: "MB", goal: { atMost: 120 } },
    ];
    return rows;
  },
};

function namesOf(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** Milliseconds until the last of them is ready; then they are taken away. */
async function together(
  names: readonly string[],
  timed: (name: string) => Promise<unknown>,
  after: (names: readonly string[]) => Promise<void>,
): Promise<number> {
  const began = performance.now();
  await Promise.all(names.map(timed));
  const all = performance.now() - began;
  await after(names);
  return all;
}

/** Resident memory of the node's process in MB, the least of some looks: much of what was just used is garbage. */
async function restingMemory({ config }: RealCluster): Promise<number> {
  const pid = runningProcess(config.runDir, "agent");
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < memoryLooks.count; look++) {
    await systemClock.sleep(memoryLooks.every);
    least = Math.min(least, residentBytes(pid));
  }
  return least / 1_000_000;
}

function residentBytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

function whyNot(): string | undefined {
  if (process.platform !== "linux") return "containers need Linux";
  if (process.getuid?.() !== 0) return "containers need root";
  return ["/usr/bin/containerd", "/usr/local/bin/containerd"].some((path) => existsSync(path))
    ? undefined
    : "there is no containerd";
}

/** When each pod became Ready, as a watch of the API tells it. */
class ReadyTimes implements AsyncDisposable {
  readonly #cluster: RealCluster;
  readonly #end = new AbortController();
  readonly #ready = new Map<string, PromiseWithResolvers<number>>();
  readonly #gone = new Map<string, PromiseWithResolvers<void>>();
  #watching: Promise<void> = Promise.resolve();

  constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  async open(): Promise<void> {
    const { client } = this.#cluster;
    const { metadata } = await client.list(Pod, { namespace });
    this.#watching = this.#watch(metadata.resourceVersion ?? "0").catch((error: unknown) => {
      for (const waiting of this.#ready.values()) waiting.reject(error);
    });
  }

  of(name: string): Promise<number> {
    return entry(this.#ready, name).promise;
  }

  gone(name: string): Promise<void> {
    return entry(this.#gone, name).promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#watching;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { client } = this.#cluster;
    const options = { namespace, resourceVersion, signal: this.#end.signal };
    for await (const { type, object } of client.watch(Pod, options)) {
      const { name } = object.metadata;
      if (type === "DELETED") entry(this.#gone, name).resolve();
      const ready = object.status?.conditions?.find((condition) => condition.type === "Ready");
      if (ready?.status === "True") entry(this.#ready, name).resolve(performance.now());
    }
  }
}

function entry<T>(map: Map<string, PromiseWithResolvers<T>>, name: string): PromiseWithResolvers<T> {
  const known = map.get(name);
  if (known) return known;
  const made = Promise.withResolvers<T>();
  map.set(name, made);
  return made;
}

/** A sandbox with one started container in the cluster's own containerd, and nothing around them. */
async function bareContainers({ config, image }: RealCluster) {
  const endpoint = containerdAddress(localNodes(config)[0]);
  await using runtime = openCriRuntime({ endpoint, clock: systemClock, log: silentLog });
  const logDirectory = join(config.dataDir, "bench-logs");
  mkdirSync(logDirectory, { recursive: true });
  const sandboxes: string[] = [];
  const timed = async (name: string) => {
    const began = performance.now();
    sandboxes.push(await bareContainer(runtime, { name, image, logDirectory }));
    return performance.now() - began;
  };
  const clear = async () => {
    for (const id of sandboxes.splice(0)) await runtime.removeSandbox(id);
  };
  const times: number[] = [];
  for (let index = 0; index < inARow; index++) times.push(await timed(`bare-${index}`));
  await clear();
  const began = performance.now();
  await Promise.all(Array.from({ length: atOnce }, (_, index) => timed(`bare-many-${index}`)));
  const all = performance.now() - began;
  await clear();
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p90: quantile(times, 0.9), all };
}

async function bareContainer(
  runtime: ContainerRuntime,
  { name, image, logDirectory }: { readonly name: string; readonly image: string; readonly logDirectory: string },
): Promise<string> {
  const config: SandboxConfig = {
    metadata: { name, uid: uuid(systemRandom), namespace: "bench", attempt: 0 },
    hostname: name,
    logDirectory,
    labels: {},
    annotations: {},
  };
  const sandbox = await runtime.runSandbox(config);
  const container = await runtime.createContainer(
    sandbox,
    { metadata: { name: "main", attempt: 0 }, image, command, labels: {}, annotations: {}, logPath: `${name}.log` },
    config,
  );
  await runtime.startContainer(container);
  return sandbox;
}
