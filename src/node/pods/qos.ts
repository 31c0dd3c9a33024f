import { isSidecar } from "../../api/core/pod-state.ts";
import { type Amounts, podTotal } from "../../api/core/pod-totals.ts";
import { qosClassOf } from "../../api/core/qos.ts";
import type { Container, Pod, PodQOSClass, ResourceRequirements } from "../../api/generated/core-v1.ts";
import { milliValue, quantityValue } from "../../machinery/quantity.ts";
import { cpuQuotaOf, cpuQuotaPeriod, cpuSharesOf } from "../runtime/cgroup-math.ts";
import type { LinuxResources } from "../runtime/resources.ts";

/** The class that the server wrote into the status; what its resources earn a pod that has not been there. */
export function qosOf(pod: Pod): PodQOSClass {
  return pod.status?.qosClass ?? qosClassOf(pod.spec);
}

/** Microseconds per period for a limit in thousandths of a core; -1, no limit, for 0. */
const quota = (milliCpu: number) => cpuQuotaOf(milliCpu) || -1;

/** What the kernel enforces for a container; what it is not limited in itself its pod as a whole may be. `capacityMemory` is the node's, in bytes. */
export function containerResources(pod: Pod, container: Container, capacityMemory: number): LinuxResources {
  const own = (container.resources?.limits ?? {}) as Amounts;
  const limits = { ...(pod.spec.resources?.limits as Amounts | undefined), ...own };
  const requests = (container.resources?.requests ?? {}) as Amounts;
  const request = requests.cpu ?? own.cpu;
  return {
    cpuShares: cpuSharesOf(request ? milliValue(request) : 0),
    cpuPeriod: cpuQuotaPeriod.usual,
    cpuQuota: quota(limits.cpu ? milliValue(limits.cpu) : 0),
    memoryLimitBytes: limits.memory ? quantityValue(limits.memory) : 0,
    oomScoreAdj: oomScore(pod, container, capacityMemory),
  };
}

/** Who is killed first when memory runs out: best effort 1000, guaranteed -997, between them by the share of memory asked for. */
function oomScore(pod: Pod, container: Container, capacity: number): number {
  const qos = qosOf(pod);
  if (pod.spec.priorityClassName === "system-node-critical" || qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  // A sidecar is not killed before the containers that need it.
  const least = Math.min(...pod.spec.containers.map(memoryRequest));
  const asked = isSidecar(container) ? Math.max(memoryRequest(container), least) : memoryRequest(container);
  const score = 1000 - Math.floor((1000 * (asked + unassignedMemory(pod))) / Math.max(1, capacity));
  return Math.min(999, Math.max(3, score));
}

function memoryRequest({ resources }: Container): number {
  const { requests, limits } = (resources ?? {}) as { readonly requests?: Amounts; readonly limits?: Amounts };
  return quantityValue(requests?.memory ?? limits?.memory ?? "0");
}

/** Each container's part of the memory that a pod asks for as a whole and none of its containers does. */
function unassignedMemory({ spec }: Pod): number {
  const whole = (spec.resources?.requests as Amounts | undefined)?.memory;
  if (whole === undefined) return 0;
  const running = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  const assigned = running.reduce((total, container) => total + memoryRequest(container), 0);
  return Math.max(0, Math.floor((quantityValue(whole) - assigned) / running.length));
}

/** What a pod's containers take together: for runtimes that give a whole machine to a pod, which must be large enough. */
export function podResources({ spec }: Pod): LinuxResources {
  return linuxResources(podTotal(spec, "requests"), podTotal(spec, "limits"));
}

/** What the sandbox itself takes besides its containers. */
export function overheadResources(overhead: Amounts): LinuxResources {
  return linuxResources(overhead, overhead);
}

function linuxResources(requests: Amounts, limits: Amounts): LinuxResources {
  return {
    cpuShares: cpuSharesOf(milliValue(requests.cpu ?? limits.cpu ?? "0")),
    cpuPeriod: cpuQuotaPeriod.usual,
    cpuQuota: quota(milliValue(limits.cpu ?? "0")),
    memoryLimitBytes: quantityValue(limits.memory ?? "0"),
  };
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

/**
 * The pod's own control group: what its containers together, or the pod as a whole, ask for, and its overhead; a limit only where
 * every container, or the pod as a whole, has one.
 */
export function podCgroupLimits(pod: Pod): PodCgroupLimits {
  const { spec } = pod;
  const overhead = (name: string) => (spec.overhead as Amounts | undefined)?.[name] ?? "0";
  const cpuOverhead = milliValue(overhead("cpu"));
  if (qosOf(pod) === "BestEffort") return { cpuShares: cpuSharesOf(cpuOverhead) };
  const [requests, limits] = [podTotal(spec, "requests"), podTotal(spec, "limits")];
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const limited = ({ resources }: { readonly resources?: ResourceRequirements }, name: string) =>
    (resources?.limits as Amounts | undefined)?.[name] !== undefined;
  const limitOf = (name: string) =>
    limited(spec, name) || all.every((container) => limited(container, name)) ? limits[name] : undefined;
  const [cpu, memory] = [limitOf("cpu"), limitOf("memory")];
  return {
    cpuShares: cpuSharesOf(cpuOverhead + milliValue(requests.cpu ?? limits.cpu ?? "0")),
    ...(cpu === undefined ? {} : { cpuQuota: quota(cpuOverhead + milliValue(cpu)), cpuPeriod: cpuQuotaPeriod.usual }),
    ...(memory === undefined ? {} : { memory: quantityValue(overhead("memory")) + quantityValue(memory) }),
  };
}
