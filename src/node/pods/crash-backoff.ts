import { backoffDelay } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { ObservedContainer } from "./observed.ts";

/** 10 s doubling to 300 s; forgotten after ten minutes of running (as upstream). */
const growth = { base: 10_000, factor: 2, max: 300_000 };
const forgetAfter = 600_000;

interface Record {
  readonly endedId: string;
  /** How often it has ended in a row. */
  readonly failures: number;
  readonly waitMs: number;
  readonly until: number;
}

export interface Hold {
  /** The whole wait. */
  readonly waitMs: number;
  readonly leftMs: number;
}

/** How long the containers of one pod wait before they are started again: at first not at all, then longer and longer. */
export class CrashBackoff {
  readonly #clock: Clock;
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is left of the wait after the life that ended last; undefined when it may start now. */
  hold(last: ObservedContainer | undefined): Hold | undefined {
    if (last?.state !== "exited") return undefined;
    const record = this.#record(last);
    const leftMs = record.until - this.#clock.now();
    return leftMs > 0 ? { waitMs: record.waitMs, leftMs } : undefined;
  }

  #record(last: ObservedContainer): Record {
    const known = this.#records.get(last.name);
    if (known?.endedId === last.id) return known;
    const ended = last.finishedAt ?? this.#clock.now();
    const ranLong = last.startedAt !== undefined && ended - last.startedAt > forgetAfter;
    // Restarts of before this process are known by their number only: they count as one failure.
    const earlier = ranLong ? 0 : (known?.failures ?? Math.min(1, last.restartCount));
    const waitMs = earlier === 0 ? 0 : backoffDelay(growth, earlier);
    const record = { endedId: last.id, failures: earlier + 1, waitMs, until: ended + waitMs };
    this.#records.set(last.name, record);
    return record;
  }
}
