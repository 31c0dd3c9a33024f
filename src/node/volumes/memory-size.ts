import type { Pod, Volume } from "../../api/generated/core-v1.ts";
import { quantityValue } from "../../machinery/quantity.ts";
import { podCgroupLimits } from "../pods/qos.ts";

/**
 * Bytes that an emptyDir in memory may hold: what the pod's memory is limited to, or what the node has for pods, or its own
 * `sizeLimit` where that is less.
 */
export function memorySizeOf(pod: Pod, { emptyDir }: Volume, allocatableMemory: number): number {
  const limit = emptyDir?.sizeLimit === undefined ? 0 : quantityValue(emptyDir.sizeLimit);
  const most = podCgroupLimits(pod).memory ?? allocatableMemory;
  return limit > 0 ? Math.min(limit, most) : most;
}
