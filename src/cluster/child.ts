import { type ChildProcess, fork } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";

/** What a role's process tells the one that started it. */
export type ChildMessage =
  | { readonly type: "ready"; readonly detail?: string }
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

/** What it is asked to do. `clean` takes away all that outlives a process: containers, interfaces, tables. */
export interface StopMessage {
  readonly type: "stop";
  readonly clean: boolean;
}

/**
 * The environment of a role's process. The C library keeps one heap for all threads and gives back what is freed soon: by
 * default it keeps a heap per thread, 40 MB of holes in a control plane. Pieces of long answers come from that heap too,
 * since fresh memory from the kernel for each is a fifth of a long list's cost. What the environment says already counts more.
 */
export function roleEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "1048576", MALLOC_MMAP_THRESHOLD_: "4194304", ...own };
}

export interface ChildOptions {
  /** The program and its arguments, as `main.ts server --config FILE`. */
  readonly module: string;
  readonly args: readonly string[];
  /** Flags of Node itself, beside those of this process. */
  readonly flags?: readonly string[];
  readonly logFile: string;
  /** The file of the network namespace to run in; this process's own if absent. */
  readonly namespace?: string;
  readonly clock: Clock;
  readonly onNote?: (text: string) => void;
  /** Called when the process ended without being asked to, and was started again. */
  readonly onRestart?: (why: string) => void;
}

/** Keeps one role's process running: starts it again, with growing pauses, when it dies. */
export class Child implements AsyncDisposable {
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #stopping = false;
  #restarts = 0;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when the process says that it is ready; throws its own fault, or `unavailable` with the log's end. */
  async start(): Promise<void> {
    const child = this.#spawn();
    await this.#ready(child);
    this.#watch(child);
  }

  /** Asks the process to end and waits for it; ends it by force after `patience` milliseconds. */
  async stop(clean: boolean, patience = 60_000): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const message: StopMessage = { type: "stop", clean };
    if (child.connected) child.send(message, () => {});
    else child.kill("SIGTERM");
    using _timer = this.#options.clock.after(patience, () => child.kill("SIGKILL"));
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(false);
  }

  #spawn(): ChildProcess {
    const { module, args, flags = [], logFile, namespace } = this.#options;
    const execArgv = [...process.execArgv, ...flags];
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
    const log = openSync(logFile, "a", 0o600);
    try {
      // Its own process group: Ctrl-C on the terminal is for the parent, which then ends things in order.
      const child = fork(module, [...args], {
        detached: true,
        env: roleEnvironment(process.env),
        stdio: ["ignore", log, log, "ipc"],
        // Entering only the network keeps the machine's /sys, where the control groups are mounted.
        ...(namespace
          ? { execPath: "nsenter", execArgv: [`--net=${namespace}`, process.execPath, ...execArgv] }
          : { execArgv }),
      });
      this.#process = child;
      return child;
    } finally {
      closeSync(log);
    }
  }

  #ready(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      child.on("message", (message: ChildMessage) => {
        if (message.type === "ready") resolve();
        if (message.type === "note") this.#options.onNote?.(message.text);
        if (message.type === "failed") reject(new Fault(message.code as Fault["code"], message.message));
      });
      child.once("error", reject);
      child.once("exit", (code, signal) =>
        reject(
          new Fault("unavailable", `it ended with ${signal ?? `code ${code}`} before it was ready\n${this.#logEnd()}`),
        ),
      );
    });
  }

  #watch(child: ChildProcess): void {
    child.once("exit", (code, signal) => {
      if (this.#stopping) return;
      this.#options.onRestart?.(`it ended with ${signal ?? `code ${code}`}`);
      const wait = Math.min(30_000, 200 * 2 ** this.#restarts++);
      this.#options.clock.after(wait, () => void this.#again());
    });
  }

  async #again(): Promise<void> {
    if (this.#stopping) return;
    const child = this.#spawn();
    this.#watch(child);
    await this.#ready(child).then(
      () => {
        this.#restarts = 0;
      },
      () => {},
    );
  }

  #logEnd(): string {
    // The folder may have been taken away under the process, which is then why it ended.
    if (!existsSync(this.#options.logFile)) return `${this.#options.logFile} is gone`;
    const lines = readFileSync(this.#options.logFile, "utf8").trimEnd().split("\n");
    return lines.slice(-10).join("\n");
  }
}
