import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { errorMessage, Fault, type FaultCode } from "../../lib/fault.ts";
import { type CriServices, criMethod, type MethodCodec, type RequestOf, type ResponseOf } from "./cri-wire.ts";
import type * as cri from "./proto/cri-v1.ts";
import type {
  Container,
  ContainerConfig,
  ContainerRuntime,
  ContainerStats,
  ContainerStatus,
  NamespaceOptions,
  RuntimeImage,
  Sandbox,
  SandboxConfig,
} from "./runtime.ts";

export interface CriServerOptions {
  readonly runtime: ContainerRuntime;
  /** The socket to listen on. */
  readonly socket: string;
  /** False for a server of the days before GetContainerEvents. */
  readonly events?: boolean;
}

/**
 * Serves any ContainerRuntime by the CRI over a unix socket: tests hold the CRI driver against the simulated runtime with it,
 * and `crictl` can look at a simulated node. Knows the fields that those two need.
 */
export async function serveCri(options: CriServerOptions): Promise<AsyncDisposable> {
  const server = new Server();
  const stop = new AbortController();
  for (const [name, handler] of Object.entries(runtimeHandlers(options.runtime))) {
    add(server, criMethod("RuntimeService", name as keyof CriServices["RuntimeService"]), handler as Handler);
  }
  for (const [name, handler] of Object.entries(imageHandlers(options.runtime))) {
    add(server, criMethod("ImageService", name as keyof CriServices["ImageService"]), handler as Handler);
  }
  if (options.events ?? true) addEvents(server, options.runtime, stop.signal);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${options.socket}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      server.forceShutdown();
    },
  };
}

type Handler = (request: unknown) => Promise<unknown>;
type Handlers<S extends keyof CriServices> = {
  readonly [M in keyof CriServices[S]]?: (request: RequestOf<S, M>) => Promise<ResponseOf<S, M>>;
};

function add(server: Server, codec: MethodCodec<unknown, unknown>, handler: Handler): void {
  const name = codec.path.split("/")[2]!;
  const definition = {
    path: codec.path,
    requestStream: false,
    responseStream: false,
    requestSerialize: codec.request.encode,
    requestDeserialize: codec.request.decode,
    responseSerialize: codec.response.encode,
    responseDeserialize: codec.response.decode,
  };
  server.addService(
    { [name]: definition },
    {
      [name]: (call: { readonly request: unknown }, answer: (error: object | null, response?: unknown) => void) => {
        handler(call.request).then(
          (response) => answer(null, response),
          (error) => answer({ code: codeOf(error), details: errorMessage(error) }),
        );
      },
    },
  );
}

function addEvents(server: Server, runtime: ContainerRuntime, stop: AbortSignal): void {
  const codec = criMethod("RuntimeService", "GetContainerEvents");
  const types = { created: "CREATED", started: "STARTED", exited: "STOPPED", deleted: "DELETED" } as const;
  const definition = {
    path: codec.path,
    requestStream: false,
    responseStream: true,
    requestSerialize: codec.request.encode,
    requestDeserialize: codec.request.decode,
    responseSerialize: codec.response.encode,
    responseDeserialize: codec.response.decode,
  };
  server.addService(
    { GetContainerEvents: definition },
    {
      GetContainerEvents: async (call: {
        write(event: cri.ContainerEventResponse): void;
        end(): void;
        on(name: "cancelled", then: () => void): void;
      }) => {
        const gone = new AbortController();
        call.on("cancelled", () => gone.abort());
        for await (const { id, type } of runtime.events(AbortSignal.any([stop, gone.signal]))) {
          call.write({ containerId: id, containerEventType: `CONTAINER_${types[type]}_EVENT` });
        }
        call.end();
      },
    },
  );
}

