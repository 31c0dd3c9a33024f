import { spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, Hopeless } from "./eventually.ts";
import { kubectlPath } from "./kubectl.ts";
import { isRunning, type Outcome, type RunningProgram, type RunOptions, run, start } from "./processes.ts";

const program = join(import.meta.dirname, "../../../bin/navarch.js");

/** What a process of a cluster is called; further nodes have their numbers. */
export type Part = "up" | "server" | "agent" | `agent-${number}`;

/** Where a test cluster lives; plain data, so that it can be handed from one test process to the next. */
export interface ClusterPlace {
  readonly name: string;
  /** Its data, its kubeconfig and its logs are in here. */
  readonly folder: string;
  /** The Navarch to try; the checkout's own unless said otherwise. */
  readonly program?: string;
}

/** A folder of its own for a cluster that is to be made. */
export function newPlace(name: string): ClusterPlace {
  return { name, folder: mkdtempSync(join(tmpdir(), `navarch-${name}-`)) };
}

/** One cluster, run the way a person runs it: by the `navarch` command, as a process of its own. */
export class TestCluster {
  readonly place: ClusterPlace;
  /** The environment in which this cluster's commands run. */
  readonly env: NodeJS.ProcessEnv;

  constructor(place: ClusterPlace) {
    this.place = place;
    const { KUBECONFIG, NODE_OPTIONS, VITEST, NODE_ENV, ...inherited } = process.env;
    this.env = {
      ...inherited,
      NAVARCH_DATA: join(place.folder, "data"),
      KUBECONFIG: join(place.folder, "kubeconfig"),
      HOME: place.folder,
      LC_ALL: "C",
    };
  }

  get dataDir(): string {
    return join(this.place.folder, "data", this.place.name);
  }

  /** Runs a `navarch` command to its end. */
  navarch(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(process.execPath, [this.#program, ...args], { env: this.env, ...options });
  }

  /** Starts `navarch up` and waits until it says that it is ready; what it said is returned. */
  async up(...args: readonly string[]): Promise<string> {
    const pid = this.begin(...args);
    return await eventually(
      "navarch up is ready",
      () => {
        const said = this.said();
        if (said.includes("Ready in")) return said;
        if (!isRunning(pid)) throw new Hopeless(`navarch up has ended:\n${said}`);
        throw new Error(said);
      },
      { within: 300_000, every: 100 },
    );
  }

  /** Starts `navarch up` and does not wait. Returns its process; it outlives the test process. */
  begin(...args: readonly string[]): number {
    mkdirSync(this.place.folder, { recursive: true });
    const log = openSync(this.#log, "w");
    const child = spawn(process.execPath, [this.#program, "up", "--yes", "--name", this.place.name, ...args], {
      env: this.env,
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    child.unref();
    if (child.pid === undefined) throw new Error("navarch up did not start");
    return child.pid;
  }

  /** What the latest `up` has said so far. */
  said(): string {
    return textOf(this.#log);
  }

  /** The process that has a part of the cluster; throws if none has. */
  pid(part: Part): number {
    const pid = Number(textOf(`/run/navarch/${this.place.name}/${part}.pid`).split(" ")[0]);
    if (!pid || !isRunning(pid)) throw new Error(`no process has the part "${part}" of cluster ${this.place.name}`);
    return pid;
  }

  /** What Ctrl-C does: asks `up` to end, and waits until it has. */
  async interrupt(): Promise<void> {
    const pid = this.pid("up");
    process.kill(pid, "SIGINT");
    await ended(pid);
  }

  /** Kills processes without a word, and waits until they are gone. */
  async killNow(...parts: readonly Part[]): Promise<void> {
    const pids = parts.map((part) => this.pid(part));
    for (const pid of pids) process.kill(pid, "SIGKILL");
    for (const pid of pids) await ended(pid);
  }

  /** Runs an unmodified kubectl to its end, whatever that is. */
  tryKubectl(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(kubectlPath(), args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** Starts kubectl beside the test. */
  startKubectl(...args: readonly string[]): RunningProgram {
    return start(kubectlPath(), args, { env: this.env });
  }

  /** Starts kubectl on a terminal of its own, as `exec -it` wants one. */
  startOnTerminal(...args: readonly string[]): RunningProgram {
    const quoted = [kubectlPath(), ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    return start("script", ["--quiet", "--return", "--command", quoted, "/dev/null"], {
      env: { ...this.env, TERM: "xterm" },
    });
  }

  /** Runs an unmodified kubectl to its end; throws with its words unless that is a good one. */
  readonly kubectl = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await this.tryKubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: code ${code}\n${stdout}${stderr}`);
    return stdout;
  };

  /** Hands an object to `kubectl apply -f -`. */
  async apply(namespace: string, ...objects: readonly object[]): Promise<string> {
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    const { code, stdout, stderr } = await this.tryKubectl(["apply", "-n", namespace, "-f", "-"], { input });
    if (code !== 0) throw new Error(`kubectl apply: code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** An object, or with a plural alone a list, as it is now. */
  async get<T = KubeJson>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl("get", ...args, "-o", "json")) as T;
  }

  /** What helps to understand a failure: objects, events, and the end of each log. */
  async diagnosis(): Promise<string> {
    const asked = await Promise.all(
      [
        ["get", "pods,rs,deploy,svc,endpointslices", "-A", "-o", "wide"],
        ["get", "events", "-A", "--sort-by=.metadata.creationTimestamp"],
      ].map(async (args) => {
        try {
          const { stdout, stderr } = await this.tryKubectl(["--request-timeout=5s", ...args], { patience: 20_000 });
          return `${stdout}${stderr}`.split("\n").slice(-60).join("\n");
        } catch (error) {
          return String(error);
        }
      }),
    );
    const logs = ["server", "agent"].map((part) => tail(join(this.dataDir, "logs", `${part}.log`), 25));
    return ["--- objects", ...asked, "--- up", tail(this.#log, 25), "--- server, agent", ...logs].join("\n");
  }

  /** Ends the cluster if it runs, and takes its folder away. */
  async remove(): Promise<void> {
    await this.navarch(["down", "--wipe", "--name", this.place.name]);
    rmSync(this.place.folder, { recursive: true, force: true });
  }

  get #program(): string {
    return this.place.program ?? program;
  }

  get #log(): string {
    return join(this.place.folder, "up.log");
  }
}

/** As much of an object as the specs look at. */
export interface KubeJson {
  readonly items: readonly KubeJson[];
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion: string;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a spec reads the fields of many kinds, each once.
  readonly spec: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly status: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly [field: string]: any;
}

async function ended(pid: number): Promise<void> {
  await eventually(`process ${pid} ends`, () => !isRunning(pid), { within: 120_000, every: 50 });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function tail(file: string, count: number): string {
  return textOf(file).trimEnd().split("\n").slice(-count).join("\n");
}
