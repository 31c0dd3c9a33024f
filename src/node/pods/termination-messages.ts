import { chmodSync, closeSync, mkdirSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runtimeAnnotations } from "../runtime/labels.ts";
import type { LogFiles } from "../runtime/log-files.ts";
import { LogSelector } from "../runtime/log-lines.ts";
import { tailStart } from "../runtime/logs.ts";
import type { ObservedContainer, ObservedPod } from "./observed.ts";

/** Bytes of a termination message; and of a log that stands in for one, which has at most 80 lines (as upstream). */
const longest = 4096;
const longestOfLog = 2048;
const linesOfLog = 80;

/** Reads once what containers of one pod said when they ended, and remembers it. */
export class TerminationMessages {
  readonly #known = new Map<string, string | undefined>();
  readonly #logFiles: LogFiles;

  constructor(logFiles: LogFiles) {
    this.#logFiles = logFiles;
  }

  /** Reads the messages of containers that have ended since. */
  async learn({ containers }: ObservedPod, folder: string): Promise<void> {
    for (const id of this.#known.keys()) if (!containers.some((each) => each.id === id)) this.#known.delete(id);
    const fresh = containers.filter(({ id, state }) => state === "exited" && !this.#known.has(id));
    await Promise.all(
      fresh.map(async (container) => this.#known.set(container.id, await this.#read(container, folder))),
    );
  }

  of({ id }: ObservedContainer): string | undefined {
    return this.#known.get(id);
  }

  async #read(container: ObservedContainer, folder: string): Promise<string | undefined> {
    const written = readStart(terminationLogPath(folder, container.name, container.restartCount));
    if (written) return written;
    const policy = container.annotations[runtimeAnnotations.terminationMessagePolicy];
    if (policy !== "FallbackToLogsOnError" || container.exitCode === 0) return undefined;
    await using file = await this.#logFiles.open(container.logPath);
    if (!file) return undefined;
    const size = await file.size();
    // Each line carries a time and a stream in front of what was said.
    const start = Math.max(await tailStart(file, linesOfLog), size - 4 * longestOfLog);
    const selector = new LogSelector({});
    const text = Buffer.concat([selector.take(await file.read(start, size - start)), selector.finish()]);
    return text.subarray(-longestOfLog).toString("utf8") || undefined;
  }
}

function readStart(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const buffer = Buffer.alloc(longest);
    return buffer.toString("utf8", 0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}

function terminationLogPath(folder: string, container: string, restartCount: number): string {
  return join(folder, "containers", container, String(restartCount));
}

/** Makes the empty file that one life of a container may leave its last words in, writable for any user; returns its path. */
export function makeTerminationLog(folder: string, container: string, restartCount: number): string {
  const path = terminationLogPath(folder, container, restartCount);
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o750 });
  closeSync(openSync(path, "w"));
  // Set apart from the creation, which the process's umask would cut.
  chmodSync(path, 0o666);
  return path;
}

/** Removes what one life of a container left. */
export function removeTerminationLog(folder: string, { name, restartCount }: ObservedContainer): void {
  rmSync(terminationLogPath(folder, name, restartCount), { force: true });
}
