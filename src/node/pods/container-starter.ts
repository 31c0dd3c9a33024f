import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Container, Pod } from "../../api/generated/core-v1.ts";
import { backoffDelay } from "../../lib/backoff.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { SandboxConfig, SandboxStatus } from "../runtime/sandbox.ts";
import { containerConfig, type ReadyVolume } from "./container-config.ts";
import { environmentOf } from "./environment.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PodServices } from "./pod-services.ts";
import type { Waiting } from "./status.ts";

/** Restarts of a failing container: 10 s doubling to 300 s; forgotten after ten minutes of running (as upstream). */
const crashBackoff = { base: 10_000, factor: 2, max: 300_000 };
const forgetAfter = 600_000;

export type StartResult = { readonly ok: true } | ({ readonly ok: false; readonly retryIn: number } & Waiting);

export interface StartRequest {
  readonly pod: Pod;
  readonly container: Container;
  /** `spec.containers{web}` */
  readonly fieldPath: string;
  readonly sandbox: SandboxStatus;
  readonly sandboxConfig: SandboxConfig;
  readonly volumes: ReadonlyMap<string, ReadyVolume>;
  readonly podIPs: readonly string[];
  readonly hostsFile: string | undefined;
  /** The container of this name that ended last, if any. */
  readonly last: ObservedContainer | undefined;
}

/** Starts the containers of one pod, each with its own back-off. */
export class ContainerStarter {
  readonly #services: PodServices;
  /** Times that a container ended, by name. */
  readonly #failures = new Map<string, number>();
  /** When a container's present life may begin, by name. */
  readonly #notBefore = new Map<string, { readonly endedId: string; readonly at: number; readonly wait: number }>();

  constructor(services: PodServices) {
    this.#services = services;
  }

  async start(request: StartRequest): Promise<StartResult> {
    const held = this.#heldBack(request);
    if (held) return held;
    const { pod, container, fieldPath, sandbox, sandboxConfig, last } = request;
    const { runtime, events, images } = this.#services;
    const image = await images.ensure(pod, container, fieldPath);
    if (!image.ok) return image;
    const fail = (reason: string, error: unknown): StartResult => {
      events.record(pod, "Warning", "Failed", `Error: ${errorMessage(error)}`, fieldPath);
      return { ok: false, reason, message: errorMessage(error), retryIn: 5000 };
    };

    const restartCount = this.#restartCount(request);
    const folder = this.podFolder(pod);
    let config: ReturnType<typeof containerConfig>;
    try {
      const environment = await environmentOf(pod, container, this.#services.environment(request.podIPs));
      config = containerConfig(pod, container, {
        image: image.image,
        environment,
        volumes: request.volumes,
        podFolder: folder,
        hostsFile: request.hostsFile,
        restartCount,
        capacityMemory: this.#services.capacityMemory,
        subPath: (volume, path) => this.#services.volumes.subPath(volume, path),
        terminationLog: makeTerminationLog(folder, container.name, restartCount),
      });
    } catch (error) {
      if (faultCode(error) === "unavailable") throw error;
      return fail("CreateContainerConfigError", error);
    }
    let id: string;
    try {
      // The one made but never started is in the way of its own name.
      if (last?.state === "created" || last?.state === "unknown") await runtime.removeContainer(last.id);
      mkdirSync(join(sandboxConfig.logDirectory!, container.name), { recursive: true, mode: 0o755 });
      id = await runtime.createContainer(sandbox.id, config, sandboxConfig);
    } catch (error) {
      if (faultCode(error) === "unavailable") throw error;
      return fail("CreateContainerError", error);
    }
    events.record(pod, "Normal", "Created", "Container created", fieldPath);
    try {
      await runtime.startContainer(id);
    } catch (error) {
      if (faultCode(error) === "unavailable") throw error;
      return fail("RunContainerError", error);
    }
    events.record(pod, "Normal", "Started", "Container started", fieldPath);
    return { ok: true };
  }

  podFolder(pod: Pod): string {
    return join(this.#services.podsFolder, pod.metadata.uid);
  }

  /** A container that ended waits longer the more often it did; the first restart is at once. */
  #heldBack({ pod, container, fieldPath, last }: StartRequest): StartResult | undefined {
    const { clock, events } = this.#services;
    if (last?.state !== "exited") return undefined;
    const { name } = container;
    const now = clock.now();
    const ended = last.finishedAt ?? now;
    const known = this.#notBefore.get(name);
    if (known?.endedId !== last.id) {
      const ranLong = last.startedAt !== undefined && ended - last.startedAt > forgetAfter;
      // The runtime remembers restarts of before this process: they count as one failure.
      const failures = ranLong ? 0 : (this.#failures.get(name) ?? (last.restartCount > 0 ? 1 : 0));
      this.#failures.set(name, failures + 1);
      const wait = failures === 0 ? 0 : backoffDelay(crashBackoff, failures);
      this.#notBefore.set(name, { endedId: last.id, at: ended + wait, wait });
    }
    const { at, wait } = this.#notBefore.get(name)!;
    if (now >= at) return undefined;
    const { name: podName, namespace, uid } = pod.metadata;
    events.record(
      pod,
      "Warning",
      "BackOff",
      `Back-off restarting failed container ${name} in pod ${podName}_${namespace}(${uid})`,
      fieldPath,
    );
    return {
      ok: false,
      reason: "CrashLoopBackOff",
      message: `back-off ${goSeconds(wait)} restarting failed container=${name} pod=${podName}_${namespace}(${uid})`,
      retryIn: at - now,
    };
  }

  /** Restarts go on counting where the API says, also after everything of the pod on the node was lost. */
  #restartCount({ pod, container, last }: StartRequest): number {
    const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const reported = all.find(({ name }) => name === container.name);
    const fromStatus = reported?.containerID ? reported.restartCount + 1 : (reported?.restartCount ?? 0);
    if (!last) return fromStatus;
    return last.state === "created" || last.state === "unknown"
      ? last.restartCount
      : Math.max(last.restartCount + 1, reported?.restartCount ?? 0);
  }
}

/** `10s`, `1m20s`: as Go prints whole seconds. */
function goSeconds(ms: number): string {
  const total = Math.round(ms / 1000);
  const minutes = Math.floor(total / 60);
  return minutes > 0 ? `${minutes}m${total % 60}s` : `${total}s`;
}

function makeTerminationLog(folder: string, container: string, restartCount: number): string {
  const directory = join(folder, "containers", container);
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  const path = join(directory, String(restartCount));
  closeSync(openSync(path, "a", 0o666));
  return path;
}

const longestMessage = 4096;

/** What an ended container left in its termination log (at most 4096 bytes), or the end of its log where its policy says so. */
export function terminationMessage(folder: string, container: ObservedContainer): string | undefined {
  const path = join(folder, "containers", container.name, String(container.restartCount));
  try {
    if (statSync(path).size === 0) return undefined;
    return readFileSync(path).subarray(0, longestMessage).toString("utf8");
  } catch {
    return undefined;
  }
}
