import type { PodQOSClass } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { type CgroupFiles, type CgroupHierarchy, kernelCgroupFiles } from "./cgroup-hierarchy.ts";
import { cpuWeightOf } from "./cgroup-math.ts";
import { type CgroupUsage, readCgroupUsage } from "./cgroup-usage.ts";

/** What a control group may use. Absent: left as it is. */
export interface CgroupLimits {
  /** In cgroup v1's terms; converted for v2. */
  readonly cpuShares?: number;
  /** Microseconds per period; -1 is no limit. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  /** Bytes; -1 is no limit. */
  readonly memory?: number;
  /** -1 is no limit. */
  readonly pids?: number;
  /** Bytes per page size such as `2MB`. */
  readonly hugePages?: Readonly<Record<string, number>>;
  /** Files of cgroup v2 by name, such as `memory.min`; ignored on v1. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface PodCgroup {
  readonly uid: string;
  readonly qos: PodQOSClass;
  /** What a sandbox's `cgroupParent` is set to. */
  readonly path: string;
}

export interface CgroupsOptions {
  readonly hierarchy: CgroupHierarchy;
  readonly clock: Clock;
  /** The top group's name. Kubernetes' is `kubepods`; clusters that share a machine need one each. */
  readonly name?: string;
  readonly files?: CgroupFiles;
  /** Ends a process that keeps a group from going away. */
  readonly kill?: (pid: number) => void;
  /** Is told what was done and how many ms it took. */
  readonly onDone?: (operation: "create" | "update" | "destroy", ms: number) => void;
}

/**
 * The control groups of a node's pods: one group on top, `burstable` and `besteffort` in it, a group per pod in those
 * (Guaranteed pods directly below the top). All paths begin with a slash and are relative to the mounted trees' roots.
 */
export class Cgroups {
  /** The top group, such as `/kubepods`. */
  readonly root: string;
  readonly #hierarchy: CgroupHierarchy;
  readonly #files: CgroupFiles;
  readonly #clock: Clock;
  readonly #kill: (pid: number) => void;
  readonly #onDone: NonNullable<CgroupsOptions["onDone"]>;

