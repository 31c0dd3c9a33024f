import type { Container, Pod } from "../../api/generated/core-v1.ts";
import { milliValue, quantityValue } from "../../machinery/quantity.ts";
import type { LinuxResources } from "../runtime/resources.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** The class that the server wrote into the status; BestEffort for pods that name no resources. */
export function qosOf(pod: Pod): QosClass {
  return (pod.status?.qosClass as QosClass | undefined) ?? "BestEffort";
}

const period = 100_000;

/** CPU shares of an amount in thousandths of a core; never less than the kernel's minimum. */
export function cpuShares(milli: number): number {
  return Math.max(2, Math.min(262_144, Math.floor((milli * 1024) / 1000)));
}

/** CPU quota in microseconds per 100 ms of an amount in thousandths of a core; never less than 1 ms. */
export function cpuQuota(milli: number): number {
  return milli === 0 ? -1 : Math.max(1000, Math.floor((milli * period) / 1000));
}

type Quantities = Readonly<Record<string, string>>;

/** What the kernel enforces for a container. `capacityMemory` is the node's, in bytes. */
export function containerResources(pod: Pod, container: Container, capacityMemory: number): LinuxResources {
  const limits = (container.resources?.limits ?? {}) as Quantities;
  const requests = (container.resources?.requests ?? {}) as Quantities;
  const request = requests.cpu ?? limits.cpu;
  return {
    cpuShares: cpuShares(request ? milliValue(request) : 0),
    cpuPeriod: period,
    cpuQuota: cpuQuota(limits.cpu ? milliValue(limits.cpu) : 0),
    memoryLimitBytes: limits.memory ? quantityValue(limits.memory) : 0,
    oomScoreAdj: oomScore(pod, requests.memory ?? limits.memory, capacityMemory),
  };
}

/** Who is killed first when memory runs out: best effort 1000, guaranteed -997, between them by the share of memory asked for. */
function oomScore(pod: Pod, request: string | undefined, capacity: number): number {
  const qos = qosOf(pod);
  if (pod.spec.priorityClassName === "system-node-critical" || qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  const score = 1000 - Math.floor((1000 * (request ? quantityValue(request) : 0)) / Math.max(1, capacity));
  return Math.min(999, Math.max(3, score));
}

/** The pod's own control group: sums of what its containers ask for; a limit only where every container has one. */
export function podCgroupLimits(pod: Pod): {
  readonly cpuShares: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memory?: number;
} {
  if (qosOf(pod) === "BestEffort") return { cpuShares: 2 };
  const containers = pod.spec.containers;
  const sum = (pick: (container: Container) => number) =>
    containers.reduce((total, container) => total + pick(container), 0);
  const limit = (container: Container, name: string) => ((container.resources?.limits ?? {}) as Quantities)[name];
  const request = (container: Container) =>
    ((container.resources?.requests ?? {}) as Quantities).cpu ?? limit(container, "cpu");
  const everyHas = (name: string) =>
    containers.every((container) => limit(container, name) !== undefined) &&
    (pod.spec.initContainers ?? []).length === 0;
  return {
    cpuShares: cpuShares(sum((container) => milliValue(request(container) ?? "0"))),
    ...(everyHas("cpu")
      ? { cpuQuota: cpuQuota(sum((container) => milliValue(limit(container, "cpu")!))), cpuPeriod: period }
      : {}),
    ...(everyHas("memory") ? { memory: sum((container) => quantityValue(limit(container, "memory")!)) } : {}),
  };
}
