import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { timeOf } from "../../machinery/times.ts";
import { runtimeLabels } from "../runtime/labels.ts";
import type { ContainerRuntime, ContainerStats } from "../runtime/runtime.ts";

/** The figures of a node and its pods, in the form of the kubelet's stats API (v1alpha1 Summary). */
export async function statsSummary(options: {
  readonly nodeName: string;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly pods: () => readonly Pod[];
}) {
  const { nodeName, runtime, clock, pods } = options;
  const stats = await runtime.listContainerStats();
  const byPod = Map.groupBy(stats, (each) => each.labels[runtimeLabels.podUid] ?? "");
  return {
    node: { nodeName, startTime: timeOf(clock.now() - clock.monotonic()) },
    pods: pods().map(({ metadata }) => {
      const own = byPod.get(metadata.uid) ?? [];
      return {
        podRef: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
        startTime: metadata.creationTimestamp,
        containers: own.map((each) => containerSummary(each)),
      };
    }),
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