  constructor(options: CgroupsOptions) {
    const name = options.name ?? "kubepods";
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name))
      throw new Fault("invalid", `"${name}" is no name for a control group`);
    this.root = `/${name}`;
    this.#hierarchy = options.hierarchy;
    this.#files = options.files ?? kernelCgroupFiles;
    this.#clock = options.clock;
    this.#kill = options.kill ?? killProcess;
    this.#onDone = options.onDone ?? (() => {});
  }

  get version(): 1 | 2 {
    return this.#hierarchy.version;
  }

  /** The group of a QoS class. */
  qosPath(qos: PodQOSClass): string {
    return qos === "Guaranteed" ? this.root : `${this.root}/${qos.toLowerCase()}`;
  }

  /** The group of a pod. */
  podPath(qos: PodQOSClass, uid: string): string {
    return `${this.qosPath(qos)}/pod${uid}`;
  }

  /** Makes the top group (with the node's allocatable as its limits) and the two classes'. Doing it again is fine. */
  async ensureRoot(limits: CgroupLimits = {}): Promise<void> {
    await this.#make(this.root);
    await this.#limit(this.root, limits);
    for (const qos of ["Burstable", "BestEffort"] as const) {
      await this.#make(this.qosPath(qos));
      await this.#limit(this.qosPath(qos), { cpuShares: 2 });
    }
  }

  /** Sets a class's limits; upstream gives burstable the sum of its pods' CPU shares. */
  async updateQos(qos: "Burstable" | "BestEffort", limits: CgroupLimits): Promise<void> {
    await this.#limit(this.qosPath(qos), limits);
  }

  /** Makes a pod's group, or changes its limits, and resolves with its path. Needs `ensureRoot` before. */
  async ensurePod(qos: PodQOSClass, uid: string, limits: CgroupLimits = {}): Promise<string> {
    const path = this.podPath(qos, uid);
    const began = this.#clock.monotonic();
    const made = await this.#make(path);
    await this.#limit(path, limits);
    this.#onDone(made ? "create" : "update", this.#clock.monotonic() - began);
    return path;
  }

  /** The pods that have a group, alive or left over. */
  async listPods(): Promise<readonly PodCgroup[]> {
    const tree = this.#hierarchy.controllers.memory!;
    const classes = (["Guaranteed", "Burstable", "BestEffort"] as const).map(async (qos) => {
      const names = await this.#files.directories(`${tree}${this.qosPath(qos)}`);
      return names
        .filter((name) => name.startsWith("pod"))
        .map((name) => ({ uid: name.slice(3), qos, path: `${this.qosPath(qos)}/${name}` }));
    });
    return (await Promise.all(classes)).flat();
  }

  /** Every process in a group and the groups below it. */
  async processes(path: string): Promise<readonly number[]> {
    const found = await Promise.all(this.#hierarchy.mounts.map((mount) => this.#processesBelow(`${mount}${path}`)));
    return [...new Set(found.flat())];
  }

  /** Kills what still runs in a group and removes it with everything below. Throws Fault `timeout` if it stays in use. */
  async remove(path: string): Promise<void> {
    if (!path.startsWith(`${this.root}/`) && path !== this.root) {
      throw new Fault("invalid", `${path} is not a group of this node's pods`);
    }
    const began = this.#clock.monotonic();
    for (let wait = 1; ; wait *= 2) {
      const done = await Promise.all(this.#hierarchy.mounts.map((mount) => this.#removeTree(`${mount}${path}`)));
      if (done.every(Boolean)) return this.#onDone("destroy", this.#clock.monotonic() - began);
      if (wait > 2_000) throw new Fault("timeout", `The control group ${path} stays in use`);
      for (const pid of await this.processes(path)) this.#kill(pid);
      await this.#clock.sleep(wait);
    }
  }

  /** Removes everything, pods that still run included. */
  async removeAll(): Promise<void> {
    await this.remove(this.root);
  }

  /** What a group has used so far; undefined when it is not there. */
  usage(path: string): Promise<CgroupUsage | undefined> {
    return readCgroupUsage(this.#hierarchy, this.#files, path, this.#clock.now());
  }

  /** Says whether the group is new. */
  async #make(path: string): Promise<boolean> {
    const made = await Promise.all(this.#hierarchy.mounts.map((mount) => this.#files.mkdir(`${mount}${path}`)));
    if (!made.some(Boolean)) return false;
    if (this.#hierarchy.version === 2) await this.#delegate(path);
    else await this.#inheritCpuset(path);
    return true;
  }

  /** On v2 a group's children have only the controllers that it hands down, and it has only what its parent handed it. */
  async #delegate(path: string): Promise<void> {
    const tree = this.#hierarchy.mounts[0]!;
    const parent = path.slice(0, path.lastIndexOf("/"));
    for (const directory of [`${tree}${parent}`, `${tree}${path}`]) {
      const has = (await this.#files.read(`${directory}/cgroup.controllers`))?.trim().split(" ") ?? [];
      const down = (await this.#files.read(`${directory}/cgroup.subtree_control`))?.trim().split(" ") ?? [];
      for (const controller of ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"]) {
        if (!has.includes(controller) || down.includes(controller)) continue;
        await this.#files.write(`${directory}/cgroup.subtree_control`, `+${controller}`);
      }
    }
  }

  /** On v1 a new cpuset is empty and takes no process until it names CPUs and memory nodes. */
  async #inheritCpuset(path: string): Promise<void> {
    const tree = this.#hierarchy.controllers.cpuset;
    if (!tree) return;
    const parent = path.slice(0, path.lastIndexOf("/"));
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if ((await this.#files.read(`${tree}${path}/${file}`))?.trim()) continue;
      const inherited = (await this.#files.read(`${tree}${parent}/${file}`))?.trim();
      if (inherited) await this.#files.write(`${tree}${path}/${file}`, inherited);
    }
  }

  async #limit(path: string, limits: CgroupLimits): Promise<void> {
    const { controllers } = this.#hierarchy;
    const settings = this.#hierarchy.version === 2 ? v2Settings(limits) : v1Settings(limits);
    for (const { controller, file, value } of settings) {
      const tree = controllers[controller];
      if (!tree) continue;
      try {
        await this.#files.write(`${tree}${path}/${file}`, value);
      } catch (error) {
        throw new Fault("unsupported", `${file} of the control group ${path} does not take ${value}`, { cause: error });
      }
    }
  }

  async #removeTree(directory: string): Promise<boolean> {
    const children = await this.#files.directories(directory);
    const removed = await Promise.all(children.map((name) => this.#removeTree(`${directory}/${name}`)));
    return removed.every(Boolean) && (await this.#files.rmdir(directory));
  }

  async #processesBelow(directory: string): Promise<readonly number[]> {
    const children = await this.#files.directories(directory);
    const below = await Promise.all(children.map((name) => this.#processesBelow(`${directory}/${name}`)));
    const own = ((await this.#files.read(`${directory}/cgroup.procs`)) ?? "").split("\n").filter(Boolean).map(Number);
    return [...own, ...below.flat()];
  }
}

interface Setting {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

function v1Settings(limits: CgroupLimits): readonly Setting[] {
  const { cpuShares, cpuPeriod, cpuQuota, memory, pids, hugePages = {} } = limits;
  const settings: readonly (Setting | undefined)[] = [
    setting("cpu", "cpu.shares", cpuShares),
    setting("cpu", "cpu.cfs_period_us", cpuPeriod),
    setting("cpu", "cpu.cfs_quota_us", cpuQuota),
    setting("memory", "memory.limit_in_bytes", memory),
    setting("pids", "pids.max", pids === -1 ? "max" : pids),
    ...Object.entries(hugePages).map(([size, bytes]) => setting("hugetlb", `hugetlb.${size}.limit_in_bytes`, bytes)),
  ];
  return settings.filter((one) => one !== undefined);
}

function v2Settings(limits: CgroupLimits): readonly Setting[] {
  const { cpuShares, cpuPeriod = 100_000, cpuQuota, memory, pids, hugePages = {}, unified = {} } = limits;
  const orMax = (value: number | undefined) => (value === -1 ? "max" : value);
  const settings: readonly (Setting | undefined)[] = [
    setting("cpu", "cpu.weight", cpuShares === undefined ? undefined : cpuWeightOf(cpuShares)),
    setting("cpu", "cpu.max", cpuQuota === undefined ? undefined : `${orMax(cpuQuota)} ${cpuPeriod}`),
    setting("memory", "memory.max", orMax(memory)),
    setting("pids", "pids.max", orMax(pids)),
    ...Object.entries(hugePages).map(([size, bytes]) => setting("hugetlb", `hugetlb.${size}.max`, bytes)),
    ...Object.entries(unified).map(([file, value]) => setting(file.split(".")[0] ?? "", file, value)),
  ];
  return settings.filter((one) => one !== undefined);
}

function setting(controller: string, file: string, value: string | number | undefined): Setting | undefined {
  return value === undefined ? undefined : { controller, file, value: String(value) };
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone by itself.
  }
}
