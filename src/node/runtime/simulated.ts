import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import { Changes, type LifeRecord } from "./changes.ts";
import type { Container, ContainerConfig, ContainerFilter, ContainerStatus, ExecResult } from "./container.ts";
import type { ImageFsInfo, PullResult, RuntimeImage } from "./image.ts";
import { ownerOf } from "./labels.ts";
import type { LinuxResources } from "./resources.ts";
import type { CallOptions, ContainerRuntime, RuntimeEvent, RuntimeStatus, RuntimeVersion } from "./runtime.ts";
import type { Sandbox, SandboxConfig, SandboxFilter, SandboxStatus } from "./sandbox.ts";
import { behaviourByAnnotations, type ChooseBehaviour } from "./simulated-behaviour.ts";
import { SimulatedContainer } from "./simulated-container.ts";
import { MemoryLogs, type SimulatedLogSink } from "./simulated-logs.ts";
import type { ContainerStats, SandboxStats, StatsFilter } from "./usage.ts";

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /** Ids come from it, so equal seeds give equal ids. */
  readonly random: Random;
  /** How containers behave; by their pod's annotations unless said. */
  readonly behaviour?: ChooseBehaviour;
  /** How long making a sandbox takes. */
  readonly sandboxDelayMs?: number;
  /** Gives a sandbox its addresses; counts through 10.88.0.0/16 unless said. */
  readonly addresses?: (config: SandboxConfig) => readonly string[];
  /** Decides about a pull: the image, or why not; every image can be pulled at once unless said. */
  readonly pull?: (image: string, signal: AbortSignal | undefined) => Promise<PullResult>;
  /** Images that are there from the beginning. */
  readonly images?: readonly string[];
  /** In memory unless said. */
  readonly logs?: SimulatedLogSink;
}

