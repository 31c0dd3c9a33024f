import { Fault } from "../../lib/fault.ts";
import { quantityValue } from "../../machinery/quantity.ts";
import { parseDuration } from "../../machinery/times.ts";

/** What is watched on a node (Kubernetes documentation: node-pressure eviction). */
export const signals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
] as const;
export type Signal = (typeof signals)[number];

export type PressureCondition = "MemoryPressure" | "DiskPressure" | "PIDPressure";
export type StarvedResource = "memory" | "ephemeral-storage" | "inodes" | "pids";

const meanings: Readonly<
  Record<Signal, { readonly condition: PressureCondition; readonly resource: StarvedResource }>
> = {
  "memory.available": { condition: "MemoryPressure", resource: "memory" },
  "nodefs.available": { condition: "DiskPressure", resource: "ephemeral-storage" },
  "nodefs.inodesFree": { condition: "DiskPressure", resource: "inodes" },
  "imagefs.available": { condition: "DiskPressure", resource: "ephemeral-storage" },
  "imagefs.inodesFree": { condition: "DiskPressure", resource: "inodes" },
  "pid.available": { condition: "PIDPressure", resource: "pids" },
};

export function conditionOf(signal: Signal): PressureCondition {
  return meanings[signal].condition;
}

export function resourceOf(signal: Signal): StarvedResource {
  return meanings[signal].resource;
}

/** An amount, or a share (0 to 1) of what there is. */
export type Level = { readonly amount: number } | { readonly share: number };

/** The level of a signal below which something is done. */
export interface Threshold {
  readonly signal: Signal;
  readonly below: Level;
  /** How long it must hold, in ms; 0 for a hard threshold. */
  readonly graceMs: number;
  /** Once begun, so much more than the level is won back. */
  readonly minReclaim?: Level;
}

export interface ThresholdFlags {
  readonly hard: string;
  readonly soft?: string | undefined;
  readonly softGrace?: string | undefined;
  readonly minReclaim?: string | undefined;
}

/** Upstream's hard thresholds. */
export const usualHard =
  "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%";

/** Reads the kubelet's eviction flags. Throws Fault `invalid`. */
export function parseThresholds({ hard, soft, softGrace, minReclaim }: ThresholdFlags): readonly Threshold[] {
  const graces = pairs(softGrace, "=", "eviction-soft-grace-period");
  const reclaims = pairs(minReclaim, "=", "eviction-minimum-reclaim");
  const withReclaim = (threshold: Threshold): Threshold => {
    const least = reclaims.get(threshold.signal);
    return least === undefined ? threshold : { ...threshold, minReclaim: levelOf(least, threshold.signal) };
  };
  const statements = (text: string | undefined, flag: string, graceOf: (signal: Signal) => number) =>
    [...pairs(text, "<", flag)].flatMap(([signal, value]): readonly Threshold[] =>
      // No share at all and all of it are ways to switch a threshold off (as upstream).
      value === "0%" || value === "100%"
        ? []
        : [withReclaim({ signal, below: levelOf(value, signal), graceMs: graceOf(signal) })],
    );
  return [
    ...statements(hard, "eviction-hard", () => 0),
    ...statements(soft, "eviction-soft", (signal) => {
      const grace = graces.get(signal);
      if (grace === undefined)
        throw new Fault("invalid", `grace period must be specified for the soft eviction threshold ${signal}`);
      return durationOf(grace, signal);
    }),
  ];
}

function pairs(text: string | undefined, separator: string, flag: string): ReadonlyMap<Signal, string> {
  const found = new Map<Signal, string>();
  for (const part of (text ?? "").split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const at = part.indexOf(separator);
    const name = part.slice(0, at).trim();
    const signal = signals.find((each) => each === name);
    if (at < 0) throw new Fault("invalid", `${flag}: ${JSON.stringify(part)} is not signal${separator}value`);
    if (!signal) throw new Fault("invalid", `unsupported eviction signal ${name}`);
    if (found.has(signal)) throw new Fault("invalid", `duplicate eviction threshold definition for ${signal}`);
    found.set(signal, part.slice(at + separator.length).trim());
  }
  return found;
}

function levelOf(text: string, signal: Signal): Level {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined) return { share: Number(percent) / 100 };
  try {
    const amount = quantityValue(text);
    if (amount >= 0) return { amount };
  } catch (error) {
    throw new Fault("invalid", `eviction threshold ${signal}: ${JSON.stringify(text)} is no quantity`, {
      cause: error,
    });
  }
  throw new Fault("invalid", `eviction threshold ${signal} must be positive: ${text}`);
}

function durationOf(text: string, signal: Signal): number {
  try {
    return Number(parseDuration(text) / 1_000_000n);
  } catch (error) {
    throw new Fault("invalid", `grace period of ${signal}: ${JSON.stringify(text)} is no duration`, { cause: error });
  }
}

/** A level as an amount. */
export function amountOf(level: Level, capacity: number): number {
  return "amount" in level ? level.amount : Math.floor(capacity * level.share);
}

/** What hard thresholds keep back of a signal's capacity: it is not for pods. */
export function keptBack(thresholds: readonly Threshold[], signal: Signal, capacity: number): number {
  const hard = thresholds.find((threshold) => threshold.signal === signal && threshold.graceMs === 0);
  return hard ? amountOf(hard.below, capacity) : 0;
}
