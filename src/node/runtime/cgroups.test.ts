import { describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { type CgroupFiles, cgroupHierarchyOf } from "./cgroup-hierarchy.ts";
import { cpuQuotaOf, cpuSharesOf, cpuWeightOf } from "./cgroup-math.ts";
import { Cgroups } from "./cgroups.ts";

const v1Mounts = `
30 25 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /cg/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /cg/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:29 / /cg/cpuset rw,relatime - cgroup cgroup rw,cpuset
34 30 0:30 / /cg/systemd rw,relatime - cgroup cgroup rw,name=systemd
35 30 0:31 / /cg/pids rw,relatime - cgroup cgroup rw,pids
36 30 0:32 / /cg/unified rw,relatime - cgroup2 cgroup2 rw`;
const v2Mounts = "30 25 0:26 / /cg rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate";

/** Control groups in memory: directories come with their usual files, as the kernel's do. */
class FakeTree implements CgroupFiles {
  readonly directoriesMade = new Set<string>();
  readonly contents = new Map<string, string>();
  /** Directories that refuse removal while this holds their name. */
  readonly busy = new Set<string>();

  async read(path: string) {
    return this.contents.get(path);
  }
  async write(path: string, content: string) {
    if (!this.directoriesMade.has(path.slice(0, path.lastIndexOf("/")))) throw new Error(`no ${path}`);
    this.contents.set(path, content);
  }
  async mkdir(path: string) {
    if (this.directoriesMade.has(path)) return false;
    this.directoriesMade.add(path);
    return true;
  }
  async rmdir(path: string) {
    if (this.busy.has(path)) return false;
    for (const file of this.contents.keys()) if (file.startsWith(`${path}/`)) this.contents.delete(file);
    this.directoriesMade.delete(path);
    return true;
  }
  async directories(path: string) {
    return [...this.directoriesMade]
      .filter((one) => one.startsWith(`${path}/`) && !one.slice(path.length + 1).includes("/"))
      .map((one) => one.slice(path.length + 1));
  }
}

function open(mountinfo: string, prepare: (tree: FakeTree) => void = () => {}) {
  const tree = new FakeTree();
  const hierarchy = cgroupHierarchyOf(mountinfo);
  for (const mount of hierarchy.mounts) tree.directoriesMade.add(mount);
  prepare(tree);
  const killed: number[] = [];
  const kill = (pid: number) => {
    killed.push(pid);
    tree.busy.clear();
  };
  return { tree, killed, cgroups: new Cgroups({ hierarchy, clock: systemClock, name: "test", files: tree, kill }) };
}

describe("the hierarchy of control groups", () => {
  test("is version 1 on a hybrid machine, with a tree per controller", () => {
    const { version, controllers, mounts } = cgroupHierarchyOf(v1Mounts);
    expect(version).toBe(1);
    expect(controllers).toMatchObject({ cpu: "/cg/cpu", cpuacct: "/cg/cpu", memory: "/cg/memory" });
    expect(mounts).toEqual(["/cg/cpu", "/cg/memory", "/cg/cpuset", "/cg/systemd", "/cg/pids", "/cg/unified"]);
  });

  test("is version 2 when only that is mounted", () => {
    expect(cgroupHierarchyOf(v2Mounts)).toMatchObject({ version: 2, controllers: { memory: "/cg" }, mounts: ["/cg"] });
  });

  test("is refused when there is none", () => {
    expect(() => cgroupHierarchyOf("30 25 0:26 / /proc rw - proc proc rw")).toThrow(/control groups/);
  });
});

describe("CPU arithmetic", () => {
  test.each([
    { milli: 0, shares: 2 },
    { milli: 1, shares: 2 },
    { milli: 100, shares: 102 },
    { milli: 1_000, shares: 1_024 },
    { milli: 1_000_000, shares: 262_144 },
  ])("$milli m are $shares shares", ({ milli, shares }) => expect(cpuSharesOf(milli)).toBe(shares));

  test.each([
    { milli: 0, quota: 0 },
    { milli: 1, quota: 1_000 },
    { milli: 250, quota: 25_000 },
    { milli: 2_000, quota: 200_000 },
  ])("a limit of $milli m is a quota of $quota", ({ milli, quota }) => expect(cpuQuotaOf(milli)).toBe(quota));

  test.each([
    { shares: 2, weight: 1 },
    { shares: 1_024, weight: 39 },
    { shares: 262_144, weight: 10_000 },
  ])("$shares shares are a weight of $weight", ({ shares, weight }) => expect(cpuWeightOf(shares)).toBe(weight));
});

describe("the control groups of pods", () => {
  test("are in every tree on version 1, named ones too, with the limits in their own trees", async () => {
    const { tree, cgroups } = open(v1Mounts);
    await cgroups.ensureRoot({ memory: 1_000, cpuShares: 2_048 });
    await cgroups.ensurePod("Burstable", "u1", {
      cpuShares: 512,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      memory: 10,
      pids: -1,
    });
    for (const mount of ["cpu", "memory", "cpuset", "systemd", "pids", "unified"]) {
      expect(tree.directoriesMade).toContain(`/cg/${mount}/test/burstable/podu1`);
    }
    expect(Object.fromEntries(tree.contents)).toMatchObject({
      "/cg/cpu/test/cpu.shares": "2048",
      "/cg/cpu/test/besteffort/cpu.shares": "2",
      "/cg/cpu/test/burstable/podu1/cpu.shares": "512",
      "/cg/cpu/test/burstable/podu1/cpu.cfs_quota_us": "50000",
      "/cg/memory/test/burstable/podu1/memory.limit_in_bytes": "10",
      "/cg/pids/test/burstable/podu1/pids.max": "max",
    });
  });

  test("inherit CPUs and memory nodes on version 1, without which no process may enter", async () => {
    const { tree, cgroups } = open(v1Mounts, ({ contents }) => {
      contents.set("/cg/cpuset/cpuset.cpus", "0-1\n");
      contents.set("/cg/cpuset/cpuset.mems", "0\n");
    });
    await cgroups.ensureRoot();
    await cgroups.ensurePod("Guaranteed", "u1");
    expect(tree.contents.get("/cg/cpuset/test/podu1/cpuset.cpus")).toBe("0-1");
    expect(tree.contents.get("/cg/cpuset/test/burstable/cpuset.mems")).toBe("0");
  });

  test("hand down controllers and have weights and maxima on version 2", async () => {
    const { tree, cgroups } = open(v2Mounts, ({ contents }) => {
      contents.set("/cg/cgroup.controllers", "cpu memory misc\n");
      contents.set("/cg/cgroup.subtree_control", "cpu\n");
    });
    await cgroups.ensureRoot();
    await cgroups.ensurePod("Guaranteed", "u1", {
      cpuShares: 1_024,
      cpuQuota: -1,
      memory: 10,
      hugePages: { "2MB": 4 },
      unified: { "memory.min": "5" },
    });
    expect(Object.fromEntries(tree.contents)).toMatchObject({
      "/cg/cgroup.subtree_control": "+memory",
      "/cg/test/podu1/cpu.weight": "39",
      "/cg/test/podu1/cpu.max": "max 100000",
      "/cg/test/podu1/memory.max": "10",
      "/cg/test/podu1/memory.min": "5",
      "/cg/test/podu1/hugetlb.2MB.max": "4",
    });
  });

  test("are listed by their pods", async () => {
    const { cgroups } = open(v1Mounts);
    await cgroups.ensureRoot();
    await cgroups.ensurePod("Guaranteed", "a");
    await cgroups.ensurePod("BestEffort", "b");
    expect(await cgroups.listPods()).toEqual([
      { uid: "a", qos: "Guaranteed", path: "/test/poda" },
      { uid: "b", qos: "BestEffort", path: "/test/besteffort/podb" },
    ]);
  });

  test("are removed with what is below them, after what runs in them was killed", async () => {
    const { tree, killed, cgroups } = open(v1Mounts);
    await cgroups.ensureRoot();
    const path = await cgroups.ensurePod("Burstable", "u1");
    await tree.mkdir(`/cg/memory${path}/container`);
    await tree.write(`/cg/memory${path}/container/cgroup.procs`, "41\n42\n");
    tree.busy.add(`/cg/memory${path}/container`);
    await cgroups.removeAll();
    expect(killed).toEqual([41, 42]);
    expect([...tree.directoriesMade].filter((one) => one.includes("/test"))).toEqual([]);
  });

  test("are never removed outside of the node's own", async () => {
    const { cgroups } = open(v1Mounts);
    await expect(cgroups.remove("/other")).rejects.toMatchObject({ code: "invalid" });
    await expect(cgroups.remove("/test-other")).rejects.toMatchObject({ code: "invalid" });
  });

  test("tell their usage in the same units on both versions", async () => {
    const one = open(v1Mounts, ({ contents }) => {
      contents.set("/cg/cpu/test/cpuacct.usage", "5000000\n");
      contents.set("/cg/memory/test/memory.usage_in_bytes", "1000\n");
      contents.set("/cg/memory/test/memory.limit_in_bytes", "9223372036854771712\n");
      contents.set(
        "/cg/memory/test/memory.stat",
        "inactive_file 1\ntotal_inactive_file 400\ntotal_rss 300\ntotal_pgfault 7\n",
      );
      contents.set("/cg/pids/test/pids.current", "3\n");
    });
    const two = open(v2Mounts, ({ contents }) => {
      contents.set("/cg/test/cpu.stat", "usage_usec 5000\nuser_usec 1\n");
      contents.set("/cg/test/memory.current", "1000\n");
      contents.set("/cg/test/memory.max", "max\n");
      contents.set("/cg/test/memory.stat", "anon 300\ninactive_file 400\npgfault 7\n");
      contents.set("/cg/test/pids.current", "3\n");
    });
    const expected = {
      cpuNanoseconds: 5_000_000,
      memoryBytes: 1_000,
      workingSetBytes: 600,
      rssBytes: 300,
      pageFaults: 7,
      processes: 3,
    };
    for (const { cgroups } of [one, two]) {
      const { timestamp: _, ...usage } = (await cgroups.usage("/test"))!;
      expect(usage).toEqual(expected);
    }
  });

  test("have no usage when they are not there", async () => {
    expect(await open(v1Mounts).cgroups.usage("/test")).toBeUndefined();
  });

  test("need a name that is one path segment", () => {
    const hierarchy = cgroupHierarchyOf(v1Mounts);
    expect(() => new Cgroups({ hierarchy, clock: systemClock, name: "../etc" })).toThrow(/no name/);
  });
});
