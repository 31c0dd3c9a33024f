import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Job } from "../../src/api/batch/job.ts";
import { Namespace } from "../../src/api/core/namespace.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { isPodReady, isPodTerminal } from "../../src/api/core/pod-state.ts";
import { ServiceAccount } from "../../src/api/core/service-account.ts";
import { createClient } from "../../src/client/api-client.ts";
import type { Client } from "../../src/client/client.ts";
import { readCluster } from "../../src/cluster/config.ts";
import { containerdAddress } from "../../src/cluster/images.ts";
import { localNodes } from "../../src/cluster/local-nodes.ts";
import { linkName } from "../../src/cluster/machine-link.ts";
import { cgroupName, containerdFolder, networkStateFolder } from "../../src/cluster/node-places.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { errorMessage } from "../../src/lib/fault.ts";
import { silentLog } from "../../src/lib/log.ts";
import { isStatus } from "../../src/machinery/status-error.ts";
import { openCriRuntime } from "../../src/node/runtime/cri.ts";
import { ownerOf } from "../../src/node/runtime/labels.ts";
import type { ContainerRuntime } from "../../src/node/runtime/runtime.ts";
import { NodeTraces } from "../../src/node/testing/node-traces.ts";
import { adminTransport } from "../e2e/tools/admin-transport.ts";
import { newPlace, TestCluster } from "../e2e/tools/cluster.ts";
import { eventually } from "../e2e/tools/eventually.ts";
import { difference, machineState } from "../e2e/tools/machine-state.ts";
import { images } from "../e2e/tools/workloads.ts";
import { namespace, type Specimen, specimen, specimenLabel } from "./node-zoo.ts";

/** Everything that is there and should not be, or the other way round, is said at most so often. */
const mostLines = 40;
const patience = { within: 240_000, every: 500 };
/** Folders of containerd's snapshots may stay so long before the next pod sets off a collection, in ms. */
const collectAfter = 30_000;
const isSnapshotLeft = (difference: string) => /^left: file: .*\.overlayfs\/snapshots\/\d+$/.test(difference);

