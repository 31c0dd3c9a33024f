import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { faultCode } from "../../lib/fault.ts";
import { timeOf } from "../../machinery/times.ts";
import { runtimeLabels } from "../runtime/labels.ts";
import type { ContainerRuntime, ContainerStats, SandboxStats } from "../runtime/runtime.ts";
import type { MachineUsage, NodeFigures } from "./node-figures.ts";
import { type ClaimedVolumes, volumeFigures } from "./volume-figures.ts";

export interface SummaryContext {
  readonly nodeName: string;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly figures: NodeFigures;
  readonly pods: () => readonly Pod[];
  readonly volumes: ClaimedVolumes;
}

/** The figures of a node and its pods, in the form of the kubelet's stats API (v1alpha1 Summary). */
export async function statsSummary({ nodeName, runtime, clock, figures, pods, volumes }: SummaryContext) {
  const [stats, sandboxes] = await Promise.all([runtime.listContainerStats(), sandboxStats(runtime)]);
  const sandboxOf = new Map(sandboxes.map((each) => [each.labels[runtimeLabels.podUid] ?? "", each]));
  const byPod = Map.groupBy(stats, (each) => each.labels[runtimeLabels.podUid] ?? "");
  const startTime = timeOf(clock.now() - clock.monotonic());
  return {
    node: { nodeName, startTime, ...nodeSummary(figures.read()) },
    pods: await Promise.all(
      pods().map(async (pod) => {
        const { metadata, status } = pod;
        const own = byPod.get(metadata.uid) ?? [];
        return {
          podRef: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
          startTime: status?.startTime ?? metadata.creationTimestamp,
          containers: own.map((each) => containerSummary(each)),
          ...podSummary(own),
          ...sandboxSummary(sandboxOf.get(metadata.uid)),
          ...(await volumesSummary(pod, volumes, timeOf(clock.now()))),
        };
      }),
    ),
  };
}

async function volumesSummary(pod: Pod, volumes: ClaimedVolumes, time: string) {
  const { namespace } = pod.metadata;
  const volume = (await volumeFigures(pod, volumes)).map(({ name, claim, figures }) => {
    return { time, name, pvcRef: { name: claim, namespace }, ...figures };
  });
  return volume.length > 0 ? { volume } : {};
}

/** Figures of sandboxes; none where the runtime cannot tell. */
export async function sandboxStats(runtime: ContainerRuntime): Promise<readonly SandboxStats[]> {
  return await runtime.listSandboxStats().catch((error) => {
    if (faultCode(error) === "unsupported") return [];
    throw error;
  });
}

/** What a pod has as a whole: its interfaces, of which the first is the usual one, and its processes. */
function sandboxSummary(stats: SandboxStats | undefined) {
  const interfaces = (stats?.network?.interfaces ?? []).map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => {
    return { name, rxBytes, rxErrors, txBytes, txErrors };
  });
  return {
    ...(stats?.network ? { network: { time: timeOf(stats.network.timestamp), ...interfaces[0], interfaces } } : {}),
    ...(stats?.processCount === undefined ? {} : { process_stats: { process_count: stats.processCount } }),
  };
}

function nodeSummary({ timestamp, cpuNanoCores, cpuNanoSeconds, memory, fs }: MachineUsage) {
  const time = timeOf(timestamp);
  return {
    cpu: { time, usageNanoCores: cpuNanoCores, usageCoreNanoSeconds: cpuNanoSeconds },
    memory: {
      time,
      availableBytes: memory.available,
      usageBytes: memory.usage,
      workingSetBytes: memory.workingSet,
      rssBytes: memory.rss,
    },
    fs: {
      time,
      availableBytes: fs.available,
      capacityBytes: fs.capacity,
      usedBytes: fs.used,
      inodesFree: fs.inodesFree,
      inodes: fs.inodes,
      inodesUsed: fs.inodes - fs.inodesFree,
    },
  };
}

/** What a pod's containers use together; nothing for a pod without figures. */
function podSummary(containers: readonly ContainerStats[]) {
  // One that has ended has no figures but those of its files.
  const times = containers.flatMap(({ cpu, memory }) => [cpu, memory].flatMap((each) => each?.timestamp ?? []));
  if (times.length === 0) return {};
  const time = timeOf(Math.max(...times));
  const sum = (of: (stats: ContainerStats) => number | undefined) => {
    const known = containers.map(of).filter((value) => value !== undefined);
    return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
  };
  return {
    cpu: {
      time,
      usageNanoCores: sum(({ cpu }) => cpu?.usageNanoCores),
      usageCoreNanoSeconds: sum(({ cpu }) => cpu?.usageCoreNanoSeconds),
    },
    memory: {
      time,
      usageBytes: sum(({ memory }) => memory?.usageBytes),
      workingSetBytes: sum(({ memory }) => memory?.workingSetBytes),
      rssBytes: sum(({ memory }) => memory?.rssBytes),
    },
  };
}

function containerSummary({ metadata, cpu, memory, writableLayer }: ContainerStats) {
  return {
    name: metadata.name,
    ...(cpu
      ? {
          cpu: {
            time: timeOf(cpu.timestamp),
            usageNanoCores: cpu.usageNanoCores,
            usageCoreNanoSeconds: cpu.usageCoreNanoSeconds,
          },
        }
      : {}),
    ...(memory
      ? {
          memory: {
            time: timeOf(memory.timestamp),
            availableBytes: memory.availableBytes,
            usageBytes: memory.usageBytes,
            workingSetBytes: memory.workingSetBytes,
            rssBytes: memory.rssBytes,
            pageFaults: memory.pageFaults,
            majorPageFaults: memory.majorPageFaults,
          },
        }
      : {}),
    ...(writableLayer
      ? {
          rootfs: {
            time: timeOf(writableLayer.timestamp),
            usedBytes: writableLayer.usedBytes,
            inodesUsed: writableLayer.inodesUsed,
          },
        }
      : {}),
  };
}
