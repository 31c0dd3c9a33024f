import { readFile } from "node:fs/promises";
import { type CgroupHierarchy, detectCgroups, kernelCgroupFiles } from "./cgroup-hierarchy.ts";
import { readCgroupUsage } from "./cgroup-usage.ts";
import type { CallOptions, ContainerRuntime } from "./runtime.ts";
import type { Sandbox } from "./sandbox.ts";
import type { ContainerStats, InterfaceUsage, SandboxStats, StatsFilter } from "./usage.ts";

export interface LocalStatsSource {
  readonly runtime: Pick<ContainerRuntime, "listSandboxes" | "listContainers" | "listContainerStats">;
  /** The runtime's verbose account of a sandbox: JSON with the holding process's `pid` and its `runtimeSpec`. */
  readonly verbose: (sandboxId: string) => Promise<string | undefined>;
  readonly now: () => number;
}

/**
 * Figures of whole sandboxes, read from the kernel on the runtime's own machine, for runtimes that have only containers'
 * (containerd before 1.7).
 */
export async function localSandboxStats(
  source: LocalStatsSource,
  filter: StatsFilter | undefined,
  options?: CallOptions,
): Promise<readonly SandboxStats[]> {
  const id = filter?.id ?? filter?.sandboxId;
  const [sandboxes, containers, stats, hierarchy] = await Promise.all([
    source.runtime.listSandboxes({ id, state: "ready", labels: filter?.labels }, options),
    source.runtime.listContainers(id === undefined ? undefined : { sandboxId: id }, options),
    source.runtime.listContainerStats(id === undefined ? undefined : { sandboxId: id }, options),
    detectCgroups(),
  ]);
  const sandboxOfContainer = new Map(containers.map((container) => [container.id, container.sandboxId]));
  return Promise.all(
    sandboxes.map((sandbox) => {
      const own = stats.filter((one) => sandboxOfContainer.get(one.id) === sandbox.id);
      return sandboxStats(source, hierarchy, sandbox, own);
    }),
  );
}

async function sandboxStats(
  source: LocalStatsSource,
  hierarchy: CgroupHierarchy,
  sandbox: Sandbox,
  containers: readonly ContainerStats[],
): Promise<SandboxStats> {
  const info = holdingProcessOf(await source.verbose(sandbox.id));
  const timestamp = source.now();
  const usage = info.podCgroup && (await readCgroupUsage(hierarchy, kernelCgroupFiles, info.podCgroup, timestamp));
  const table = info.pid ? await readFile(`/proc/${info.pid}/net/dev`, "utf8").catch(() => undefined) : undefined;
  const { id, metadata, labels, annotations } = sandbox;
  return {
    id,
    metadata,
    labels,
    annotations,
    containers,
    ...(usage && {
      cpu: { timestamp, usageCoreNanoSeconds: usage.cpuNanoseconds },
      memory: {
        timestamp,
        usageBytes: usage.memoryBytes,
        workingSetBytes: usage.workingSetBytes,
        rssBytes: usage.rssBytes,
        pageFaults: usage.pageFaults,
        majorPageFaults: usage.majorPageFaults,
        availableBytes:
          usage.memoryLimitBytes === undefined ? undefined : usage.memoryLimitBytes - (usage.workingSetBytes ?? 0),
      },
      processCount: usage.processes,
    }),
    ...(table !== undefined && { network: { timestamp, interfaces: interfacesOf(table) } }),
  };
}

/** The holding process and the pod's control group, which is the parent of the process's own. */
function holdingProcessOf(verbose: string | undefined): { readonly pid?: number; readonly podCgroup?: string } {
  if (verbose === undefined) return {};
  const said = JSON.parse(verbose) as {
    readonly pid?: number;
    readonly runtimeSpec?: { readonly linux?: { readonly cgroupsPath?: string } };
  };
  const path = said.runtimeSpec?.linux?.cgroupsPath;
  const parent = path?.slice(0, path.lastIndexOf("/"));
  return { pid: said.pid, podCgroup: parent || undefined };
}

/** Reads /proc/<pid>/net/dev; the loopback interface is left out, as the kubelet does. */
export function interfacesOf(table: string): readonly InterfaceUsage[] {
  return table
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const [name, rest] = line.split(":");
      if (!name || !rest || name.trim() === "lo") return [];
      const columns = rest.trim().split(/\s+/).map(Number);
      const [rxBytes = 0, , rxErrors = 0] = columns;
      const [txBytes = 0, , txErrors = 0] = columns.slice(8);
      return [{ name: name.trim(), rxBytes, rxErrors, txBytes, txErrors }];
    });
}
