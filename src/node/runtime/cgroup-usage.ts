import type { CgroupFiles, CgroupHierarchy } from "./cgroup-hierarchy.ts";

/** What a control group has used. Fields are absent where the kernel does not count them. */
export interface CgroupUsage {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** CPU time in nanoseconds since the group was made. */
  readonly cpuNanoseconds?: number;
  readonly memoryBytes?: number;
  /** Usage without file pages that have not been used for a while: what cannot be taken back easily. */
  readonly workingSetBytes?: number;
  readonly rssBytes?: number;
  /** Absent without a limit. */
  readonly memoryLimitBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
  readonly processes?: number;
}

/** Reads a group's counters; undefined when the group is not there. */
export async function readCgroupUsage(
  hierarchy: CgroupHierarchy,
  files: CgroupFiles,
  path: string,
  timestamp: number,
): Promise<CgroupUsage | undefined> {
  const { controllers, version } = hierarchy;
  const below = path === "/" ? "" : path;
  const read = async (controller: string, file: string) => {
    const tree = controllers[controller];
    return tree === undefined ? undefined : files.read(`${tree}${below}/${file}`);
  };
  const [cpu, memory, stat, limit, processes, meminfo] = await Promise.all([
    version === 2 ? read("cpu", "cpu.stat") : read("cpuacct", "cpuacct.usage"),
    read("memory", version === 2 ? "memory.current" : "memory.usage_in_bytes"),
    read("memory", "memory.stat"),
    read("memory", version === 2 ? "memory.max" : "memory.limit_in_bytes"),
    read("pids", "pids.current"),
    // The top of a v2 tree does not count its memory.
    below === "" && version === 2 ? files.read("/proc/meminfo") : undefined,
  ]);
  if (cpu === undefined && memory === undefined && stat === undefined) return undefined;

  const counters = keyedNumbers(stat ?? "");
  const prefix = version === 2 ? "" : "total_";
  const used = numberOf(memory) ?? (meminfo === undefined ? undefined : usedOf(meminfo));
  const inactive = counters[`${prefix}inactive_file`] ?? 0;
  const cpuNanoseconds = version === 2 ? microsecondsOf(cpu) : numberOf(cpu);
  const max = numberOf(limit);
  return {
    timestamp,
    ...(cpuNanoseconds !== undefined && { cpuNanoseconds }),
    ...(used !== undefined && { memoryBytes: used, workingSetBytes: Math.max(0, used - inactive) }),
    ...given("rssBytes", version === 2 ? counters.anon : counters.total_rss),
    ...given("pageFaults", counters[`${prefix}pgfault`]),
    ...given("majorPageFaults", counters[`${prefix}pgmajfault`]),
    ...given("processes", numberOf(processes)),
    // Version 1 says "no limit" as the largest number that fits.
    ...(max !== undefined && max < 2 ** 60 && { memoryLimitBytes: max }),
  };
}

function microsecondsOf(cpuStat: string | undefined): number | undefined {
  const microseconds = keyedNumbers(cpuStat ?? "").usage_usec;
  return microseconds === undefined ? undefined : microseconds * 1_000;
}

function usedOf(meminfo: string): number | undefined {
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo)?.[1] ?? Number.NaN);
  const used = (kilobytes("MemTotal") - kilobytes("MemFree")) * 1_024;
  return Number.isNaN(used) ? undefined : used;
}

function numberOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim();
  return trimmed && /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function keyedNumbers(text: string): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [key, value] = line.split(" ");
      return key && value ? [[key, Number(value)] as const] : [];
    }),
  );
}

function given<K extends string>(key: K, value: number | undefined): Partial<Record<K, number>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, number>>);
}
