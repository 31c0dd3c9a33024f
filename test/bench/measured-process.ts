import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { Fault } from "../../src/lib/fault.ts";

/** `getconf CLK_TCK` on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Garbage is collected when it is asked to be, so that memory shows what is really held. */
const collector = "data:text/javascript,process.on('SIGUSR2',()=>{gc();gc()})";

export interface StartOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Beyond those of this process: `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
  /** Default: that of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Whether a message says that it is ready. */
  readonly ready: (message: unknown) => boolean;
  readonly patience?: number;
}

/** A child process whose processor time and memory can be read. */
export class MeasuredProcess<Ready = unknown> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly ready: Ready;
  /** From before the process was made until it said that it is ready, in milliseconds. */
  readonly readyAfter: number;

  private constructor(child: ChildProcess, ready: Ready, readyAfter: number) {
    this.#child = child;
    this.ready = ready;
    this.readyAfter = readyAfter;
  }

  static async start<Ready>(options: StartOptions): Promise<MeasuredProcess<Ready>> {
    const { program, args, nodeOptions = [], environment = process.env, ready, patience = 60_000 } = options;
    const began = performance.now();
    const execArgv = ["--expose-gc", "--import", collector, ...nodeOptions];
    const child = fork(program, [...args], { execArgv, env: environment, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    let said = "";
    const listen = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    return await new Promise((resolve, reject) => {
      const fail = (why: string) => {
        child.kill("SIGKILL");
        reject(new Fault("unavailable", `${program} ${why}\n${said}`));
      };
      const timer = setTimeout(() => fail("was not ready in time"), patience);
      child.on("message", (message) => {
        if (!ready(message)) return;
        clearTimeout(timer);
        child.removeAllListeners("exit");
        resolve(new MeasuredProcess(child, message as Ready, performance.now() - began));
      });
      child.once("exit", (code) => {
        clearTimeout(timer);
        fail(`ended with ${code}`);
      });
    });
  }

  /** Processor time of all its threads so far, in seconds. */
  processorSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    return this.#memory("VmRSS");
  }

  /** Resident memory without the pages of files, as of an embedded store's, which the machine takes back when it likes. */
  privateBytes(): number {
    return this.#memory("RssAnon");
  }

  #memory(line: string): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(new RegExp(`^${line}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  }

  /** Resident memory once garbage is gone: V8 gives freed pages back some seconds after it freed them. */
  async collectedBytes(): Promise<number> {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 4; round += 1) {
      this.#child.kill("SIGUSR2");
      await new Promise((resolve) => setTimeout(resolve, 3000));
      least = Math.min(least, this.residentBytes());
    }
    return least;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(timer);
  }
}
