import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Container, ContainerConfig, ContainerStatus } from "./container.ts";
import { formatLogLine } from "./log-lines.ts";
import type { LinuxResources } from "./resources.ts";
import type { SimulatedBehaviour } from "./simulated-behaviour.ts";
import type { SimulatedLogSink } from "./simulated-logs.ts";
import type { ContainerStats } from "./usage.ts";

export interface SimulatedContainerOptions {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly imageRef: string;
  /** Absolute; empty when it writes none. */
  readonly logPath: string;
  readonly behaviour: SimulatedBehaviour;
  readonly clock: Clock;
  readonly logs: SimulatedLogSink;
  /** Called after each change of state. */
  readonly changed: () => void;
}

/** A container that is only its state: created, running, exited, moved along by the clock. */
export class SimulatedContainer {
  readonly #options: SimulatedContainerOptions;
  readonly #createdAt: number;
  #resources: LinuxResources;
  #state: "created" | "running" | "exited" = "created";
  #startedAt: number | undefined;
  #finishedAt: number | undefined;
  #exitCode = 0;
  #reason = "";
  #message = "";
  #starting: Promise<void> | undefined;
  #stopping = false;
  #timers: Disposable[] = [];
  #ended: (() => void)[] = [];

  constructor(options: SimulatedContainerOptions) {
    this.#options = options;
    this.#createdAt = options.clock.now();
    this.#resources = options.config.resources ?? {};
  }

  get id(): string {
    return this.#options.id;
  }

  get sandboxId(): string {
    return this.#options.sandboxId;
  }

  get config(): ContainerConfig {
    return this.#options.config;
  }

  get state(): "created" | "running" | "exited" {
    return this.#state;
  }

  get logPath(): string {
    return this.#options.logPath;
  }

  get behaviour(): SimulatedBehaviour {
    return this.#options.behaviour;
  }

  async start(): Promise<void> {
    if (this.#state !== "created" || this.#starting) throw new Fault("conflict", `Container ${this.id} is not created`);
    this.#starting = this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    const { clock, behaviour, logs, logPath } = this.#options;
    if (behaviour.startDelayMs) await clock.sleep(behaviour.startDelayMs);
    if (this.#state !== "created") throw new Fault("conflict", `Container ${this.id} was stopped before it started`);
    if (behaviour.startError !== undefined) {
      this.#end(128, "StartError", behaviour.startError);
      throw new Fault("internal", behaviour.startError);
    }
    this.#state = "running";
    this.#startedAt = clock.now();
    // One that says nothing has a log, too: an empty one.
    if (logPath !== "") logs.append(logPath, "");
    for (const { afterMs, line, stream = "stdout" } of behaviour.output ?? []) {
      if (afterMs <= 0) this.#write(stream, line);
      else this.#timers.push(clock.after(afterMs, () => this.#write(stream, line)));
    }
    if (behaviour.runForMs !== undefined && Number.isFinite(behaviour.runForMs)) {
      this.#timers.push(
        clock.after(behaviour.runForMs, () => this.exit(behaviour.exitCode ?? 0, behaviour.exitReason)),
      );
    }
    this.#options.changed();
  }

  /** Asks it to stop and resolves when it is exited, at the latest `graceSeconds` later, killed. */
  async stop(graceSeconds: number): Promise<void> {
    if (this.#state === "created") return this.#end(137, "Error", "");
    if (this.#state === "exited") return;
    const { clock, behaviour } = this.#options;
    const ended = new Promise<void>((resolve) => {
      this.#ended.push(resolve);
    });
    const grace = graceSeconds * 1_000;
    if (grace <= 0) {
      this.kill();
    } else {
      const takes = behaviour.stopDelayMs ?? 0;
      if (takes <= 0) {
        this.exit(behaviour.stopExitCode ?? 0);
      } else {
        if (!this.#stopping && takes < grace) {
          this.#timers.push(clock.after(takes, () => this.exit(behaviour.stopExitCode ?? 0)));
        }
        this.#stopping = true;
        this.#timers.push(clock.after(grace, () => this.kill()));
      }
    }
    await ended;
  }

  kill(): void {
    if (this.#state === "created") this.#end(137, "Error", "");
    else this.exit(137);
  }

  /** Ends a running container, by itself or by somebody who plays fate. */
  exit(exitCode: number, reason: string = exitCode === 0 ? "Completed" : "Error"): void {
    if (this.#state === "running") this.#end(exitCode, reason, "");
  }

  #end(exitCode: number, reason: string, message: string): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers = [];
    this.#state = "exited";
    this.#finishedAt = this.#options.clock.now();
    this.#exitCode = exitCode;
    this.#reason = reason;
    this.#message = message;
    for (const resolve of this.#ended.splice(0)) resolve();
    this.#options.changed();
  }

  #write(stream: "stdout" | "stderr", line: string): void {
    const { clock, logs, logPath } = this.#options;
    if (logPath !== "") logs.append(logPath, formatLogLine(clock.now(), stream, line));
  }

  updateResources(resources: LinuxResources): void {
    if (this.#state === "exited") throw new Fault("conflict", `Container ${this.id} is exited`);
    const given = Object.entries(resources).filter(([, value]) => value !== undefined);
    this.#resources = { ...this.#resources, ...Object.fromEntries(given) };
  }

  listed(): Container {
    const { id, sandboxId, config, imageRef } = this.#options;
    return {
      id,
      sandboxId,
      metadata: config.metadata,
      state: this.#state,
      createdAt: this.#createdAt,
      image: config.image,
      imageRef,
      labels: config.labels,
      annotations: config.annotations,
    };
  }

  status(): ContainerStatus {
    const { sandboxId: _, ...listed } = this.listed();
    const { config } = this.#options;
    const { runAsUser = 0, runAsGroup = 0, supplementalGroups = [] } = config.security ?? {};
    return {
      ...listed,
      startedAt: this.#startedAt,
      finishedAt: this.#finishedAt,
      exitCode: this.#exitCode,
      reason: this.#reason,
      message: this.#message,
      mounts: config.mounts ?? [],
      logPath: this.#options.logPath,
      resources: this.#resources,
      user: { uid: runAsUser, gid: runAsGroup, supplementalGroups },
      stopSignal: config.stopSignal,
    };
  }

  /** Undefined unless it runs. */
  stats(): ContainerStats | undefined {
    if (this.#state !== "running") return undefined;
    const { id, config, clock, behaviour } = this.#options;
    const timestamp = clock.now();
    const cpuMilli = presentValue(behaviour.cpuMilli);
    const memory = presentValue(behaviour.memoryBytes);
    // One thousandth of a CPU is a microsecond of work per millisecond.
    const used = Math.round((timestamp - this.#startedAt!) * cpuMilli * 1_000);
    return {
      id,
      metadata: config.metadata,
      labels: config.labels,
      annotations: config.annotations,
      cpu: { timestamp, usageCoreNanoSeconds: used, usageNanoCores: cpuMilli * 1e6 },
      memory: {
        timestamp,
        usageBytes: memory,
        workingSetBytes: memory,
        rssBytes: memory,
        pageFaults: 0,
        majorPageFaults: 0,
      },
      writableLayer: { timestamp, mountpoint: "/", usedBytes: 0, inodesUsed: 0 },
    };
  }
}

function presentValue(value: number | (() => number) | undefined): number {
  return typeof value === "function" ? value() : (value ?? 0);
}
