import type { Clock } from "../../lib/clock.ts";
import { Fault, faultCode } from "../../lib/fault.ts";
import { type Log, silentLog } from "../../lib/log.ts";
import { Changes, type LifeRecord } from "./changes.ts";
import type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerStatus,
  ExecResult,
  StreamOptions,
} from "./container.ts";
import { CriChannel, rpcErrorText } from "./cri-channel.ts";
import { followHints } from "./cri-events.ts";
import {
  containerConfigMessage,
  containerOf,
  containerStateMessage,
  containerStatusOf,
  resourcesMessage,
  sandboxConfigMessage,
  sandboxOf,
  sandboxStatusOf,
} from "./cri-messages.ts";
import { containerStatsOf, filesystemOf, imageOf, sandboxStatsOf } from "./cri-usage.ts";
import type { CriServices, RequestOf, ResponseOf } from "./cri-wire.ts";
import { featuresOf, refuseIgnoredInContainer, refuseIgnoredInSandbox } from "./features.ts";
import type { ImageFsInfo, PullResult, RegistryAuth, RuntimeImage } from "./image.ts";
import { ownerOf } from "./labels.ts";
import type { LinuxResources } from "./resources.ts";
import type {
  CallOptions,
  ContainerRuntime,
  RuntimeEvent,
  RuntimeFeatures,
  RuntimeStatus,
  RuntimeVersion,
} from "./runtime.ts";
import type { Sandbox, SandboxConfig, SandboxFilter, SandboxStatus } from "./sandbox.ts";
import { localSandboxStats } from "./sandbox-usage.ts";
import type { ContainerStats, SandboxStats, StatsFilter } from "./usage.ts";

export interface CriRuntimeOptions {
  /** The runtime's socket: a path, with or without `unix://`. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly log?: Log;
  /** The longest that an ordinary call may take; the kubelet's is two minutes. */
  readonly requestTimeoutMs?: number;
  /** How often the event stream is checked against lists of everything. */
  readonly relistMs?: number;
  /** Is told how many ms each of these lists took. */
  readonly onRelist?: (ms: number) => void;
}

/** A container runtime behind its CRI v1 socket. Connects when first used; opening it cannot fail. */
export function openCriRuntime(options: CriRuntimeOptions): ContainerRuntime {
  return new CriRuntime(options);
}

class CriRuntime implements ContainerRuntime {
  readonly #channel: CriChannel;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timeoutMs: number;
  readonly #relistMs: number;
  readonly #onRelist: ((ms: number) => void) | undefined;
  readonly #closed = new AbortController();
  readonly #watching = new Set<Changes>();
  #features: Promise<RuntimeFeatures> | undefined;

  constructor(options: CriRuntimeOptions) {
    this.#channel = new CriChannel(options.endpoint, options.clock);
    this.#clock = options.clock;
    this.#log = options.log ?? silentLog;
    this.#timeoutMs = options.requestTimeoutMs ?? 120_000;
    this.#relistMs = options.relistMs ?? 10_000;
    this.#onRelist = options.onRelist;
  }

  async version(options?: CallOptions): Promise<RuntimeVersion> {
    const said = await this.#runtime("Version", { version: "v1" }, options);
    return {
      name: said.runtimeName ?? "",
      version: said.runtimeVersion ?? "",
      apiVersion: said.runtimeApiVersion ?? "",
    };
  }

