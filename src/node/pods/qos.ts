import { qosClassOf } from "../../api/core/qos.ts";
import type { Container, Pod, PodQOSClass } from "../../api/generated/core-v1.ts";
import { milliValue, quantityValue } from "../../machinery/quantity.ts";
import { cpuQuotaOf, cpuQuotaPeriod, cpuSharesOf } from "../runtime/cgroup-math.ts";
import type { LinuxResources } from "../runtime/resources.ts";

/** The class that the server wrote into the status; what its resources earn a pod that has not been there. */
export function qosOf(pod: Pod): PodQOSClass {
  return pod.status?.qosClass ?? qosClassOf(pod.spec);
}

/** Microseconds per period for a limit in thousandths of a core; -1, no limit, for 0. */
const quota = (milliCpu: number) => cpuQuotaOf(milliCpu) || -1;

type Quantities = Readonly<Record<string, string>>;

/** What the kernel enforces for a container. `capacityMemory` is the node's, in bytes. */
export function containerResources(pod: Pod, container: Container, capacityMemory: number): LinuxResources {
  const limits = (container.resources?.limits ?? {}) as Quantities;
  const requests = (container.resources?.requests ?? {}) as Quantities;
  const request = requests.cpu ?? limits.cpu;
  return {
    cpuShares: cpuSharesOf(request ? milliValue(request) : 0),
    cpuPeriod: cpuQuotaPeriod.usual,
    cpuQuota: quota(limits.cpu ? milliValue(limits.cpu) : 0),
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

export interface PodCgroupLimits {
  readonly cpuShares: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memory?: number;
}

/** Of two pods' limits the larger ones; one that is absent in either is no limit. */
export function largerLimits(one: PodCgroupLimits, other: PodCgroupLimits): PodCgroupLimits {
  const free = (value: number | undefined) => value === undefined || value < 0;
  const larger = (a: number | undefined, b: number | undefined) => (free(a) || free(b) ? -1 : Math.max(a!, b!));
  return {
    cpuShares: Math.max(one.cpuShares, other.cpuShares),
    cpuPeriod: other.cpuPeriod ?? one.cpuPeriod ?? cpuQuotaPeriod.usual,
    cpuQuota: larger(one.cpuQuota, other.cpuQuota),
    memory: larger(one.memory, other.memory),
  };
}

/** The pod's own control group: sums of what its containers ask for, and its overhead; a limit only where every container has one. */
export function podCgroupLimits(pod: Pod): PodCgroupLimits {
  const overhead = (name: string) => (pod.spec.overhead as Quantities | undefined)?.[name] ?? "0";
  if (qosOf(pod) === "BestEffort") return { cpuShares: cpuSharesOf(milliValue(overhead("cpu"))) };
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
    cpuShares: cpuSharesOf(milliValue(overhead("cpu")) + sum((container) => milliValue(request(container) ?? "0"))),
    ...(everyHas("cpu")
      ? {
          cpuQuota: quota(milliValue(overhead("cpu")) + sum((container) => milliValue(limit(container, "cpu")!))),
          cpuPeriod: cpuQuotaPeriod.usual,
        }
      : {}),
    ...(everyHas("memory")
      ? { memory: quantityValue(overhead("memory")) + sum((container) => quantityValue(limit(container, "memory")!)) }
      : {}),
  };
}
