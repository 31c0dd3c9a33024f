import type * as autoscaling from "../generated/autoscaling-v2.ts";
import { defineKind } from "../kind.ts";

export type HorizontalPodAutoscaler = autoscaling.HorizontalPodAutoscaler;

/** Changes the replicas of a workload by what its pods use. */
export const HorizontalPodAutoscaler = defineKind<autoscaling.HorizontalPodAutoscaler>({
  type: "autoscaling/v2.HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
});
