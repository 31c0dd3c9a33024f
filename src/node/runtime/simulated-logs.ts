import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { LogFiles } from "./log-files.ts";

/** Where simulated containers write their logs. */
export interface SimulatedLogSink {
  append(path: string, text: string): void;
  /** The log of a container that is removed; disks keep it, as with real ones, until the node agent cleans up. */
  forget(path: string): void;
}

/** Logs in memory, readable as if they were files. Each log keeps at most `maxBytes`; the oldest half goes first. */
export class MemoryLogs implements SimulatedLogSink, LogFiles {
  readonly #logs = new Map<string, { text: Buffer; generation: number }>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #maxBytes: number;

  constructor(maxBytes = 64 * 1024) {
    this.#maxBytes = maxBytes;
  }

  append(path: string, text: string): void {
    const log = this.#logs.get(path) ?? { text: Buffer.alloc(0), generation: 0 };
    let next = Buffer.concat([log.text, Buffer.from(text)]);
    let { generation } = log;
    if (next.length > this.#maxBytes) {
      next = next.subarray(next.indexOf(0x0a, next.length >> 1) + 1);
      generation += 1;
    }
    this.#logs.set(path, { text: next, generation });
    for (const wake of this.#waiting.get(path) ?? []) wake();
  }

  forget(path: string): void {
    this.#logs.delete(path);
  }

  /** The whole log, empty when there is none. */
  text(path: string): string {
    return this.#logs.get(path)?.text.toString() ?? "";
  }

  async open(path: string) {
    const opened = this.#logs.get(path);
    if (!opened) return undefined;
    const { generation } = opened;
    let last = opened.text;
    const text = () => {
      const now = this.#logs.get(path);
      if (now?.generation === generation) last = now.text;
      return last;
    };
    return {
      identity: String(generation),
      size: async () => text().length,
      read: async (position: number, length: number) => text().subarray(position, position + length),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async *changes(path: string, signal: AbortSignal): AsyncGenerator<void> {
    const waiting = this.#waiting.get(path) ?? new Set();
    this.#waiting.set(path, waiting);
    let wake: () => void = () => {};
    let changed = true;
    const notice = () => {
      changed = true;
      wake();
    };
    waiting.add(notice);
    signal.addEventListener("abort", notice, { once: true });
    try {
      while (!signal.aborted) {
        if (!changed) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        changed = false;
        if (!signal.aborted) yield;
      }
    } finally {
      waiting.delete(notice);
      if (waiting.size === 0) this.#waiting.delete(path);
    }
  }

  /** Wakes those who follow a log whose container has ended. */
  ended(path: string): void {
    for (const wake of this.#waiting.get(path) ?? []) wake();
  }
}

/** Logs as files on the disk, as a real runtime writes them. */
export const diskLogSink: SimulatedLogSink = {
  append: (path, text) => {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, text);
  },
  forget: () => {},
};
