import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import type { ObservedPod } from "./observed.ts";
import { removeTerminationLog } from "./termination-messages.ts";

/**
 * Removes what nobody asks for any more: all but the two newest containers of each name (one before the present, for its logs
 * and its last state), and dead sandboxes without any that is kept.
 */
export async function tidy(observed: ObservedPod, podFolder: string, runtime: ContainerRuntime): Promise<void> {
  const seen = new Map<string, number>();
  const holding = new Set<string>();
  for (const container of observed.containers) {
    const count = (seen.get(container.name) ?? 0) + 1;
    seen.set(container.name, count);
    if (count <= 2 || container.state !== "exited") {
      holding.add(container.sandboxId);
      continue;
    }
    await runtime.removeContainer(container.id);
    removeLogs(container.logPath);
    removeTerminationLog(podFolder, container);
  }
  for (const { id, state } of observed.sandboxes.slice(1)) {
    if (state === "notReady" && !holding.has(id)) await runtime.removeSandbox(id);
  }
}

/** Removes a log with what was rotated from it. */
function removeLogs(path: string): void {
  const directory = dirname(path);
  let names: readonly string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    // No log was ever written.
  }
  for (const name of names)
    if (name === basename(path) || name.startsWith(`${basename(path)}.`)) rmSync(join(directory, name));
}