function runtimeHandlers(runtime: ContainerRuntime): Handlers<"RuntimeService"> {
  return {
    Version: async () => {
      const { name, version, apiVersion } = await runtime.version();
      return { version: "0.1.0", runtimeName: name, runtimeVersion: version, runtimeApiVersion: apiVersion };
    },
    Status: async () => {
      const { conditions, handlers, features } = await runtime.status();
      return {
        status: { conditions },
        runtimeHandlers: handlers.map(({ name, userNamespaces, recursiveReadonlyMounts }) => ({
          name,
          features: { userNamespaces, recursiveReadOnlyMounts: recursiveReadonlyMounts },
        })),
        features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy },
      };
    },
    RunPodSandbox: async ({ config, runtimeHandler }) => ({
      podSandboxId: await runtime.runSandbox(sandboxConfigOf(config), { handler: runtimeHandler }),
    }),
    StopPodSandbox: async ({ podSandboxId = "" }) => nothing(runtime.stopSandbox(podSandboxId)),
    RemovePodSandbox: async ({ podSandboxId = "" }) => nothing(runtime.removeSandbox(podSandboxId)),
    PodSandboxStatus: async ({ podSandboxId = "" }) => {
      const found = present(await runtime.sandboxStatus(podSandboxId), podSandboxId);
      const [ip = "", ...others] = found.ips;
      return {
        status: { ...sandboxMessage(found), network: { ip, additionalIps: others.map((one) => ({ ip: one })) } },
      };
    },
    ListPodSandbox: async ({ filter }) => {
      const state =
        filter?.state && (filter.state.state === "SANDBOX_READY" ? ("ready" as const) : ("notReady" as const));
      const found = await runtime.listSandboxes({ id: filter?.id || undefined, state, labels: filter?.labelSelector });
      return { items: found.map(sandboxMessage) };
    },
    CreateContainer: async ({ podSandboxId = "", config, sandboxConfig }) => ({
      containerId: await runtime.createContainer(
        podSandboxId,
        containerConfigOf(config),
        sandboxConfigOf(sandboxConfig),
      ),
    }),
    StartContainer: async ({ containerId = "" }) => nothing(runtime.startContainer(containerId)),
    StopContainer: async ({ containerId = "", timeout = 0 }) => nothing(runtime.stopContainer(containerId, timeout)),
    RemoveContainer: async ({ containerId = "" }) => nothing(runtime.removeContainer(containerId)),
    ListContainers: async ({ filter }) => {
      const found = await runtime.listContainers({
        id: filter?.id || undefined,
        sandboxId: filter?.podSandboxId || undefined,
        labels: filter?.labelSelector,
        state: filter?.state?.state && stateOf(filter.state.state),
      });
      return { containers: found.map(containerMessage) };
    },
    ContainerStatus: async ({ containerId = "" }) => ({
      status: containerStatusMessage(present(await runtime.containerStatus(containerId), containerId)),
    }),
    UpdateContainerResources: async ({ containerId = "", linux }) =>
      nothing(runtime.updateContainerResources(containerId, resourcesOf(linux))),
    ReopenContainerLog: async ({ containerId = "" }) => nothing(runtime.reopenContainerLog(containerId)),
    ExecSync: async ({ containerId = "", cmd = [], timeout }) =>
      runtime.execSync(containerId, cmd, { timeoutSeconds: timeout }),
    Exec: async ({ containerId = "", cmd = [], ...streams }) => ({
      url: await runtime.execUrl(containerId, cmd, streams),
    }),
    Attach: async ({ containerId = "", ...streams }) => ({ url: await runtime.attachUrl(containerId, streams) }),
    PortForward: async ({ podSandboxId = "", port = [] }) => ({
      url: await runtime.portForwardUrl(podSandboxId, port),
    }),
    ContainerStats: async ({ containerId = "" }) => ({
      stats: statsMessage(present(await runtime.containerStats(containerId), containerId)),
    }),
    ListContainerStats: async ({ filter }) => {
      const { id, podSandboxId, labelSelector: labels } = filter ?? {};
      const found = await runtime.listContainerStats({
        id: id || undefined,
        sandboxId: podSandboxId || undefined,
        labels,
      });
      return { stats: found.map(statsMessage) };
    },
    ListPodSandboxStats: async ({ filter }) => {
      const found = await runtime.listSandboxStats({ id: filter?.id || undefined, labels: filter?.labelSelector });
      return {
        stats: found.map(({ id, metadata, labels, annotations, containers }) => ({
          attributes: { id, metadata, labels, annotations },
          linux: { containers: containers.map(statsMessage) },
        })),
      };
    },
  };
}

function imageHandlers(runtime: ContainerRuntime): Handlers<"ImageService"> {
  return {
    ListImages: async () => ({ images: (await runtime.listImages()).map(imageMessage) }),
    ImageStatus: async ({ image }) => {
      const found = await runtime.imageStatus(image?.image ?? "");
      return { image: found && imageMessage(found) };
    },
    PullImage: async ({ image }) => {
      const result = await runtime.pullImage(image?.image ?? "");
      if (!result.ok) throw new Fault("missing", result.message);
      return { imageRef: result.imageRef };
    },
    RemoveImage: async ({ image }) => nothing(runtime.removeImage(image?.image ?? "")),
    ImageFsInfo: async () => {
      const { images, containers } = await runtime.imageFsInfo();
      const message = ({ timestamp, mountpoint, usedBytes }: (typeof images)[number]) => ({
        timestamp: nanoseconds(timestamp),
        fsId: { mountpoint },
        usedBytes: wrap(usedBytes),
      });
      return { imageFilesystems: images.map(message), containerFilesystems: containers.map(message) };
    },
  };
}

