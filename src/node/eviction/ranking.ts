import type { Pod } from "../../api/generated/core-v1.ts";
import type { StarvedResource } from "./thresholds.ts";
import { type DiskPart, diskOf, inodesOf, memoryOf, type PodUsage, requestOf } from "./usage.ts";

export interface Candidate {
  readonly pod: Pod;
  /** Absent when nothing is known of it. */
  readonly usage: PodUsage | undefined;
}

interface Standing {
  readonly candidate: Candidate;
  readonly unknown: boolean;
  readonly exceeds: boolean;
  readonly priority: number;
  readonly above: number;
}

/**
 * Orders pods by who goes first: those that use more than they asked for, then by priority, then by how far they are above
 * their request (Kubernetes documentation: pod selection for kubelet eviction). Processes are never asked for.
 */
export function rankForEviction(
  candidates: readonly Candidate[],
  resource: StarvedResource,
  parts: readonly DiskPart[],
): readonly Candidate[] {
  const standing = candidates.map((candidate): Standing => {
    const { pod, usage } = candidate;
    const request = resource === "memory" || resource === "ephemeral-storage" ? requestOf(pod, resource) : 0;
    const above = usage ? used(usage, resource, parts) - request : 0;
    const exceeds = resource !== "pids" && above > 0;
    return { candidate, unknown: !usage, exceeds, priority: pod.spec.priority ?? 0, above };
  });
  const first = (one: boolean, other: boolean) => Number(other) - Number(one);
  return standing
    .sort(
      (one, other) =>
        first(one.unknown, other.unknown) ||
        first(one.exceeds, other.exceeds) ||
        one.priority - other.priority ||
        other.above - one.above,
    )
    .map(({ candidate }) => candidate);
}

function used(usage: PodUsage, resource: StarvedResource, parts: readonly DiskPart[]): number {
  switch (resource) {
    case "memory":
      return memoryOf(usage);
    case "ephemeral-storage":
      return diskOf(usage, parts);
    case "inodes":
      return inodesOf(usage, parts);
    case "pids":
      return usage.processes ?? 0;
  }
}
