import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../api/generated/core-v1.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { ContainerConfig, RuntimeImage } from "../runtime/runtime.ts";
import type { SandboxConfig, SandboxStatus } from "../runtime/sandbox.ts";
import { containerConfig, type ReadyVolume } from "./container-config.ts";
import type { Waiting } from "./container-status.ts";
import { type DeclaredContainer, fieldPathOf, kindOf } from "./containers.ts";
import { environmentOf } from "./environment.ts";
import { newest, type ObservedContainer, type ObservedPod, observed } from "./observed.ts";
import type { PodServices } from "./pod-services.ts";
import { makeTerminationLog } from "./termination-messages.ts";

export type StartResult =
  | { readonly ok: true; readonly container: ObservedContainer }
  | ({ readonly ok: false; readonly retryIn: number } & Waiting);

export interface StartRequest {
  readonly pod: Pod;
  readonly container: DeclaredContainer;
  /** What the pod had before. */
  readonly observed: ObservedPod;
  readonly sandbox: SandboxStatus;
  readonly sandboxConfig: SandboxConfig;
  readonly volumes: ReadonlyMap<string, ReadyVolume>;
  readonly podIPs: readonly string[];
  readonly podFolder: string;
  readonly hostsFile: string;
  readonly signal: AbortSignal;
}

const containerTypes = {
  containers: "container",
  initContainers: "init_container",
  ephemeralContainers: "ephemeral_container",
} as const;

/** How soon a start that failed is tried again. */
const retryIn = 5000;

/**
 * Starts one container: its image, its configuration, then the container itself. What fails is told in events and says for
 * what the container waits; only a runtime or API that does not answer, and an abort, are thrown.
 */
export async function startContainer(request: StartRequest, services: PodServices): Promise<StartResult> {
  const { pod, container, sandbox, signal } = request;
  const { runtime, events, images, startTurns, meters } = services;
  const type = containerTypes[kindOf(pod, container.name)];
  const fieldPath = fieldPathOf(pod, container.name);
  const fail = (reason: string, error: unknown): StartResult => {
    if (isPassing(error) || signal.aborted) throw error;
    meters.containerFailed(type, reason);
    events.record(pod, "Warning", "Failed", `Error: ${errorMessage(error)}`, fieldPath);
    return { ok: false, reason, message: errorMessage(error), retryIn };
  };

  const image = await images.ensure(pod, container, signal);
  if (!image.ok) return image;
  const mounted = await ensureMounted(request, services);
  if (!mounted.ok) return mounted;
  let config: ContainerConfig;
  try {
    config = await configOf({ ...request, volumes: mounted.volumes }, image.image, services);
  } catch (error) {
    return fail("CreateContainerConfigError", error);
  }
  return await startTurns.run(
    async () => {
      signal.throwIfAborted();
      meters.containerBegun(type);
      let id: string;
      try {
        id = await create(request, config, services);
      } catch (error) {
        return fail("CreateContainerError", error);
      }
      events.record(pod, "Normal", "Created", "Container created", fieldPath);
      try {
        await runtime.startContainer(id);
      } catch (error) {
        return fail("RunContainerError", error);
      }
      events.record(pod, "Normal", "Started", "Container started", fieldPath);
      const status = await runtime.containerStatus(id);
      return status
        ? { ok: true, container: observed(status, sandbox.id) }
        : { ok: false, reason: "ContainerCreating", retryIn: 0 };
    },
    { begun: true },
  );
}

/** Brings the images to the node that the container mounts as volumes; the volumes then have their ids. */
async function ensureMounted(
  { pod, container, volumes, signal }: StartRequest,
  { images }: PodServices,
): Promise<{ readonly ok: true; readonly volumes: StartRequest["volumes"] } | (StartResult & { readonly ok: false })> {
  const ready = new Map(volumes);
  for (const { name } of container.volumeMounts ?? []) {
    const volume = ready.get(name);
    if (volume?.image === undefined) continue;
    const policy = pod.spec.volumes?.find((each) => each.name === name)?.image?.pullPolicy;
    const wanted = { name: container.name, image: volume.image, ...(policy ? { imagePullPolicy: policy } : {}) };
    const result = await images.ensure(pod, wanted, signal);
    if (!result.ok) return result;
    ready.set(name, { ...volume, image: result.image.id });
  }
  return { ok: true, volumes: ready };
}

/** Faults that say nothing about the container. */
function isPassing(error: unknown): boolean {
  const code = faultCode(error);
  return code === "unavailable" || code === "closed" || code === "aborted";
}

async function configOf(
  request: StartRequest,
  image: RuntimeImage,
  { environment, volumes, capacityMemory }: PodServices,
): Promise<ContainerConfig> {
  const { pod, container, podIPs, podFolder, hostsFile, sandboxConfig } = request;
  const [users] = sandboxConfig.security?.namespaces.userNamespace?.uids ?? [];
  const restartCount = nextRestartCount(request);
  const { targetContainerName } = container;
  const target = targetContainerName ? newest(request.observed, targetContainerName) : undefined;
  return containerConfig(pod, container, {
    image,
    environment: await environmentOf(pod, container, {
      ...environment(podIPs),
      volumePath: (name) => request.volumes.get(name)?.path || undefined,
    }),
    volumes: request.volumes,
    hostsFile,
    restartCount,
    capacityMemory,
    subPath: (volume, path) => volumes.subPath(volume, path),
    terminationLog: makeTerminationLog(podFolder, container.name, restartCount),
    ...(target ? { targetId: target.id } : {}),
    ...(users ? { users } : {}),
  });
}

async function create(request: StartRequest, config: ContainerConfig, { runtime }: PodServices): Promise<string> {
  const { container, sandbox, sandboxConfig } = request;
  const last = newest(request.observed, container.name);
  // The one made but never started is in the way of its own name.
  if (last && isUnstarted(last)) await runtime.removeContainer(last.id);
  mkdirSync(join(sandboxConfig.logDirectory!, container.name), { recursive: true, mode: 0o755 });
  return await runtime.createContainer(sandbox.id, config, sandboxConfig);
}

function isUnstarted({ state }: ObservedContainer): boolean {
  return state === "created" || state === "unknown";
}

/** Restarts go on counting where the API says, also after everything of the pod on the node was lost. */
function nextRestartCount({ pod, container, observed }: StartRequest): number {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const reported = [
    ...(containerStatuses ?? []),
    ...(initContainerStatuses ?? []),
    ...(ephemeralContainerStatuses ?? []),
  ].find(({ name }) => name === container.name);
  const last = newest(observed, container.name);
  if (last) return isUnstarted(last) ? last.restartCount : Math.max(last.restartCount + 1, reported?.restartCount ?? 0);
  // What was reported with an id has had a life.
  return (reported?.restartCount ?? 0) + (reported?.containerID ? 1 : 0);
}
