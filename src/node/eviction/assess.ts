import { amountOf, conditionOf, type PressureCondition, type Signal, type Threshold } from "./thresholds.ts";

/** One reading of a signal. Bytes, inodes or processes. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
  /** Milliseconds since the epoch; a reading as old as the last one tells nothing new. */
  readonly at: number;
}

export type Observations = Partial<Readonly<Record<Signal, Observation>>>;

/** What is remembered from one assessment to the next. */
export interface PressureState {
  /** Since when each threshold is met, in ms since the epoch. */
  readonly since: ReadonlyMap<Threshold, number>;
  /** When each condition was last seen. */
  readonly seen: ReadonlyMap<PressureCondition, number>;
  /** Thresholds acted upon whose minimum has not been won back yet. */
  readonly open: readonly Threshold[];
  readonly last: Observations;
}

export const calm: PressureState = { since: new Map(), seen: new Map(), open: [], last: {} };

export interface Assessment {
  readonly state: PressureState;
  /** Conditions that hold, those of the transition period included. */
  readonly conditions: readonly PressureCondition[];
  /** The threshold to act upon first. */
  readonly reclaim: Threshold | undefined;
}

/** Compares readings with thresholds: which conditions the node has, and what is to be won back now. Pure. */
export function assess(
  before: PressureState,
  thresholds: readonly Threshold[],
  observations: Observations,
  { now, transitionMs }: { readonly now: number; readonly transitionMs: number },
): Assessment {
  const met = thresholds.filter(
    (threshold) =>
      isMet(threshold, observations) ||
      (before.open.includes(threshold) && isMet(threshold, observations, { reclaiming: true })),
  );
  const since = new Map(met.map((threshold) => [threshold, before.since.get(threshold) ?? now]));
  const seen = new Map(before.seen);
  for (const { signal } of met) seen.set(conditionOf(signal), now);
  const open = met.filter((threshold) => now - since.get(threshold)! >= threshold.graceMs);
  const conditions = [...seen]
    .filter(([condition, at]) => now - at < transitionMs || met.some(({ signal }) => conditionOf(signal) === condition))
    .map(([condition]) => condition);
  const fresh = open.filter(({ signal }) => {
    const last = before.last[signal];
    return !last || observations[signal]!.at > last.at;
  });
  const reclaim = fresh.find(({ signal }) => signal === "memory.available") ?? fresh[0];
  return { state: { since, seen, open, last: observations }, conditions, reclaim };
}

/** Whether a signal is below its threshold; while reclaiming, below what shall be won back. */
export function isMet(
  { signal, below, minReclaim }: Threshold,
  observations: Observations,
  { reclaiming = false } = {},
): boolean {
  const observation = observations[signal];
  if (!observation) return false;
  const { available, capacity } = observation;
  const least = reclaiming && minReclaim ? amountOf(minReclaim, capacity) : 0;
  return available < amountOf(below, capacity) + least;
}
