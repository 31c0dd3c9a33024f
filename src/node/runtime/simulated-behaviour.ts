import { Fault } from "../../lib/fault.ts";
import type { ContainerConfig, ExecResult } from "./container.ts";
import type { SandboxConfig } from "./sandbox.ts";

/** How a simulated container goes through its life. Times are in milliseconds of the simulation's clock. */
export interface SimulatedBehaviour {
  /** How long `startContainer` takes. */
  readonly startDelayMs?: number;
  /** Starting fails with these words. */
  readonly startError?: string;
  /** It ends by itself after so long; without it, it runs until it is stopped. */
  readonly runForMs?: number;
  /** With what it ends by itself. */
  readonly exitCode?: number;
  /** Instead of `Completed` or `Error`, such as `OOMKilled`. */
  readonly exitReason?: string;
  /** How long it takes from the stop signal to its end; infinite for one that has to be killed. */
  readonly stopDelayMs?: number;
  /** With what it ends when it is asked to stop; 0 unless said. */
  readonly stopExitCode?: number;
  /** Lines that it writes, `afterMs` after its start. */
  readonly output?: readonly {
    readonly afterMs: number;
    readonly stream?: "stdout" | "stderr";
    readonly line: string;
  }[];
  /** What it uses, as long as it runs; asked each time. */
  readonly cpuMilli?: number | (() => number);
  readonly memoryBytes?: number | (() => number);
  /** Answers commands, such as exec probes; without it every command succeeds without output. */
  readonly exec?: (command: readonly string[]) => Omit<ExecResult, "stdout" | "stderr"> & {
    readonly stdout?: string;
    readonly stderr?: string;
    readonly takesMs?: number;
  };
}

/** Decides how a container behaves. */
export type ChooseBehaviour = (container: ContainerConfig, sandbox: SandboxConfig) => SimulatedBehaviour;

const prefix = "simulated.navarch/";

/**
 * Behaviour by annotations of the pod: `simulated.navarch/<what>` for all its containers, `simulated.navarch/<what>.<container>`
 * for one. What: start-delay-ms, start-error, run-for-ms, exit-code, exit-reason, stop-delay-ms (or `never`), stop-exit-code,
 * output (lines written at start), cpu-milli, memory-bytes, exec-exit-code. Throws Fault `invalid` for a number that is none.
 */
export const behaviourByAnnotations: ChooseBehaviour = (container, sandbox) => {
  const annotations = { ...sandbox.annotations, ...container.annotations };
  const text = (what: string) =>
    annotations[`${prefix}${what}.${container.metadata.name}`] ?? annotations[`${prefix}${what}`];
  const number = (what: string) => {
    const value = text(what);
    if (value === undefined) return undefined;
    const parsed = value === "never" ? Number.POSITIVE_INFINITY : Number(value);
    if (Number.isNaN(parsed)) throw new Fault("invalid", `The annotation ${prefix}${what} is not a number: ${value}`);
    return parsed;
  };
  const execExitCode = number("exec-exit-code");
  const output = text("output");
  return {
    startDelayMs: number("start-delay-ms"),
    startError: text("start-error"),
    runForMs: number("run-for-ms"),
    exitCode: number("exit-code"),
    exitReason: text("exit-reason"),
    stopDelayMs: number("stop-delay-ms"),
    stopExitCode: number("stop-exit-code"),
    output: output?.split("\n").map((line) => ({ afterMs: 0, line })),
    cpuMilli: number("cpu-milli"),
    memoryBytes: number("memory-bytes"),
    ...(execExitCode !== undefined && { exec: () => ({ exitCode: execExitCode }) }),
  };
};