/** A real cluster of one node, and what a proof asks of it. Disposing takes it away and says what it has left. */
export class ProofCluster implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly client: Client;
  readonly #runtime: ContainerRuntime;
  readonly #traces: NodeTraces;
  readonly #opened: AsyncDisposableStack;
  readonly #containerd: string;

  private constructor(
    cluster: TestCluster,
    client: Client,
    containerd: string,
    traces: NodeTraces,
    runtime: ContainerRuntime,
    opened: AsyncDisposableStack,
  ) {
    this.cluster = cluster;
    this.client = client;
    this.#containerd = containerd;
    this.#traces = traces;
    this.#runtime = runtime;
    this.#opened = opened;
  }

  static async open(name: string): Promise<ProofCluster> {
    const cluster = new TestCluster(newPlace(name));
    await using opened = new AsyncDisposableStack();
    const before = machineState();
    let link: string | undefined;
    opened.defer(async () => {
      await cluster.remove();
      const place = { ...cluster.place, link: link ?? "" };
      expectNone("the cluster has left on the machine", difference(before, machineState(), place));
    });
    await cluster.up();
    for (const args of [
      ["image", "build"],
      ["image", "load", images.busybox, "--name", name],
    ]) {
      const { code, stderr } = await cluster.navarch(args, { patience: 300_000 });
      if (code !== 0) throw new Error(`navarch ${args.join(" ")}: ${stderr}`);
    }
    const config = readCluster(cluster.dataDir);
    if (!config) throw new Error("navarch up left no description of its cluster");
    link = linkName(config);
    const client = createClient(opened.use(await adminTransport(config)), { fieldManager: "proof" });
    const [node] = localNodes(config);
    const marks = {
      folder: node.folder,
      containerd: containerdFolder(node),
      cgroup: cgroupName(node),
      network: `navarch-${node.title}`,
      bridge: `nvb-${node.title}`,
      addresses: join(networkStateFolder(node), "cni-addresses"),
      tables: `navarch-${node.title}`,
    };
    const runtime = opened.use(
      openCriRuntime({ endpoint: containerdAddress(node), clock: systemClock, log: silentLog }),
    );
    await client.create(Namespace, { metadata: { name: namespace }, spec: {} });
    await eventually("the namespace has its service account", () =>
      client.get(ServiceAccount, { namespace, name: "default" }),
    );
    return new ProofCluster(cluster, client, marks.containerd, new NodeTraces(marks), runtime, opened.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  /** What the node has on the machine now. */
  traces(): Promise<ReadonlySet<string>> {
    return this.#traces.look();
  }

  /** The process of the node's containerd; throws while there is none. */
  containerdPid(): number {
    const { pid } = JSON.parse(readFileSync(join(this.#containerd, "containerd.pid"), "utf8")) as { pid: number };
    process.kill(pid, 0);
    return pid;
  }

  async add({ objects }: Specimen): Promise<void> {
    for (const each of objects) await each.create(this.client);
  }

  /** Asks for the end of it; the pod itself may ask for more or less time than it was declared with. */
  async remove({ objects }: Specimen, options: { readonly gracePeriodSeconds?: number } = {}): Promise<void> {
    for (const { kind, key } of objects.toReversed()) {
      try {
        const own = kind.plural === "pods" ? options : {};
        await this.client.delete(kind, key, { propagationPolicy: "Background", ...own });
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.client.list(Pod, { namespace })).items;
  }

  /** Waits until exactly these are in the cluster, each as it is declared, and the runtime has exactly their containers. */
  async settles(specimens: Iterable<Specimen>): Promise<void> {
    const all = [...specimens];
    await eventually(
      `${all.length} specimens are as declared`,
      async () => {
        const [pods, { items: jobs }] = [await this.pods(), await this.client.list(Job, { namespace })];
        const names = new Set(all.map(({ name }) => name));
        expectNone("is not as declared", [
          ...all.flatMap((each) => faultsOf(each, pods, jobs)),
          ...pods
            .filter(({ metadata }) => !names.has(metadata.labels?.[specimenLabel] ?? ""))
            .map(({ metadata }) => `pod ${metadata.name} is still there`),
        ]);
        expectNone("differs between the API and the runtime", await this.#differences(pods));
      },
      patience,
    );
  }

  /** Waits until the node, now without specimens, has on the machine what it had before, and nothing else. */
  async hasOnly(before: ReadonlySet<string>): Promise<void> {
    const look = async () => {
      const now = await this.traces();
      return [
        ...[...now].filter((line) => !before.has(line)).map((line) => `left: ${line}`),
        ...[...before].filter((line) => !now.has(line)).map((line) => `gone: ${line}`),
      ];
    };
    const began = systemClock.monotonic();
    let nudges = 0;
    await eventually(
      "nothing of the pods is left on the machine",
      async () => {
        const differences = await look();
        const waited = systemClock.monotonic() - began;
        // What containerd could not remove while it was busy goes with its next collection, which the next pod to end sets off.
        if (differences.length > 0 && differences.every(isSnapshotLeft) && waited > (nudges + 1) * collectAfter) {
          nudges += 1;
          const one = specimen("plain", `collect-${nudges}`);
          await this.add(one);
          await this.settles([one]);
          await this.remove(one);
          await this.settles([]);
          console.log(`a collection was set off for ${differences.join(", ")}`);
        }
        expectNone("differs", differences);
      },
      patience,
    );
  }

  /** Resident memory of the agent in bytes, and how many files it has open. */
  agent(): { readonly memory: number; readonly files: number } {
    const pid = this.cluster.pid("agent");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const memory = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
    return { memory, files: readdirSync(`/proc/${pid}/fd`).length };
  }

  async #differences(pods: readonly Pod[]): Promise<readonly string[]> {
    const [sandboxes, containers] = [await this.#runtime.listSandboxes(), await this.#runtime.listContainers()];
    const known = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
    const running = containers.filter(({ state }) => state === "running");
    const told = pods.flatMap(({ metadata, status }) =>
      [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
        .filter(({ state }) => state?.running)
        .map(({ containerID = "" }) => ({ id: containerID.replace(/^.*:\/\//, ""), pod: metadata.name })),
    );
    const strange = [...sandboxes, ...containers].filter(({ labels }) => !known.has(ownerOf(labels).podUid));
    return [
      ...strange.map(({ id, labels }) => `the runtime has ${id} of pod ${ownerOf(labels).podName}, the API has not`),
      ...pods.flatMap((pod) => {
        const { uid, name } = pod.metadata;
        const up = sandboxes.filter(({ labels, state }) => state === "ready" && ownerOf(labels).podUid === uid);
        const wanted = isPodTerminal(pod) ? 0 : 1;
        return up.length === wanted ? [] : [`pod ${name} has ${up.length} sandboxes that are ready, not ${wanted}`];
      }),
      ...running
        .filter(({ id }) => !told.some((each) => each.id === id))
        .map(({ id, labels }) => `${id} of pod ${ownerOf(labels).podName} runs, the API does not say so`),
      ...told
        .filter(({ id }) => !running.some((each) => each.id === id))
        .map(({ id, pod }) => `${id} of pod ${pod} does not run, the API says so`),
    ];
  }
}

function faultsOf(
  { name, species, ends, objects }: Specimen,
  pods: readonly Pod[],
  jobs: readonly Job[],
): readonly string[] {
  const own = pods.filter(({ metadata }) => metadata.labels?.[specimenLabel] === name);
  const seen = own.map(({ metadata, status }) => {
    const states = (status?.containerStatuses ?? []).map(
      ({ state, restartCount }) => `${JSON.stringify(state)}*${restartCount}`,
    );
    return `${metadata.name} ${metadata.deletionTimestamp ? "Terminating" : status?.phase} ${states}`;
  });
  const fault = (what: string) => [`${species} ${name}: ${what}: ${seen.join("; ")}`];
  if (objects.at(-1)?.kind.plural === "jobs") {
    const job = jobs.find(({ metadata }) => metadata.name === name);
    const type = ends === "Succeeded" ? "Complete" : "Failed";
    const done = job?.status?.conditions?.some((each) => each.type === type && each.status === "True");
    return done ? [] : fault(`the job is not ${type}: ${JSON.stringify(job?.status)}`);
  }
  const [pod] = own;
  if (!pod || own.length > 1) return fault(`it has ${own.length} pods`);
  if (ends !== "Ready") return pod.status?.phase === ends ? [] : fault(`it has not ${ends}`);
  return pod.status?.phase === "Running" && isPodReady(pod) ? [] : fault("it is not ready");
}

/** Runs a proof on a cluster of its own; what failed is said with all that helps to understand it, and in the exit code. */
export async function prove(name: string, task: (proof: ProofCluster) => Promise<string>): Promise<void> {
  const failed = (error: unknown) => {
    console.error(`node-${name}: failed: ${errorMessage(error)}`);
    process.exitCode = 1;
  };
  try {
    await using proof = await ProofCluster.open(name);
    try {
      console.log(`node-${name}: ok, ${await task(proof)}`);
    } catch (error) {
      failed(error);
      console.error(await proof.cluster.diagnosis());
    }
  } catch (error) {
    failed(error);
  }
}

/** Throws with each line, unless there are none. */
export function expectNone(what: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const more = lines.length > mostLines ? [`and ${lines.length - mostLines} more`] : [];
  throw new Error(`${what}:\n${[...lines.slice(0, mostLines), ...more].join("\n")}`);
}
