import type { Prepared, Verdict } from "./plugin.ts";

/** Steps of a pod's way, by upstream's names. */
export type Step =
  | "PreEnqueue"
  | "PreFilter"
  | "Filter"
  | "PostFilter"
  | "PreScore"
  | "Score"
  | "ScoreExtensionNormalize"
  | "Reserve"
  | "Unreserve"
  | "Permit"
  | "PreBind"
  | "Bind"
  | "PostBind";

/** How a step, or one plugin in it, ended, in upstream's words. */
export type Status = "Success" | "Error" | "Unschedulable" | "UnschedulableAndUnresolvable" | "Wait" | "Skip";

/** How often a plugin was asked; whoever asks it counts. */
export interface Calls {
  count: number;
}

/** Told what is done for the pods of one profile. Times are milliseconds of `now`. */
export interface FrameworkMeter {
  now(): number;
  /** All plugins of a step were run for a pod. */
  ran(step: Step, status: Status, began: number): void;
  /** A pod was held before its binding. */
  held(status: Status, began: number): void;
  /** Where the calls of a plugin at a step are counted. */
  calls(step: "PreFilter" | "Filter" | "PreScore" | "Score", plugin: string): Calls;
}

/** Told how many seconds one call of a plugin took. */
export type TellPlugin = (plugin: string, step: Step, status: Status, seconds: number) => void;

/** Where nobody wants to know. */
export const noMeter: FrameworkMeter = { now: () => 0, ran: () => {}, held: () => {}, calls: () => ({ count: 0 }) };

/** Runs a step and tells how long it took; a throw is told as an error and passed on. */
export function measured<T>(meter: FrameworkMeter, step: Step, run: () => T, statusOf: (result: T) => Status): T {
  const began = meter.now();
  let status: Status = "Error";
  try {
    const result = run();
    status = statusOf(result);
    return result;
  } finally {
    meter.ran(step, status, began);
  }
}

/** As `measured`, for a step that takes its time. */
export async function measuredLater<T>(
  meter: FrameworkMeter,
  step: Step,
  run: () => Promise<T>,
  statusOf: (result: T) => Status,
): Promise<T> {
  const began = meter.now();
  let status: Status = "Error";
  try {
    const result = await run();
    status = statusOf(result);
    return result;
  } finally {
    meter.ran(step, status, began);
  }
}

export const success = (): Status => "Success";

export function verdictStatus(verdict: Verdict): Status {
  if (!verdict) return "Success";
  return verdict.preemptionHelps ? "Unschedulable" : "UnschedulableAndUnresolvable";
}

export function preparedStatus(prepared: Prepared<unknown>): Status {
  if (prepared.kind === "rejected") return verdictStatus(prepared.rejection);
  return prepared.kind === "skip" ? "Skip" : "Success";
}
