import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { Fault } from "../../lib/fault.ts";

/** Where the kernel's control groups are mounted. On version 1 each controller has a tree of its own. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** The mount point of each controller; on version 2 all have the same. */
  readonly controllers: Readonly<Record<string, string>>;
  /** Every mounted tree, named ones too: a runtime makes directories in all of them. */
  readonly mounts: readonly string[];
}

/** The few file operations that control groups are made of. */
export interface CgroupFiles {
  /** The content, undefined when the file is not there. */
  read(path: string): Promise<string | undefined>;
  write(path: string, content: string): Promise<void>;
  /** Makes one directory; true if it was not there before. */
  mkdir(path: string): Promise<boolean>;
  /** Removes one directory; false when something still uses it. Fine when it is not there. */
  rmdir(path: string): Promise<boolean>;
  /** The names of the directories inside; empty when the directory is not there. */
  directories(path: string): Promise<readonly string[]>;
}

/** The kernel's own file system. */
export const kernelCgroupFiles: CgroupFiles = {
  read: async (path) => {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENODEV", "EOPNOTSUPP")) return undefined;
      throw error;
    }
  },
  write: async (path, content) => {
    // Without this, a file system that is no cgroup would quietly get a new file.
    await access(path);
    await writeFile(path, content, { flag: "r+" });
  },
  mkdir: async (path) => {
    try {
      await mkdir(path);
      return true;
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false;
      throw error;
    }
  },
  rmdir: async (path) => {
    try {
      await rmdir(path);
      return true;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return true;
      if (hasCode(error, "EBUSY", "ENOTEMPTY")) return false;
      throw error;
    }
  },
  directories: async (path) => {
    try {
      const entries = await readdir(path, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    }
  },
};

/** Finds the mounted hierarchies of this machine. Throws Fault `unsupported` when there are none that can hold pods. */
export async function detectCgroups(files: CgroupFiles = kernelCgroupFiles): Promise<CgroupHierarchy> {
  return cgroupHierarchyOf((await files.read("/proc/self/mountinfo")) ?? "");
}

/** Reads the hierarchies out of a `mountinfo` file. A hybrid machine, whose controllers are on version 1, counts as that. */
export function cgroupHierarchyOf(mountinfo: string): CgroupHierarchy {
  const controllers: Record<string, string> = {};
  const mounts: string[] = [];
  let unified: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const mountPoint = left?.split(" ")[4];
    const [type, , options = ""] = right?.split(" ") ?? [];
    if (!mountPoint || mounts.includes(mountPoint)) continue;
    if (type === "cgroup2") unified ??= mountPoint;
    else if (type !== "cgroup") continue;
    mounts.push(mountPoint);
    if (type !== "cgroup") continue;
    for (const option of options.split(",")) {
      if (v1Controllers.has(option)) controllers[option] ??= mountPoint;
    }
  }
  if (controllers.memory && controllers.cpu) return { version: 1, controllers, mounts };
  if (!unified) throw new Fault("unsupported", "No control groups with the cpu and memory controllers are mounted");
  const shared = unified;
  return {
    version: 2,
    controllers: Object.fromEntries(v2Controllers.map((name) => [name, shared])),
    mounts: [shared],
  };
}

const v1Controllers = new Set([
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "pids",
  "blkio",
  "devices",
  "freezer",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
  "misc",
]);
const v2Controllers = ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"];

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
