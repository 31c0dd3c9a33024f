import { podTotal } from "../../api/core/pod-totals.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import { quantityValue } from "../../machinery/quantity.ts";
import { isStatic } from "../static-pods/static-pod.ts";

/** What a container uses. Bytes; absent where nobody knows. */
export interface ContainerUsage {
  readonly memory?: number;
  /** Its writable layer. */
  readonly layer?: number;
  readonly layerInodes?: number;
  readonly logs?: number;
}

/** What a pod uses of the node. */
export interface PodUsage {
  readonly containers: ReadonlyMap<string, ContainerUsage>;
  /** Bytes and inodes of volumes on the node's disk, by name. */
  readonly volumes: ReadonlyMap<string, { readonly bytes: number; readonly inodes: number }>;
  readonly processes?: number;
}

/** Which parts of a pod lie on the file system that is short. */
export type DiskPart = "layers" | "logs" | "volumes";

const sum = (values: Iterable<number | undefined>) =>
  [...values].reduce<number>((total, value) => total + (value ?? 0), 0);

export function memoryOf({ containers }: PodUsage): number {
  return sum([...containers.values()].map(({ memory }) => memory));
}

export function diskOf({ containers, volumes }: PodUsage, parts: readonly DiskPart[]): number {
  const all = [...containers.values()];
  return (
    (parts.includes("layers") ? sum(all.map(({ layer }) => layer)) : 0) +
    (parts.includes("logs") ? sum(all.map(({ logs }) => logs)) : 0) +
    (parts.includes("volumes") ? sum([...volumes.values()].map(({ bytes }) => bytes)) : 0)
  );
}

export function inodesOf({ containers, volumes }: PodUsage, parts: readonly DiskPart[]): number {
  const all = [...containers.values()];
  return (
    (parts.includes("layers") ? sum(all.map(({ layerInodes }) => layerInodes)) : 0) +
    (parts.includes("volumes") ? sum([...volumes.values()].map(({ inodes }) => inodes)) : 0)
  );
}

/** What a pod asked for, its overhead included; 0 where it asked for nothing. */
export function requestOf({ spec }: Pod, resource: string): number {
  const amount = podTotal(spec, "requests")[resource];
  const overhead = (spec.overhead as Readonly<Record<string, string>> | undefined)?.[resource];
  return (amount ? quantityValue(amount) : 0) + (overhead ? quantityValue(overhead) : 0);
}

/** From this priority on a pod is one that the system needs (upstream's SystemCriticalPriority). */
export const criticalPriority = 2_000_000_000;

/** True for pods that a node never ends for others: static ones and those of the system's priorities. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || (pod.spec.priority ?? 0) >= criticalPriority;
}
