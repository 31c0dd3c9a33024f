import type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerStatus,
  ExecResult,
  StreamOptions,
} from "./container.ts";
import type { ImageFsInfo, PullResult, RegistryAuth, RuntimeImage } from "./image.ts";
import type { LinuxResources } from "./resources.ts";
import type { Sandbox, SandboxConfig, SandboxFilter, SandboxStatus } from "./sandbox.ts";
import type { ContainerStats, SandboxStats, StatsFilter } from "./usage.ts";

export type * from "./container.ts";
export type * from "./image.ts";
export type * from "./resources.ts";
export type * from "./sandbox.ts";
export type * from "./usage.ts";

export interface RuntimeVersion {
  /** `containerd`, `cri-o`, `simulated`, ... */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
}

/** What a runtime really does, so that what it would silently ignore can be refused. */
export interface RuntimeFeatures {
  readonly userNamespaces: boolean;
  readonly recursiveReadonlyMounts: boolean;
  readonly supplementalGroupsPolicy: boolean;
  readonly imageVolumes: boolean;
  readonly cdiDevices: boolean;
  readonly stopSignal: boolean;
}

export interface RuntimeStatus {
  /** `RuntimeReady` and `NetworkReady` at least. */
  readonly conditions: readonly {
    readonly type: string;
    readonly status: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
  /** Empty where the runtime does not name its handlers. */
  readonly handlers: readonly {
    readonly name: string;
    readonly recursiveReadonlyMounts: boolean;
    readonly userNamespaces: boolean;
  }[];
  readonly features: RuntimeFeatures;
}

/**
 * Something happened to a sandbox or container. `started` for a sandbox means ready; `exited` for a sandbox, not ready any
 * more. `podUid` is empty for what was made without the kubelet's labels.
 */
export interface RuntimeEvent {
  readonly type: "created" | "started" | "exited" | "deleted";
  readonly kind: "sandbox" | "container";
  readonly id: string;
  readonly sandboxId: string;
  readonly podUid: string;
}

/** The last argument of every call. Aborting gives up waiting; the runtime may still finish what it had begun. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/**
 * Sandboxes, containers and images of one node. The runtime owns them: they outlive this object and the process that holds
 * it, and `list*` finds them again. Calls for different sandboxes may run at the same time; the caller orders those for
 * one container. What a call has done is visible to every later call.
 *
 * Every method may throw Fault `unavailable` (the runtime does not answer; retry later), `timeout`, `aborted` (by
 * `signal`), `closed` (after dispose) and `internal` (the runtime's own words in the message). `missing` means that the
 * sandbox or container named is not there. Further faults are said per method.
 */
export interface ContainerRuntime {
  version(options?: CallOptions): Promise<RuntimeVersion>;
  status(options?: CallOptions): Promise<RuntimeStatus>;

  /**
   * Creates the pod's shared namespaces and network and resolves when they are ready, with the sandbox's id. On a fault
   * nothing of it is left, except after `timeout` or `aborted`: list before trying again. `conflict` if metadata are taken;
   * `unsupported` if the runtime would ignore part of the configuration; `missing` if there is no such handler.
   */
  runSandbox(config: SandboxConfig, options?: CallOptions & { readonly handler?: string }): Promise<string>;
  /** Kills the sandbox's containers at once and gives back its network. Stopping twice, or what is gone, is fine. */
  stopSandbox(id: string, options?: CallOptions): Promise<void>;
  /** Stops it if need be and removes it with its containers. Removing what is gone is fine. */
  removeSandbox(id: string, options?: CallOptions): Promise<void>;
  /** Undefined when it is not there. */
  sandboxStatus(id: string, options?: CallOptions): Promise<SandboxStatus | undefined>;
  /** In no promised order. */
  listSandboxes(filter?: SandboxFilter, options?: CallOptions): Promise<readonly Sandbox[]>;

