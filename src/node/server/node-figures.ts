import { readFileSync, statfsSync } from "node:fs";
import { cpus } from "node:os";
import type { Clock } from "../../lib/clock.ts";

/** What the whole machine uses. */
export interface MachineUsage {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly cores: number;
  /** Nanoseconds of work of all cores since the machine started. */
  readonly cpuNanoSeconds: number;
  /** Averaged since the sample before; absent at the first. */
  readonly cpuNanoCores?: number;
  /** Bytes. */
  readonly memory: {
    readonly capacity: number;
    readonly available: number;
    readonly usage: number;
    readonly workingSet: number;
    readonly rss: number;
  };
  /** The file system of the node's data. Bytes and inodes. */
  readonly fs: {
    readonly capacity: number;
    readonly available: number;
    readonly used: number;
    readonly inodes: number;
    readonly inodesFree: number;
  };
}

export interface NodeFiguresOptions {
  readonly clock: Clock;
  readonly dataFolder: string;
  /** The texts of `/proc/stat` and `/proc/meminfo`. */
  readonly read?: (path: string) => string;
}

/** The kernel counts CPU time in hundredths of a second. */
const nanosPerTick = 10_000_000;
/** Samples closer than this say nothing about the rate. */
const shortestSpan = 1000;

/** Reads what the machine uses, and how fast since the reading before. */
export class NodeFigures {
  readonly #options: NodeFiguresOptions;
  #before: { readonly at: number; readonly nanos: number } | undefined;
  #rate: number | undefined;

  constructor(options: NodeFiguresOptions) {
    this.#options = options;
  }

  read(): MachineUsage {
    const { clock, dataFolder, read = (path: string) => readFileSync(path, "utf8") } = this.#options;
    const cpuNanoSeconds = workedTicks(read("/proc/stat")) * nanosPerTick;
    this.#sample(cpuNanoSeconds);
    const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(dataFolder);
    return {
      timestamp: clock.now(),
      cores: cpus().length,
      cpuNanoSeconds,
      ...(this.#rate === undefined ? {} : { cpuNanoCores: this.#rate }),
      memory: memoryOf(read("/proc/meminfo")),
      fs: {
        capacity: blocks * bsize,
        available: bavail * bsize,
        used: (blocks - bfree) * bsize,
        inodes: files,
        inodesFree: ffree,
      },
    };
  }

  #sample(nanos: number): void {
    const at = this.#options.clock.monotonic();
    const before = this.#before;
    if (before && at - before.at < shortestSpan) return;
    if (before) this.#rate = Math.max(0, Math.round((nanos - before.nanos) / ((at - before.at) / 1000)));
    this.#before = { at, nanos };
  }
}

/** Ticks that all cores were not idle: everything but the idle and waiting columns; guests are in user time already. */
function workedTicks(stat: string): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (stat.split("\n")[0] ?? "")
    .split(/\s+/)
    .map(Number);
  return user + nice + system + irq + softirq + steal;
}

function memoryOf(meminfo: string): MachineUsage["memory"] {
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  const [capacity, free, available] = [bytes("MemTotal"), bytes("MemFree"), bytes("MemAvailable")];
  return { capacity, available, usage: capacity - free, workingSet: capacity - available, rss: bytes("AnonPages") };
}
