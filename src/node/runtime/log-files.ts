import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Clock } from "../../lib/clock.ts";

/** One log file that stays the same file even when its path is given to another. */
export interface OpenLogFile extends AsyncDisposable {
  /** Differs between two files that had the same path. */
  readonly identity: string;
  size(): Promise<number>;
  /** At most `length` bytes from `position`; empty at the end. The bytes are the caller's. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** Where log files are: the machine's disk, or a simulation's memory. */
export interface LogFiles {
  /** Undefined when there is none. */
  open(path: string): Promise<OpenLogFile | undefined>;
  /** Yields whenever something about the path may have changed; may yield for nothing. Ends when aborted. */
  changes(path: string, signal: AbortSignal): AsyncIterable<void>;
}

/** The machine's files. Changes come from the kernel where it tells them and, once a second, in any case. */
export function diskLogFiles(clock: Clock): LogFiles {
  return {
    open: async (path) => {
      try {
        return await openDiskFile(await open(path, "r"));
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    changes: (path, signal) => diskChanges(path, clock, signal),
  };
}

async function openDiskFile(handle: FileHandle): Promise<OpenLogFile> {
  const { dev, ino } = await handle.stat();
  return {
    identity: `${dev}:${ino}`,
    size: async () => (await handle.stat()).size,
    read: async (position, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function* diskChanges(path: string, clock: Clock, signal: AbortSignal): AsyncGenerator<void> {
  let wake: () => void = () => {};
  let changed = true;
  const notice = () => {
    changed = true;
    wake();
  };
  using _ = noticeChanges(path, notice);
  signal.addEventListener("abort", notice, { once: true });
  try {
    while (!signal.aborted) {
      if (!changed) {
        const timer = clock.after(1_000, notice);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        timer[Symbol.dispose]();
      }
      changed = false;
      if (!signal.aborted) yield;
    }
  } finally {
    signal.removeEventListener("abort", notice);
  }
}

/** By callback: the iterator of `node:fs/promises` drops what happens while it hands out the event before. */
function noticeChanges(path: string, notice: () => void): Disposable {
  try {
    // The directory, because a rotated file is a new one at the same place.
    const watcher = watch(dirname(path), (_, filename) => {
      if (filename === null || filename === basename(path)) notice();
    });
    watcher.on("error", () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    // No watch to be had (too many, or no such directory yet): looking once a second remains.
    return { [Symbol.dispose]: () => {} };
  }
}