  /**
   * Makes a container in a ready sandbox and resolves with its id; it does not run yet. `conflict` if the sandbox has one
   * of the same metadata; `missing` if sandbox or image are not there; `unsupported` as with sandboxes.
   */
  createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
    options?: CallOptions,
  ): Promise<string>;
  /**
   * Runs it; resolves when its process is executing. `conflict` unless it is `created`. `internal` if the process cannot
   * start: the container is then `exited` with a reason such as `StartError`.
   */
  startContainer(id: string, options?: CallOptions): Promise<void>;
  /**
   * Sends the stop signal, waits for at most `graceSeconds` and kills. Resolves when it is `exited`. Stopping twice, or what
   * is gone, is fine. 0 kills at once.
   */
  stopContainer(id: string, graceSeconds: number, options?: CallOptions): Promise<void>;
  /** Kills it if need be and removes it; its log file stays. Removing what is gone is fine. */
  removeContainer(id: string, options?: CallOptions): Promise<void>;
  /** Undefined when it is not there. */
  containerStatus(id: string, options?: CallOptions): Promise<ContainerStatus | undefined>;
  /** In no promised order. */
  listContainers(filter?: ContainerFilter, options?: CallOptions): Promise<readonly Container[]>;
  /** Changes limits of a created or running container in place; absent fields stay. `missing`, `conflict` if exited. */
  updateContainerResources(id: string, resources: LinuxResources, options?: CallOptions): Promise<void>;
  /** Makes a running container write to a new file at its log path, after the old one was moved away. `conflict` unless running. */
  reopenContainerLog(id: string, options?: CallOptions): Promise<void>;

  /**
   * Runs a command in a running container and collects its output (at most some 16 MB). `timeoutSeconds` 0 means none; when it is over
   * the command is killed and Fault `timeout` thrown. `conflict` unless running. A command that fails is a result; one
   * that cannot be executed throws `internal`.
   */
  execSync(
    id: string,
    command: readonly string[],
    options?: CallOptions & { readonly timeoutSeconds?: number },
  ): Promise<ExecResult>;
  /** A one-time URL of the runtime's streaming server, good for about a minute. `conflict` unless running. */
  execUrl(id: string, command: readonly string[], streams: StreamOptions, options?: CallOptions): Promise<string>;
  attachUrl(id: string, streams: StreamOptions, options?: CallOptions): Promise<string>;
  portForwardUrl(sandboxId: string, ports: readonly number[], options?: CallOptions): Promise<string>;

  listImages(options?: CallOptions): Promise<readonly RuntimeImage[]>;
  /** By id, tag or digest; short names are taken as Docker Hub's. Undefined when it is not there. */
  imageStatus(image: string, options?: CallOptions): Promise<RuntimeImage | undefined>;
  /** Fetches and unpacks; failing to is a result, not a fault. Takes as long as it takes: abort by `signal`. */
  pullImage(
    image: string,
    options?: CallOptions & { readonly auth?: RegistryAuth; readonly sandbox?: SandboxConfig },
  ): Promise<PullResult>;
  /** Removes the image with all its references. Removing what is gone is fine. Running containers keep their files. */
  removeImage(image: string, options?: CallOptions): Promise<void>;
  imageFsInfo(options?: CallOptions): Promise<ImageFsInfo>;

  /** Undefined when the container is not there or has no figures (not running). */
  containerStats(id: string, options?: CallOptions): Promise<ContainerStats | undefined>;
  listContainerStats(filter?: StatsFilter, options?: CallOptions): Promise<readonly ContainerStats[]>;
  /** `unsupported` where neither the runtime nor the driver can tell. */
  listSandboxStats(filter?: StatsFilter, options?: CallOptions): Promise<readonly SandboxStats[]>;

  /**
   * Begins with one event for everything that is there (its present state), then tells every change, in order per id, at
   * least once. When an event is yielded, `*Status` of its id shows that change or a later one. Intermediate states may be left out when they
   * pass quickly. A lost connection is repaired inside and caught up by comparing lists, so the stream ends only when `signal`
   * is aborted or the runtime object disposed.
   */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;

  /** Lets go of the connection; what runs goes on running. */
  [Symbol.asyncDispose](): Promise<void>;
}
