import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { backoffDelay } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { type Log, silentLog } from "../../lib/log.ts";
import { type ContainerdSettings, containerdConfig, hasSysResource } from "./containerd-config.ts";
import { openCriRuntime } from "./cri.ts";
import { unmountBelow } from "./mounts.ts";
import {
  awaitLastWork,
  type ContainerdPlaces,
  deleteContainer,
  endOrphanLeases,
  findBegun,
  findShims,
  type OciRuntime,
  removeOrphanNetworks,
  removeOrphans,
} from "./orphans.ts";
import {
  endProcess,
  findProcesses,
  identifyProcess,
  type ProcessIdentity,
  startedAt,
  stillRuns,
} from "./process-table.ts";
import type { ContainerRuntime } from "./runtime.ts";

export interface PrivateContainerdOptions {
  /** Everything is kept in here: `root`, `state`, the socket, the configuration, the log. At most some 80 characters. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log?: Log;
  readonly sandboxImage: string;
  readonly cniConfDir: string;
  /** Where the CNI plugins are; Debian's place when absent. */
  readonly cniBinDir?: string;
  readonly registryConfigPath?: string;
  /** The network namespace to run in, such as `/run/netns/node-2`: a node beside others on one machine. */
  readonly networkNamespace?: string;
  readonly systemdCgroup?: boolean;
  readonly snapshotter?: string;
  readonly ociRuntime?: string;
  readonly handlers?: ContainerdSettings["handlers"];
  readonly logLevel?: ContainerdSettings["logLevel"];
  /** Added to the environment of containerd and of all that it starts, such as proxies for pulling. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long to wait for the first answer. */
  readonly startTimeoutMs?: number;
}

/** Of the looks at containerd, a second apart, one in so many also looks after what the one before has left. */
const orphansEvery = 10;

/**
 * A containerd of a node's own. It runs in a session of its own, so it and its containers outlive the agent; the next
 * agent's `start` takes over the running one. At most one object per directory may be in use at a time.
 */
export class PrivateContainerd implements AsyncDisposable {
  readonly #options: PrivateContainerdOptions;
  readonly #log: Log;
  readonly #paths: Paths;
  #running: ProcessIdentity | undefined;
  #supervising: AbortController | undefined;
  #supervisor: Promise<void> = Promise.resolve();
  /** Sandboxes and containers that an earlier containerd has begun to run. */
  #inherited: readonly string[] = [];

  constructor(options: PrivateContainerdOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#paths = pathsIn(options.directory);
    // The kernel's limit for a socket's name is 107 bytes, and containerd makes a second socket with a longer one.
    if (Buffer.byteLength(`${this.#paths.socket}.ttrpc`) > 107) {
      throw new Fault("invalid", `The path ${options.directory} is too long for containerd's sockets`);
    }
  }

  /** The socket, for CRI clients and `ctr --address`. */
  get endpoint(): string {
    return this.#paths.socket;
  }

  /** The number of the running containerd process, undefined when none was started or adopted. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /**
   * Starts containerd, or takes over the one that runs already (restarting it if its configuration is another; containers go on),
   * and resolves once it answers. From then on it is started again whenever it ends. Throws Fault `missing` without the program and `unavailable`
   * with the end of its log if it does not come up.
   */
  async start(): Promise<void> {
    await this.#bringUp();
    this.#supervising = new AbortController();
    this.#supervisor = this.#supervise(this.#supervising.signal);
  }