  async status(options?: CallOptions): Promise<RuntimeStatus> {
    const [version, said] = await Promise.all([this.version(options), this.#runtime("Status", {}, options)]);
    return {
      conditions: (said.status?.conditions ?? []).map(({ type = "", status = false, reason = "", message = "" }) => ({
        type,
        status,
        reason,
        message,
      })),
      handlers: (said.runtimeHandlers ?? []).map(({ name = "", features }) => ({
        name,
        recursiveReadonlyMounts: features?.recursiveReadOnlyMounts ?? false,
        userNamespaces: features?.userNamespaces ?? false,
      })),
      features: featuresOf(version, said),
    };
  }

  async runSandbox(config: SandboxConfig, options?: CallOptions & { readonly handler?: string }): Promise<string> {
    refuseIgnoredInSandbox(config, await this.#knownFeatures());
    const request = { config: sandboxConfigMessage(config), runtimeHandler: options?.handler ?? "" };
    // Twice the usual time, as the kubelet allows: setting up a network may have to wait for its own pods.
    const said = await this.#runtime("RunPodSandbox", request, options, this.#timeoutMs * 2);
    return this.#changed(said.podSandboxId ?? "");
  }

  async stopSandbox(id: string, options?: CallOptions): Promise<void> {
    await this.#settled(() => this.#runtime("StopPodSandbox", { podSandboxId: id }, options));
    this.#changed(id);
  }

  async removeSandbox(id: string, options?: CallOptions): Promise<void> {
    await this.#settled(() => this.#runtime("RemovePodSandbox", { podSandboxId: id }, options));
    this.#changed(id);
  }

  async sandboxStatus(id: string, options?: CallOptions): Promise<SandboxStatus | undefined> {
    const said = await orUndefined(this.#runtime("PodSandboxStatus", { podSandboxId: id }, options));
    return said?.status && sandboxStatusOf(said.status);
  }

  async listSandboxes(filter?: SandboxFilter, options?: CallOptions): Promise<readonly Sandbox[]> {
    const state = filter?.state === "ready" ? "SANDBOX_READY" : "SANDBOX_NOTREADY";
    const message = filter && {
      id: filter.id,
      state: filter.state && ({ state } as const),
      labelSelector: filter.labels,
    };
    const said = await this.#runtime("ListPodSandbox", { filter: message }, options);
    return (said.items ?? []).map(sandboxOf);
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
    options?: CallOptions,
  ): Promise<string> {
    refuseIgnoredInContainer(config, await this.#knownFeatures());
    const request = {
      podSandboxId: sandboxId,
      config: containerConfigMessage(config),
      sandboxConfig: sandboxConfigMessage(sandbox),
    };
    const said = await this.#runtime("CreateContainer", request, options);
    return this.#changed(said.containerId ?? "");
  }

  async startContainer(id: string, options?: CallOptions): Promise<void> {
    try {
      await this.#runtime("StartContainer", { containerId: id }, options);
    } finally {
      this.#changed(id);
    }
  }

  async stopContainer(id: string, graceSeconds: number, options?: CallOptions): Promise<void> {
    const timeout = Math.max(0, Math.ceil(graceSeconds));
    const request = { containerId: id, timeout };
    await this.#settled(() => this.#runtime("StopContainer", request, options, this.#timeoutMs + timeout * 1_000));
    this.#changed(id);
  }

  async removeContainer(id: string, options?: CallOptions): Promise<void> {
    await this.#settled(() => this.#runtime("RemoveContainer", { containerId: id }, options));
    this.#changed(id);
  }

  async containerStatus(id: string, options?: CallOptions): Promise<ContainerStatus | undefined> {
    const said = await orUndefined(this.#runtime("ContainerStatus", { containerId: id }, options));
    return said?.status && containerStatusOf(said.status);
  }

  async listContainers(filter?: ContainerFilter, options?: CallOptions): Promise<readonly Container[]> {
    const message = filter && {
      id: filter.id,
      podSandboxId: filter.sandboxId,
      state: filter.state && { state: containerStateMessage(filter.state) },
      labelSelector: filter.labels,
    };
    const said = await this.#runtime("ListContainers", { filter: message }, options);
    return (said.containers ?? []).map(containerOf);
  }

  async updateContainerResources(id: string, resources: LinuxResources, options?: CallOptions): Promise<void> {
    const request = { containerId: id, linux: resourcesMessage(resources) };
    await this.#runtime("UpdateContainerResources", request, options);
  }

  async reopenContainerLog(id: string, options?: CallOptions): Promise<void> {
    await this.#runtime("ReopenContainerLog", { containerId: id }, options);
  }

  async execSync(
    id: string,
    command: readonly string[],
    options?: CallOptions & { readonly timeoutSeconds?: number },
  ): Promise<ExecResult> {
    const timeout = Math.ceil(options?.timeoutSeconds ?? 0);
    // The runtime kills the command in time; the call itself gets a little longer so that its answer is the one that counts.
    const limit = timeout > 0 ? timeout * 1_000 + this.#timeoutMs : undefined;
    const said = await this.#runtime("ExecSync", { containerId: id, cmd: command, timeout }, options, limit ?? null);
    const empty = new Uint8Array();
    return { stdout: said.stdout ?? empty, stderr: said.stderr ?? empty, exitCode: said.exitCode ?? 0 };
  }

  async execUrl(
    id: string,
    command: readonly string[],
    streams: StreamOptions,
    options?: CallOptions,
  ): Promise<string> {
    const said = await this.#runtime("Exec", { containerId: id, cmd: command, ...streams }, options);
    return said.url ?? "";
  }

  async attachUrl(id: string, streams: StreamOptions, options?: CallOptions): Promise<string> {
    const said = await this.#runtime("Attach", { containerId: id, ...streams }, options);
    return said.url ?? "";
  }

  async portForwardUrl(sandboxId: string, ports: readonly number[], options?: CallOptions): Promise<string> {
    const said = await this.#runtime("PortForward", { podSandboxId: sandboxId, port: ports }, options);
    return said.url ?? "";
  }

  async listImages(options?: CallOptions): Promise<readonly RuntimeImage[]> {
    const said = await this.#images("ListImages", {}, options);
    return (said.images ?? []).map(imageOf);
  }

  async imageStatus(image: string, options?: CallOptions): Promise<RuntimeImage | undefined> {
    const said = await orUndefined(this.#images("ImageStatus", { image: { image } }, options));
    return said?.image && imageOf(said.image);
  }

  async pullImage(
    image: string,
    options?: CallOptions & { readonly auth?: RegistryAuth; readonly sandbox?: SandboxConfig },
  ): Promise<PullResult> {
    const request = {
      image: { image, userSpecifiedImage: image },
      auth: options?.auth,
      sandboxConfig: options?.sandbox && sandboxConfigMessage(options.sandbox),
    };
    try {
      const said = await this.#images("PullImage", request, options, null);
      return { ok: true, imageRef: said.imageRef ?? "" };
    } catch (error) {
      const code = faultCode(error);
      if (code === "aborted" || code === "closed" || (code === "unavailable" && !(await this.#answers()))) throw error;
      const message = rpcErrorText(error);
      // The runtime marks these two in its text; see the CRI's errors.
      const marked = /(RegistryUnavailable|SignatureValidationFailed): /.exec(message)?.[1];
      return { ok: false, reason: (marked as "RegistryUnavailable" | undefined) ?? "ErrImagePull", message };
    }
  }

  async removeImage(image: string, options?: CallOptions): Promise<void> {
    await orUndefined(this.#images("RemoveImage", { image: { image } }, options));
  }

  async imageFsInfo(options?: CallOptions): Promise<ImageFsInfo> {
    const said = await this.#images("ImageFsInfo", {}, options);
    const images = (said.imageFilesystems ?? []).map(filesystemOf);
    const containers = (said.containerFilesystems ?? []).map(filesystemOf);
    return { images, containers: containers.length > 0 ? containers : images };
  }

  async containerStats(id: string, options?: CallOptions): Promise<ContainerStats | undefined> {
    const request = this.#runtime("ContainerStats", { containerId: id }, options);
    try {
      const said = await request;
      return said.stats && containerStatsOf(said.stats);
    } catch (error) {
      const state = (await this.containerStatus(id, options))?.state;
      if (state !== "running") return undefined;
      throw error;
    }
  }

  async listContainerStats(filter?: StatsFilter, options?: CallOptions): Promise<readonly ContainerStats[]> {
    const said = await this.#runtime("ListContainerStats", { filter: statsFilter(filter) }, options);
    return (said.stats ?? []).map(containerStatsOf);
  }

  async listSandboxStats(filter?: StatsFilter, options?: CallOptions): Promise<readonly SandboxStats[]> {
    try {
      const { id = filter?.sandboxId, labels: labelSelector } = filter ?? {};
      const said = await this.#runtime("ListPodSandboxStats", { filter: filter && { id, labelSelector } }, options);
      return (said.stats ?? []).map(sandboxStatsOf);
    } catch (error) {
      // Some have no such call, and some fail as a whole because of one sandbox that just went away.
      if (faultCode(error) !== "unsupported" && faultCode(error) !== "internal") throw error;
      const verbose = async (id: string) =>
        (await orUndefined(this.#runtime("PodSandboxStatus", { podSandboxId: id, verbose: true }, options)))?.info
          ?.info;
      return localSandboxStats({ runtime: this, verbose, now: () => this.#clock.now() }, filter, options);
    }
  }

  async *events(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    const stop = new AbortController();
    const until = AbortSignal.any([signal, this.#closed.signal, stop.signal]);
    const changes = new Changes({
      source: this.#lives(),
      clock: this.#clock,
      relistMs: this.#relistMs,
      signal: until,
      onRelist: this.#onRelist,
    });
    this.#watching.add(changes);
    const following = followHints({
      channel: this.#channel,
      runtimeName: async () => (await this.version()).name,
      clock: this.#clock,
      log: this.#log,
      signal: until,
      hint: (id, about) => changes.hint(id, about),
      connected: () => changes.relist(),
    });
    try {
      yield* changes.events;
    } finally {
      this.#watching.delete(changes);
      stop.abort();
      await following;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#channel[Symbol.dispose]();
  }

  /**
   * Ends or removes something; what is gone already is fine. containerd fails when the container ends by itself at that very moment
   * (its shim hangs up), and is right when asked again.
   */
  async #settled(call: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await orUndefined(call());
        return;
      } catch (error) {
        if (tries === 5 || !(error instanceof Fault) || !/ttrpc: closed/.test(error.message)) throw error;
        await this.#clock.sleep(20 * tries);
      }
    }
  }

  /** Our own calls are hints too, and come before the runtime's. */
  #changed(id: string): string {
    for (const changes of this.#watching) changes.hint(id);
    return id;
  }

  #lives(): ConstructorParameters<typeof Changes>[0]["source"] {
    return {
      list: async (signal) => {
        const [sandboxes, containers] = await Promise.all([
          this.listSandboxes(undefined, { signal }),
          this.listContainers(undefined, { signal }),
        ]);
        return [...sandboxes.map(sandboxLife), ...containers.map((one) => containerLife(one, one.sandboxId))];
      },
      read: async (id, known, signal) => {
        if (known?.kind !== "container") {
          const [sandbox] = await this.listSandboxes({ id }, { signal });
          if (sandbox) return sandboxLife(sandbox);
        }
        if (known?.kind === "sandbox") return undefined;
        const [container] = await this.listContainers({ id }, { signal });
        return container && containerLife(container, container.sandboxId);
      },
    };
  }

  /** Asked once: it is needed before each sandbox and container, and a runtime does not change while it runs. */
  async #knownFeatures(): Promise<RuntimeFeatures> {
    this.#features ??= this.status().then(({ features }) => features);
    try {
      return await this.#features;
    } catch (error) {
      this.#features = undefined;
      throw error;
    }
  }

  async #answers(): Promise<boolean> {
    return this.version().then(
      () => true,
      () => false,
    );
  }

  #runtime<M extends keyof CriServices["RuntimeService"] & string>(
    method: M,
    request: RequestOf<"RuntimeService", M>,
    options: CallOptions | undefined,
    timeoutMs: number | null = this.#timeoutMs,
  ): Promise<ResponseOf<"RuntimeService", M>> {
    const limit = timeoutMs === null ? {} : { timeoutMs };
    return this.#channel.call("RuntimeService", method, request, { ...limit, signal: options?.signal });
  }

  #images<M extends keyof CriServices["ImageService"] & string>(
    method: M,
    request: RequestOf<"ImageService", M>,
    options: CallOptions | undefined,
    timeoutMs: number | null = this.#timeoutMs,
  ): Promise<ResponseOf<"ImageService", M>> {
    const limit = timeoutMs === null ? {} : { timeoutMs };
    return this.#channel.call("ImageService", method, request, { ...limit, signal: options?.signal });
  }
}

function sandboxLife(sandbox: Sandbox): LifeRecord {
  return {
    kind: "sandbox",
    id: sandbox.id,
    sandboxId: sandbox.id,
    podUid: ownerOf(sandbox.labels).podUid || sandbox.metadata.uid,
    state: sandbox.state === "ready" ? "running" : "exited",
  };
}

function containerLife(container: Container, sandboxId: string): LifeRecord {
  // A state that the runtime does not know needs a worker's look, as an exit does.
  const state = container.state === "unknown" ? "exited" : container.state;
  return { kind: "container", id: container.id, sandboxId, podUid: ownerOf(container.labels).podUid, state };
}

function statsFilter(filter: StatsFilter | undefined) {
  return filter && { id: filter.id, podSandboxId: filter.sandboxId, labelSelector: filter.labels };
}

async function orUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Fault && error.code === "missing") return undefined;
    throw error;
  }
}
