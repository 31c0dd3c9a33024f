import { getHeapStatistics } from "node:v8";
import type { Clock } from "../lib/clock.ts";

/**
 * How Node is started for a process that mostly rests. With its default of 16 MB and more for fresh objects, twice, and
 * as many old ones as it likes before the first full collection, an agent whose heap holds 35 MB keeps 175 MB. The second
 * flag gives `collectAtRest` its way to collect.
 */
export const restingFlags: readonly string[] = ["--max-semi-space-size=4", "--expose-gc"];

const everyMs = 10_000;
/** A process that used more of a processor than this is at work. A full collection takes it some 100 ms. */
const restingShare = 0.2;
/** So much garbage is worth a collection. */
const worthBytes = 6 * 1024 * 1024;

export interface HeapMeters {
  /** Bytes that the heap's objects and their buffers take, dead ones too. */
  used(): number;
  /** Processor time of this process so far, in ms. */
  busyMs(): number;
  /** Collects the whole heap; resolves afterwards. */
  collect(): Promise<void>;
}

/**
 * Collects the heap now and then when the process rests after work, until disposed. V8 does so by itself only in a process
 * that rests wholly, and one with a hundred probes and watches never does.
 */
export function collectAtRest(meters: HeapMeters, clock: Clock): Disposable {
  const stop = new AbortController();
  const run = async () => {
    // What starting has left is garbage too.
    let kept = 0;
    let busy = meters.busyMs();
    for (let since = clock.monotonic(); ; since = clock.monotonic()) {
      await clock.sleep(everyMs, stop.signal);
      const now = meters.busyMs();
      const rested = now - busy < restingShare * (clock.monotonic() - since);
      busy = now;
      if (!rested || meters.used() < kept + worthBytes) continue;
      await meters.collect();
      kept = meters.used();
      busy = meters.busyMs();
    }
  };
  run().catch(() => {}); // it ends by being stopped only
  return { [Symbol.dispose]: () => stop.abort() };
}

/** This process's own heap; undefined where it was started without `restingFlags`. */
export function ownHeap(): HeapMeters | undefined {
  const { gc } = globalThis;
  return (
    gc && {
      used() {
        const { used_heap_size: used, external_memory: buffers } = getHeapStatistics();
        return used + buffers;
      },
      busyMs() {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1000;
      },
      // The usual flavor leaves what lives strewn over the pages that the garbage had: 10 MB that stay resident.
      collect: () => gc({ type: "major", execution: "async", flavor: "last-resort" }),
    }
  );
}