async function nothing(call: Promise<void>): Promise<Readonly<Record<string, never>>> {
  await call;
  return {};
}

function present<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new Fault("missing", `${id} is not there`);
  return value;
}

function codeOf(error: unknown): status {
  const codes: Readonly<Partial<Record<FaultCode, status>>> = {
    missing: status.NOT_FOUND,
    conflict: status.FAILED_PRECONDITION,
    unsupported: status.UNIMPLEMENTED,
    timeout: status.DEADLINE_EXCEEDED,
    invalid: status.INVALID_ARGUMENT,
  };
  return (error instanceof Fault ? codes[error.code] : undefined) ?? status.UNKNOWN;
}

function sandboxConfigOf(message: cri.PodSandboxConfig = {}): SandboxConfig {
  const { name = "", uid = "", namespace = "", attempt = 0 } = message.metadata ?? {};
  const namespaces = message.linux?.securityContext?.namespaceOptions;
  const mode = (value: cri.NamespaceMode = "POD") => value.toLowerCase() as NamespaceOptions["network"];
  return {
    metadata: { name, uid, namespace, attempt },
    hostname: message.hostname,
    logDirectory: message.logDirectory,
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    cgroupParent: message.linux?.cgroupParent,
    security: {
      namespaces: { network: mode(namespaces?.network), pid: mode(namespaces?.pid), ipc: mode(namespaces?.ipc) },
    },
  };
}

function containerConfigOf(message: cri.ContainerConfig = {}): ContainerConfig {
  const { name = "", attempt = 0 } = message.metadata ?? {};
  const text = new TextDecoder();
  return {
    metadata: { name, attempt },
    image: message.image?.image ?? "",
    command: message.command,
    args: message.args,
    workingDir: message.workingDir,
    env: message.envs?.map(({ key = "", value }) => ({ name: key, value: text.decode(value) })),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    logPath: message.logPath,
    resources: resourcesOf(message.linux?.resources),
  };
}

function resourcesOf(message: cri.LinuxContainerResources = {}): NonNullable<ContainerConfig["resources"]> {
  return {
    cpuShares: message.cpuShares || undefined,
    cpuQuota: message.cpuQuota || undefined,
    cpuPeriod: message.cpuPeriod || undefined,
    memoryLimitBytes: message.memoryLimitInBytes || undefined,
  };
}

function sandboxMessage({ id, metadata, state, createdAt, labels, annotations, handler }: Sandbox): cri.PodSandbox {
  return {
    id,
    metadata,
    state: state === "ready" ? "SANDBOX_READY" : "SANDBOX_NOTREADY",
    createdAt: nanoseconds(createdAt),
    labels,
    annotations,
    runtimeHandler: handler,
  };
}

function containerMessage(container: Container): cri.Container {
  const { id, sandboxId, metadata, createdAt, labels, annotations, image, imageRef } = container;
  return {
    id,
    podSandboxId: sandboxId,
    metadata,
    state: `CONTAINER_${container.state.toUpperCase()}` as cri.ContainerState,
    createdAt: nanoseconds(createdAt),
    labels,
    annotations,
    image: { image },
    imageRef,
  };
}

function containerStatusMessage(status: ContainerStatus): cri.ContainerStatus {
  const { resources = {} } = status;
  const { podSandboxId: _, ...shared } = containerMessage({ ...status, sandboxId: "" });
  return {
    ...shared,
    startedAt: nanoseconds(status.startedAt),
    finishedAt: nanoseconds(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    logPath: status.logPath,
    resources: { linux: { cpuShares: resources.cpuShares, memoryLimitInBytes: resources.memoryLimitBytes } },
  };
}

function stateOf(state: cri.ContainerState): Container["state"] {
  return state.slice("CONTAINER_".length).toLowerCase() as Container["state"];
}

function statsMessage({ id, metadata, labels, annotations, cpu, memory }: ContainerStats): cri.ContainerStats {
  return {
    attributes: { id, metadata, labels, annotations },
    cpu: { timestamp: nanoseconds(cpu?.timestamp), usageCoreNanoSeconds: wrap(cpu?.usageCoreNanoSeconds) },
    memory: { timestamp: nanoseconds(memory?.timestamp), workingSetBytes: wrap(memory?.workingSetBytes) },
  };
}

function imageMessage({ id, repoTags, repoDigests, sizeBytes, username }: RuntimeImage): cri.Image {
  return { id, repoTags, repoDigests, size: sizeBytes, username };
}

function wrap(value: number | undefined): { readonly value: number } | undefined {
  return value === undefined ? undefined : { value };
}

function nanoseconds(milliseconds: number | undefined): number {
  return Math.round((milliseconds ?? 0) * 1e6);
}
