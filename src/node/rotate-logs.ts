import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { containerLogPath, ownerOf, podLogDirectory, runtimeAnnotations } from "./runtime/labels.ts";
import { type RotationPolicy, rotateLog, usualRotation } from "./runtime/log-rotation.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";

export interface RotateLogsOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Log;
  readonly logRoot: string;
  readonly policy?: RotationPolicy;
}

/** Rotates the logs of all running containers that have grown too large. One that cannot be rotated is told and left for the next time. */
export async function rotateLogs(options: RotateLogsOptions): Promise<void> {
  const { runtime, clock, log, logRoot, policy = usualRotation } = options;
  for (const { id, labels, annotations } of await runtime.listContainers({ state: "running" })) {
    const owner = ownerOf(labels);
    if (owner.podUid === "") continue;
    const restarts = Number(annotations[runtimeAnnotations.restartCount] ?? 0);
    const path = join(podLogDirectory(logRoot, owner), containerLogPath(owner.containerName, restarts));
    try {
      await rotateLog(path, policy, { now: clock.now(), reopen: () => runtime.reopenContainerLog(id) });
    } catch (error) {
      log.warn(`log ${path} not rotated: ${errorMessage(error)}`);
    }
  }
}