/** A runtime whose containers are state machines in memory: no process, no network, no privilege. */
export class SimulatedRuntime implements ContainerRuntime {
  readonly #options: SimulatedRuntimeOptions;
  readonly #logs: SimulatedLogSink;
  readonly #sandboxes = new Map<string, SimulatedSandbox>();
  readonly #containers = new Map<string, SimulatedContainer>();
  readonly #sandboxContainers = new Map<string, Set<string>>();
  readonly #names = new Set<string>();
  readonly #images = new Map<string, RuntimeImage>();
  readonly #watching = new Set<Changes>();
  readonly #closed = new AbortController();
  #address = 1;

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options;
    this.#logs = options.logs ?? new MemoryLogs();
    for (const image of options.images ?? []) this.#addImage(image);
  }

  /** A running or created container, for tests that play fate: `exit`, `kill`. Undefined when it is not there. */
  container(id: string): SimulatedContainer | undefined {
    return this.#containers.get(id);
  }

  /** Takes a sandbox's readiness away, as a dead holding process would; its containers go with it. */
  failSandbox(id: string): void {
    this.#stop(id);
  }

  async version(options?: CallOptions): Promise<RuntimeVersion> {
    this.#check(options);
    return { name: "simulated", version: "1.0.0", apiVersion: "v1" };
  }

  async status(options?: CallOptions): Promise<RuntimeStatus> {
    this.#check(options);
    const ready = { status: true, reason: "", message: "" };
    return {
      conditions: [
        { type: "RuntimeReady", ...ready },
        { type: "NetworkReady", ...ready },
      ],
      handlers: [{ name: "", recursiveReadonlyMounts: true, userNamespaces: true }],
      features: {
        userNamespaces: true,
        recursiveReadonlyMounts: true,
        supplementalGroupsPolicy: true,
        imageVolumes: true,
        cdiDevices: true,
        stopSignal: true,
      },
    };
  }

  async runSandbox(config: SandboxConfig, options?: CallOptions & { readonly handler?: string }): Promise<string> {
    this.#check(options);
    const name = nameOf(config);
    if (this.#names.has(name)) throw new Fault("conflict", `The sandbox ${name} is there already`);
    this.#names.add(name);
    const delay = this.#options.sandboxDelayMs ?? 0;
    if (delay > 0) {
      await this.#options.clock.sleep(delay, options?.signal).catch((cause: unknown) => {
        this.#names.delete(name);
        rethrowAborted(cause);
      });
    }
    const id = this.#newId();
    const ips =
      config.security?.namespaces.network === "node" ? [] : (this.#options.addresses ?? this.#nextAddress)(config);
    const createdAt = this.#options.clock.now();
    this.#sandboxes.set(id, { id, config, ips, createdAt, handler: options?.handler ?? "", ready: true });
    this.#changed(id);
    return id;
  }

  async stopSandbox(id: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    this.#stop(id);
  }

  async removeSandbox(id: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    this.#stop(id);
    for (const container of this.#containersOf(id)) this.#forget(container);
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    this.#sandboxes.delete(id);
    this.#sandboxContainers.delete(id);
    this.#names.delete(nameOf(sandbox.config));
    this.#changed(id);
  }

  async sandboxStatus(id: string, options?: CallOptions): Promise<SandboxStatus | undefined> {
    this.#check(options);
    const sandbox = this.#sandboxes.get(id);
    return sandbox && { ...listed(sandbox), ips: sandbox.ips, namespaces: sandbox.config.security?.namespaces };
  }

  async listSandboxes(filter: SandboxFilter = {}, options?: CallOptions): Promise<readonly Sandbox[]> {
    this.#check(options);
    const candidates = filter.id === undefined ? [...this.#sandboxes.values()] : [this.#sandboxes.get(filter.id)];
    return candidates
      .filter((sandbox) => sandbox !== undefined)
      .map(listed)
      .filter(({ state, labels }) => (filter.state ?? state) === state && hasLabels(labels, filter.labels));
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
    options?: CallOptions,
  ): Promise<string> {
    this.#check(options);
    const owner = this.#sandboxes.get(sandboxId);
    if (!owner?.ready) throw new Fault("missing", `The sandbox ${sandboxId} is not there or not ready`);
    const image = this.#findImage(config.image);
    if (!image) throw new Fault("missing", `The image ${config.image} is not there`);
    const { name, attempt } = config.metadata;
    if (
      this.#containersOf(sandboxId).some(
        (one) => one.config.metadata.name === name && one.config.metadata.attempt === attempt,
      )
    ) {
      throw new Fault("conflict", `The container ${name} (attempt ${attempt}) is there already`);
    }
    const id = this.#newId();
    const logPath = config.logPath && sandbox.logDirectory ? `${sandbox.logDirectory}/${config.logPath}` : "";
    const container = new SimulatedContainer({
      id,
      sandboxId,
      config,
      imageRef: image.id,
      logPath,
      behaviour: (this.#options.behaviour ?? behaviourByAnnotations)(config, sandbox),
      clock: this.#options.clock,
      logs: this.#logs,
      changed: () => {
        if (container.state === "exited" && this.#logs instanceof MemoryLogs) this.#logs.ended(logPath);
        this.#changed(id);
      },
    });
    this.#containers.set(id, container);
    const siblings = this.#sandboxContainers.get(sandboxId);
    if (siblings) siblings.add(id);
    else this.#sandboxContainers.set(sandboxId, new Set([id]));
    this.#changed(id);
    return id;
  }

  async startContainer(id: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    await this.#known(id).start();
  }

  async stopContainer(id: string, graceSeconds: number, options?: CallOptions): Promise<void> {
    this.#check(options);
    await this.#containers.get(id)?.stop(graceSeconds);
  }

  async removeContainer(id: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    const container = this.#containers.get(id);
    if (container) this.#forget(container);
  }

  async containerStatus(id: string, options?: CallOptions): Promise<ContainerStatus | undefined> {
    this.#check(options);
    return this.#containers.get(id)?.status();
  }

  async listContainers(filter: ContainerFilter = {}, options?: CallOptions): Promise<readonly Container[]> {
    this.#check(options);
    const candidates =
      filter.id !== undefined
        ? [this.#containers.get(filter.id)].filter((one) => one !== undefined)
        : filter.sandboxId !== undefined
          ? this.#containersOf(filter.sandboxId)
          : [...this.#containers.values()];
    return candidates
      .map((container) => container.listed())
      .filter(
        ({ state, labels, sandboxId }) =>
          (filter.state ?? state) === state &&
          (filter.sandboxId ?? sandboxId) === sandboxId &&
          hasLabels(labels, filter.labels),
      );
  }

  async updateContainerResources(id: string, resources: LinuxResources, options?: CallOptions): Promise<void> {
    this.#check(options);
    this.#known(id).updateResources(resources);
  }

  async reopenContainerLog(id: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    this.#runningOne(id);
  }

  async execSync(
    id: string,
    command: readonly string[],
    options?: CallOptions & { readonly timeoutSeconds?: number },
  ): Promise<ExecResult> {
    this.#check(options);
    const answer = this.#runningOne(id).behaviour.exec?.(command) ?? { exitCode: 0 };
    const limit = (options?.timeoutSeconds ?? 0) * 1_000 || Number.POSITIVE_INFINITY;
    const takes = answer.takesMs ?? 0;
    if (takes > 0) await this.#options.clock.sleep(Math.min(takes, limit), options?.signal).catch(rethrowAborted);
    if (takes > limit) throw new Fault("timeout", `command ${JSON.stringify(command)} timed out`);
    const bytes = (text = "") => new TextEncoder().encode(text);
    return { stdout: bytes(answer.stdout), stderr: bytes(answer.stderr), exitCode: answer.exitCode };
  }

  execUrl(): Promise<string> {
    return noStreaming();
  }

  attachUrl(): Promise<string> {
    return noStreaming();
  }

  portForwardUrl(): Promise<string> {
    return noStreaming();
  }

  async listImages(options?: CallOptions): Promise<readonly RuntimeImage[]> {
    this.#check(options);
    return [...this.#images.values()];
  }

  async imageStatus(image: string, options?: CallOptions): Promise<RuntimeImage | undefined> {
    this.#check(options);
    return this.#findImage(image);
  }

  async pullImage(image: string, options?: CallOptions): Promise<PullResult> {
    this.#check(options);
    const pulled = await this.#options.pull?.(image, options?.signal);
    if (pulled && !pulled.ok) return pulled;
    return { ok: true, imageRef: this.#addImage(image).id };
  }

  async removeImage(image: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    const found = this.#findImage(image);
    if (found) this.#images.delete(found.repoTags[0]!);
  }

  async imageFsInfo(options?: CallOptions): Promise<ImageFsInfo> {
    this.#check(options);
    const usedBytes = [...this.#images.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const usage = { timestamp: this.#options.clock.now(), mountpoint: "/", usedBytes, inodesUsed: this.#images.size };
    return { images: [usage], containers: [usage] };
  }

  async containerStats(id: string, options?: CallOptions): Promise<ContainerStats | undefined> {
    this.#check(options);
    return this.#containers.get(id)?.stats();
  }

  async listContainerStats(filter: StatsFilter = {}, options?: CallOptions): Promise<readonly ContainerStats[]> {
    const wanted = await this.listContainers({ ...filter, state: "running" }, options);
    return wanted.map(({ id }) => this.#containers.get(id)?.stats()).filter((stats) => stats !== undefined);
  }

  async listSandboxStats(filter: StatsFilter = {}, options?: CallOptions): Promise<readonly SandboxStats[]> {
    const sandboxes = await this.listSandboxes({ id: filter.id ?? filter.sandboxId, labels: filter.labels }, options);
    return sandboxes.map(({ id, metadata, labels, annotations }) => {
      const containers = this.#containersOf(id).flatMap((container) => container.stats() ?? []);
      const sum = (of: (stats: ContainerStats) => number | undefined) =>
        containers.reduce((total, stats) => total + (of(stats) ?? 0), 0);
      const timestamp = this.#options.clock.now();
      return {
        id,
        metadata,
        labels,
        annotations,
        cpu: {
          timestamp,
          usageCoreNanoSeconds: sum(({ cpu }) => cpu?.usageCoreNanoSeconds),
          usageNanoCores: sum(({ cpu }) => cpu?.usageNanoCores),
        },
        memory: {
          timestamp,
          usageBytes: sum(({ memory }) => memory?.usageBytes),
          workingSetBytes: sum(({ memory }) => memory?.workingSetBytes),
        },
        processCount: containers.length,
        containers,
      };
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    const until = AbortSignal.any([signal, this.#closed.signal]);
    const changes = new Changes({
      source: { list: async () => this.#lives(), read: async (id) => this.#life(id) },
      clock: this.#options.clock,
      // Nothing can be missed, and a timer that never ends would keep a virtual clock from coming to rest.
      relistMs: undefined,
      signal: until,
    });
    this.#watching.add(changes);
    try {
      await changes.relist();
      yield* changes.events;
    } finally {
      this.#watching.delete(changes);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
  }

  #check(options: CallOptions | undefined): void {
    if (this.#closed.signal.aborted) throw new Fault("closed", "The simulated runtime was closed");
    if (options?.signal?.aborted) throw new Fault("aborted", "The call was given up before it began");
  }

  #known(id: string): SimulatedContainer {
    const container = this.#containers.get(id);
    if (!container) throw new Fault("missing", `The container ${id} is not there`);
    return container;
  }

  #runningOne(id: string): SimulatedContainer {
    const container = this.#known(id);
    if (container.state !== "running") throw new Fault("conflict", `The container ${id} is ${container.state}`);
    return container;
  }

  #containersOf(sandboxId: string): readonly SimulatedContainer[] {
    const ids = this.#sandboxContainers.get(sandboxId) ?? [];
    return [...ids].map((id) => this.#containers.get(id)!);
  }

  #stop(id: string): void {
    for (const container of this.#containersOf(id)) container.kill();
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox?.ready) return;
    this.#sandboxes.set(id, { ...sandbox, ready: false });
    this.#changed(id);
  }

  #forget(container: SimulatedContainer): void {
    container.kill();
    this.#containers.delete(container.id);
    this.#sandboxContainers.get(container.sandboxId)?.delete(container.id);
    this.#logs.forget(container.logPath);
    this.#changed(container.id);
  }

  #changed(id: string): void {
    for (const changes of this.#watching) changes.hint(id);
  }

  #life(id: string): LifeRecord | undefined {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox) {
      const podUid = ownerOf(sandbox.config.labels).podUid || sandbox.config.metadata.uid;
      return { kind: "sandbox", id, sandboxId: id, podUid, state: sandbox.ready ? "running" : "exited" };
    }
    const container = this.#containers.get(id);
    if (!container) return undefined;
    const { podUid } = ownerOf(container.config.labels);
    return { kind: "container", id, sandboxId: container.sandboxId, podUid, state: container.state };
  }

  #lives(): readonly LifeRecord[] {
    const ids = [...this.#sandboxes.keys(), ...this.#containers.keys()];
    return ids.map((id) => this.#life(id)).filter((life) => life !== undefined);
  }

  #newId(): string {
    return Buffer.from(this.#options.random.bytes(32)).toString("hex");
  }

  readonly #nextAddress = (): readonly string[] => {
    this.#address = this.#address >= 65_534 ? 2 : this.#address + 1;
    return [`10.88.${this.#address >> 8}.${this.#address & 255}`];
  };

  #addImage(reference: string): RuntimeImage {
    const tagged = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
    const known = this.#images.get(tagged);
    if (known) return known;
    const digest = `sha256:${this.#newId()}`;
    const repository = tagged.replace(/[:@][^/]*$/, "");
    const image: RuntimeImage = {
      id: digest,
      repoTags: [tagged],
      repoDigests: [`${repository}@${digest}`],
      sizeBytes: 10_000_000,
      username: "",
      pinned: false,
    };
    this.#images.set(tagged, image);
    return image;
  }

  #findImage(reference: string): RuntimeImage | undefined {
    const direct = this.#images.get(reference) ?? this.#images.get(`${reference}:latest`);
    return (
      direct ?? [...this.#images.values()].find((one) => one.id === reference || one.repoDigests.includes(reference))
    );
  }
}

interface SimulatedSandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly ips: readonly string[];
  readonly createdAt: number;
  readonly handler: string;
  readonly ready: boolean;
}

function nameOf({ metadata: { namespace, name, uid, attempt } }: SandboxConfig): string {
  return `${namespace}/${name} (${uid}, attempt ${attempt})`;
}

function listed({ id, config, createdAt, handler, ready }: SimulatedSandbox): Sandbox {
  const { metadata, labels, annotations } = config;
  return { id, metadata, state: ready ? "ready" : "notReady", createdAt, labels, annotations, handler };
}

function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>> = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function rethrowAborted(cause: unknown): never {
  throw new Fault("aborted", "The call was given up", { cause });
}

async function noStreaming(): Promise<never> {
  throw new Fault("unsupported", "A simulated container has no process to stream with");
}
