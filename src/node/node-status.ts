import { readFileSync, statfsSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { Lease } from "../api/coordination/lease.ts";
import { Node } from "../api/core/node.ts";
import type { Amounts } from "../api/core/pod-totals.ts";
import type { NodeCondition, NodeStatus } from "../api/generated/core-v1.ts";
import type { Client } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { isEqual } from "../machinery/equality.ts";
import { isStatus } from "../machinery/status-error.ts";
import { timeOf } from "../machinery/times.ts";
import type { PressureCondition } from "./eviction/thresholds.ts";
import type { ContainerRuntime, RuntimeImage, RuntimeStatus, RuntimeVersion } from "./runtime/runtime.ts";

/** What a node has to give. */
export interface NodeCapacity {
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the file system that pods' files are on. */
  readonly ephemeralStorage: number;
  readonly pods: number;
}

/** What this machine has. */
export function machineCapacity(dataFolder: string): NodeCapacity {
  const { blocks, bsize } = statfsSync(dataFolder);
  return { cpu: cpus().length, memory: totalmem(), ephemeralStorage: blocks * bsize, pods: 110 };
}

/** What is left for pods of what a machine has, without what is kept for others and what eviction keeps free. */
export function allocatableOf(
  capacity: NodeCapacity,
  keptFree: { readonly cpu: number; readonly memory: number; readonly ephemeralStorage: number },
): NodeCapacity {
  const left = (bytes: number, kept: number) => Math.max(0, Math.floor(bytes - kept));
  return {
    ...capacity,
    cpu: left(capacity.cpu * 1000, keptFree.cpu * 1000) / 1000,
    memory: left(capacity.memory, keptFree.memory),
    ephemeralStorage: left(capacity.ephemeralStorage, keptFree.ephemeralStorage),
  };
}

/** Resources of a node that it has by name only: those that an administrator advertised, and huge pages. */
export function extendedOf(node: Node | undefined): Amounts {
  const entries = Object.entries<string>(node?.status?.allocatable ?? {});
  return Object.fromEntries(entries.filter(([name]) => name.includes("/") || name.startsWith("hugepages-")));
}

export interface NodeReporterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: ContainerRuntime;
  readonly nodeName: string;
  readonly addresses: readonly string[];
  readonly kubeletPort: number;
  readonly capacity: NodeCapacity;
  readonly labels: Readonly<Record<string, string>>;
  /** `v1.35.0+navarch` */
  readonly version: string;
  /** How often, in ms, the status is told though it is the same, by which the node is known to live; upstream's times if absent. */
  readonly statusEvery?: number;
  /** What the machine is short of now; nothing if absent. */
  readonly pressure?: () => readonly PressureCondition[];
  /** What pods may have of it; all if absent. */
  readonly allocatable?: NodeCapacity;
  /** The node is on its way down. */
  readonly isClosing?: () => boolean;
}

/** Lease every 10 s, status every 10 s when it changed and every 5 min in any case (as upstream). */
const heartbeat = 10_000;
const quietReport = 300_000;
const leaseSeconds = 40;
/** Tries to write one status (as upstream). */
const reportAttempts = 5;
/** Images named in the status (as upstream). */
const imagesShown = 50;