  /** Stops looking after containerd, which goes on running with its containers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#supervising?.abort();
    await this.#supervisor;
  }

  /**
   * Removes every sandbox and container, ends containerd, and gives everything back: shims, namespaces, mounts, control groups.
   * Images stay for the next start unless `purge` is set.
   */
  async stop(options: { readonly purge?: boolean } = {}): Promise<void> {
    await this[Symbol.asyncDispose]();
    try {
      // Only a running containerd can give back its pods' networks, so one that died is brought up once more.
      if ((await this.#find()) || (await findShims(this.#paths.socket)).length > 0) {
        await this.#bringUp();
        await this.#removeSandboxes();
      }
    } catch (error) {
      this.#log.warn("Sandboxes could not be removed in order, they are removed by force", { error });
    }
    const running = await this.#find();
    if (running) await endProcess(running, 10_000, this.#options.clock);
    this.#running = undefined;
    await this.#removeLeftovers();
    await unmountBelow(this.#options.directory);
    const gone = options.purge
      ? [this.#options.directory]
      : [this.#paths.state, this.#paths.pidFile, this.#paths.socket];
    await Promise.all(gone.map((path) => rm(path, { recursive: true, force: true })));
  }

  async #bringUp(): Promise<void> {
    const { state, root, config } = this.#paths;
    await Promise.all(
      [root, state, this.#options.cniConfDir].map((path) => mkdir(path, { recursive: true, mode: 0o711 })),
    );
    const wanted = await this.#config();
    const written = await readFile(config, "utf8").catch(() => undefined);
    let running = await this.#find();
    if (running && written !== wanted) {
      this.#log.info("containerd's configuration changed, it is restarted; containers go on");
      await endProcess(running, 10_000, this.#options.clock);
      running = undefined;
    }
    if (!running || !(await this.#adopted(running))) {
      await awaitLastWork(this.#places, this.#options.clock);
      this.#inherited = await findBegun(this.#places);
      await writeAtOnce(config, wanted);
      running = await this.#launch();
      await this.#answering(running);
    } else {
      this.#inherited = await findBegun(this.#places, {
        process: running,
        since: await startedAt(running, this.#options.clock),
      });
    }
    this.#running = running;
    await this.#takeStock(running).catch((error) => this.#log.warn(`orphans are left: ${errorMessage(error)}`));
  }

  /** Gives back what a containerd that was killed had begun and this one does not know. */
  async #takeStock(running: ProcessIdentity): Promise<void> {
    const since = await startedAt(running, this.#options.clock);
    await removeOrphanNetworks(await this.#known(), since, this.#places, this.#log);
    await this.#endOrphans();
    await endOrphanLeases(this.#places, since, this.#options.clock);
  }

  /** A sandbox that was found half made is forgotten as soon as its pod has another one; then its shim is nobody's. */
  async #endOrphans(): Promise<void> {
    const known = () => this.#known();
    this.#inherited = await removeOrphans(this.#inherited, known, this.#places, this.#options.clock, this.#log);
  }

  async #known(): Promise<ReadonlySet<string>> {
    await using runtime = this.#open();
    const all = await Promise.all([runtime.listSandboxes(), runtime.listContainers()]);
    return new Set(all.flat().map(({ id }) => id));
  }

  get #places(): ContainerdPlaces {
    const { cniConfDir, networkNamespace } = this.#options;
    const { root, state, socket } = this.#paths;
    return {
      runtimes: this.#runtimes,
      root,
      state,
      socket,
      cniConfDir,
      cniBinDir: this.#cniBinDir,
      ...(networkNamespace ? { networkNamespace } : {}),
    };
  }

  get #cniBinDir(): string {
    return this.#options.cniBinDir ?? "/usr/lib/cni";
  }

  /** Whether the containerd that was found answers; one that was found while it was dying does not. */
  async #adopted(running: ProcessIdentity): Promise<boolean> {
    try {
      await this.#answering(running);
      return true;
    } catch (error) {
      if (await stillRuns(running)) throw error;
      return false;
    }
  }

  async #config(): Promise<string> {
    const options = this.#options;
    const status = await readFile("/proc/self/status", "utf8");
    return containerdConfig({
      root: this.#paths.root,
      state: this.#paths.state,
      socket: this.#paths.socket,
      sandboxImage: options.sandboxImage,
      cniBinDir: this.#cniBinDir,
      cniConfDir: options.cniConfDir,
      registryConfigPath: options.registryConfigPath,
      restrictOomScoreAdj: !hasSysResource(status),
      systemdCgroup: options.systemdCgroup ?? false,
      snapshotter: options.snapshotter ?? "overlayfs",
      ociRuntime: options.ociRuntime,
      handlers: options.handlers,
      logLevel: options.logLevel ?? "warn",
    });
  }

  /** The containerd of this directory that runs now: by the file of the last start or, if that was cut short, by looking. */
  async #find(): Promise<ProcessIdentity | undefined> {
    const text = await readFile(this.#paths.pidFile, "utf8").catch(() => undefined);
    const noted = text === undefined ? undefined : parseIdentity(text);
    if (noted && (await stillRuns(noted))) return noted;
    const [found] = await findProcesses((args) => {
      const program = args[0]?.slice(args[0].lastIndexOf("/") + 1);
      return program === "containerd" && args[1] === "--config" && args[2] === this.#paths.config;
    });
    return found;
  }

  async #launch(): Promise<ProcessIdentity> {
    const { networkNamespace, environment } = this.#options;
    const { config, logFile, pidFile, socket } = this.#paths;
    await rm(socket, { force: true });
    await keepOldLog(logFile);
    const output = await open(logFile, "a", 0o640);
    try {
      const containerd = ["containerd", "--config", config];
      // Entering only the network keeps the machine's /sys, where the control groups are mounted.
      const command = networkNamespace ? ["nsenter", `--net=${networkNamespace}`, ...containerd] : containerd;
      const child = spawn(command[0]!, command.slice(1), {
        detached: true,
        stdio: ["ignore", output.fd, output.fd],
        env: { PATH: process.env.PATH, ...environment },
        cwd: "/",
      });
      const failed = new Promise<never>((_, reject) => {
        child.once("error", (cause) => {
          reject(new Fault("missing", `${command[0]} cannot be started: ${cause.message}`, { cause }));
        });
      });
      const spawned = new Promise<void>((resolve) => {
        child.once("spawn", resolve);
      });
      await Promise.race([spawned, failed]);
      child.unref();
      const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
      if (!identity) throw new Fault("unavailable", `containerd ended at once: ${await lastLines(logFile)}`);
      await writeAtOnce(pidFile, `${JSON.stringify(identity)}\n`);
      return identity;
    } finally {
      await output.close();
    }
  }

  async #answering(process: ProcessIdentity): Promise<void> {
    const { clock, startTimeoutMs = 20_000 } = this.#options;
    const deadline = clock.monotonic() + startTimeoutMs;
    for (;;) {
      // A new connection for each try: gRPC waits longer and longer after failures.
      await using runtime = this.#open();
      try {
        const { conditions } = await runtime.status();
        if (conditions.some(({ type, status }) => type === "RuntimeReady" && status)) return;
      } catch (error) {
        if (clock.monotonic() > deadline) {
          throw new Fault("unavailable", `containerd does not answer: ${errorMessage(error)}`, { cause: error });
        }
      }
      if (!(await stillRuns(process))) {
        throw new Fault("unavailable", `containerd ended: ${await lastLines(this.#paths.logFile)}`);
      }
      await clock.sleep(15);
    }
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let failures = 0;
    let looks = 0;
    while (!signal.aborted) {
      try {
        await clock.sleep(
          failures === 0 ? 1_000 : backoffDelay({ base: 500, factor: 2, max: 30_000 }, failures),
          signal,
        );
        if (this.#running && (await stillRuns(this.#running))) {
          failures = 0;
          if (this.#inherited.length > 0 && ++looks % orphansEvery === 0) await this.#endOrphans();
          continue;
        }
        this.#log.warn("containerd has ended and is started again", { log: await lastLines(this.#paths.logFile) });
        await this.#bringUp();
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        this.#log.error("containerd cannot be started again", { error, failures });
      }
    }
  }

  #open(): ContainerRuntime {
    return openCriRuntime({ endpoint: this.#paths.socket, clock: this.#options.clock, requestTimeoutMs: 30_000 });
  }

  async #removeSandboxes(): Promise<void> {
    await using runtime = this.#open();
    const waiting = [...(await runtime.listSandboxes())];
    const worker = async () => {
      for (let sandbox = waiting.pop(); sandbox; sandbox = waiting.pop()) await runtime.removeSandbox(sandbox.id);
    };
    await Promise.all(Array.from({ length: 4 }, worker));
  }

  async #removeLeftovers(): Promise<void> {
    for (const runtime of this.#runtimes) {
      const ids = existsSync(runtime.root) ? await readdir(runtime.root) : [];
      for (const id of ids) await deleteContainer(runtime, id, this.#log);
    }
    for (const shim of await findShims(this.#paths.socket)) await endProcess(shim, 0, this.#options.clock);
  }

  get #runtimes(): readonly OciRuntime[] {
    const { handlers = {}, ociRuntime = "runc" } = this.#options;
    return Object.entries({ runc: { program: ociRuntime }, ...handlers }).map(([name, { program }]) => ({
      program,
      root: `${this.#paths.state}/oci-${name}/k8s.io`,
    }));
  }
}

interface Paths {
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly config: string;
  readonly pidFile: string;
  readonly logFile: string;
}

function pathsIn(directory: string): Paths {
  return {
    root: `${directory}/root`,
    state: `${directory}/state`,
    socket: `${directory}/containerd.sock`,
    config: `${directory}/config.toml`,
    pidFile: `${directory}/containerd.pid`,
    logFile: `${directory}/containerd.log`,
  };
}

function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const { pid, startTicks, bootId } = JSON.parse(text) as Partial<ProcessIdentity>;
    return pid && startTicks && bootId ? { pid, startTicks, bootId } : undefined;
  } catch {
    // A machine that lost power may leave half a file; looking for the process is the other way.
    return undefined;
  }
}

async function writeAtOnce(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** Nobody rotates this log while containerd holds it open, so each start looks whether it has grown large. */
async function keepOldLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  if (size > 10_000_000) await rename(path, `${path}.1`);
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-5).join(" | ");
}