/** Makes the node's object, or puts the labels right on the one that is there. Tries until the API server answers. */
export async function registerNode(
  {
    client,
    nodeName,
    labels,
    clock,
    log,
  }: Pick<NodeReporterOptions, "client" | "nodeName" | "labels" | "clock" | "log">,
  signal: AbortSignal,
): Promise<Node> {
  const annotations = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
  const taints = [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" as const }];
  for (;;) {
    try {
      const known = await client.get(Node, { name: nodeName }).catch((error) => {
        if (isStatus(error, "NotFound")) return undefined;
        throw error;
      });
      if (!known)
        return await client.create(Node, {
          metadata: { name: nodeName, labels, annotations },
          spec: { taints },
          status: {},
        });
      if (Object.entries(labels).every(([key, value]) => known.metadata.labels?.[key] === value)) return known;
      return await client.patch(Node, { name: nodeName }, { type: "merge", body: { metadata: { labels } } });
    } catch (error) {
      if (signal.aborted) throw error;
      log.debug(`cannot register yet: ${errorMessage(error)}`);
      await clock.sleep(200, signal);
    }
  }
}

/** Keeps the API informed that it lives and how it is, until disposed. */
export class NodeReporter implements AsyncDisposable {
  readonly #options: NodeReporterOptions;
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;
  #lastReport = 0;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
  }

  /** Resolves when the first status of the node (which is registered) was told. */
  async start(): Promise<void> {
    await this.report();
    const { statusEvery = heartbeat } = this.#options;
    this.#running = Promise.all([
      this.#every(heartbeat, () => this.renewLease()),
      this.#every(statusEvery, () => this.report()),
    ]);
    await this.renewLease();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #every(pause: number, task: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(pause, signal).catch(() => {});
      if (signal.aborted) return;
      await task().catch((error) => log.warn(`cannot report the node: ${errorMessage(error)}`));
    }
  }

  /** Says once more that the node lives. */
  async renewLease(): Promise<void> {
    const { client, nodeName, clock } = this.#options;
    const key = { namespace: "kube-node-lease", name: nodeName };
    const renewTime = new Date(clock.now()).toISOString().replace(/\.(\d{3})Z$/, ".$1000Z");
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: leaseSeconds, renewTime };
    try {
      await client.patch(Lease, key, { type: "merge", body: { spec } });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      const node = await client.get(Node, { name: nodeName });
      const ownerReferences = [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid }];
      await client.create(Lease, { metadata: { ...key, ownerReferences }, spec });
    }
  }

  /** Tells the node's status, if it changed or was not told for long. */
  async report(): Promise<void> {
    for (let attempt = 1; attempt <= reportAttempts; attempt++) {
      try {
        return await this.#report();
      } catch (error) {
        // Somebody else wrote to the node just now: waiting for the next round would make it late to be ready.
        if (!isStatus(error, "Conflict")) throw error;
      }
    }
  }

  async #report(): Promise<void> {
    const { client, nodeName, clock } = this.#options;
    const node = await client.get(Node, { name: nodeName });
    const status = await this.#status(node);
    const timeless = (value: NodeStatus | undefined) => ({
      ...value,
      conditions: value?.conditions?.map(({ lastHeartbeatTime: _, ...rest }) => rest),
    });
    const due = clock.now() - this.#lastReport > (this.#options.statusEvery ?? quietReport);
    if (!due && isEqual(timeless(node.status), timeless(status))) return;
    await client.updateStatus(Node, { ...node, status });
    this.#lastReport = clock.now();
  }

  async #status(node: Node): Promise<NodeStatus> {
    const { runtime, addresses, nodeName, kubeletPort, capacity, clock } = this.#options;
    const now = timeOf(clock.now());
    const [found, version, images] = await Promise.all([
      runtime.status().catch((error: unknown) => errorMessage(error)),
      runtime.version().catch(() => undefined),
      runtime.listImages().catch(() => []),
    ]);
    const conditions = this.#conditions(node, now, found);
    const advertised = Object.entries(node.status?.capacity ?? {}).filter(([name]) => name.includes("/"));
    const amounts = {
      ...Object.fromEntries(advertised),
      cpu: String(capacity.cpu),
      memory: `${Math.floor(capacity.memory / 1024)}Ki`,
      "ephemeral-storage": `${Math.floor(capacity.ephemeralStorage / 1024)}Ki`,
      "hugepages-1Gi": "0",
      "hugepages-2Mi": "0",
      pods: String(capacity.pods),
    };
    const { allocatable: given = capacity } = this.#options;
    const allocatable = {
      ...amounts,
      cpu: given.cpu % 1 === 0 ? String(given.cpu) : `${Math.round(given.cpu * 1000)}m`,
      memory: `${Math.floor(given.memory / 1024)}Ki`,
      "ephemeral-storage": String(given.ephemeralStorage),
    };
    return {
      ...node.status,
      addresses: [
        ...addresses.map((address) => ({ type: "InternalIP" as const, address })),
        { type: "Hostname", address: nodeName },
      ],
      capacity: amounts,
      allocatable,
      conditions,
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      nodeInfo: this.#nodeInfo(version),
      images: shownImages(images),
      ...(typeof found === "string" ? {} : capabilitiesOf(found)),
    };
  }

  #nodeInfo(version: RuntimeVersion | undefined): NonNullable<NodeStatus["nodeInfo"]> {
    return {
      machineID: readText("/etc/machine-id"),
      systemUUID: readText("/sys/class/dmi/id/product_uuid") || readText("/etc/machine-id"),
      bootID: readText("/proc/sys/kernel/random/boot_id"),
      kernelVersion: release(),
      osImage: osImage(),
      containerRuntimeVersion: version ? `${version.name}://${version.version}` : "",
      kubeletVersion: this.#options.version,
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: process.arch === "x64" ? "amd64" : process.arch,
    };
  }

  /** `found` is how the runtime is, or why it did not say so. */
  #conditions(node: Node, now: string, found: RuntimeStatus | string): readonly NodeCondition[] {
    const { pressure, isClosing } = this.#options;
    let fault = typeof found === "string" ? `container runtime is down: ${found}` : faultsOf(found);
    if (isClosing?.()) fault = fault ? `${fault}; node is shutting down` : "node is shutting down";
    const short = pressure?.() ?? [];
    const diskPressure = short.includes("DiskPressure");
    const memoryPressure = short.includes("MemoryPressure");
    const make = (type: string, holds: boolean, reason: string, message: string): NodeCondition => {
      const status = holds ? "True" : "False";
      const before = node.status?.conditions?.find((condition) => condition.type === type);
      return {
        type: type as NodeCondition["type"],
        status,
        lastHeartbeatTime: now,
        lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? now) : now,
        reason,
        message,
      };
    };
    const own = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"];
    return [
      ...(node.status?.conditions ?? []).filter(({ type }) => !own.includes(type)),
      memoryPressure
        ? make("MemoryPressure", true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
        : make("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
      diskPressure
        ? make("DiskPressure", true, "KubeletHasDiskPressure", "kubelet has disk pressure")
        : make("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      short.includes("PIDPressure")
        ? make("PIDPressure", true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available")
        : make("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      fault
        ? make("Ready", false, "KubeletNotReady", fault)
        : make("Ready", true, "KubeletReady", "kubelet is posting ready status"),
    ];
  }
}

function faultsOf({ conditions }: RuntimeStatus): string {
  return conditions
    .filter(({ status }) => !status)
    .map(
      ({ type, reason, message }) =>
        `container runtime ${type === "NetworkReady" ? "network" : "status check"} not ready: ${type}=false reason:${reason} message:${message}`,
    )
    .join("; ");
}

/** What the runtime can do, where it says so. */
function capabilitiesOf({ handlers, features }: RuntimeStatus): Pick<NodeStatus, "features" | "runtimeHandlers"> {
  const runtimeHandlers = handlers.map(({ name, recursiveReadonlyMounts, userNamespaces }) => ({
    name,
    features: { recursiveReadOnlyMounts: recursiveReadonlyMounts, userNamespaces },
  }));
  return {
    ...(runtimeHandlers.length > 0 ? { runtimeHandlers } : {}),
    features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy },
  };
}

function shownImages(images: readonly RuntimeImage[]): NonNullable<NodeStatus["images"]> {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, imagesShown)
    .map(({ repoTags, repoDigests, sizeBytes }) => ({ names: [...repoDigests, ...repoTags].slice(0, 5), sizeBytes }));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readText("/etc/os-release"))?.[1] ?? "Linux";
}
