import type * as autoscaling from "../generated/autoscaling-v1.ts";
import { defineKind } from "../kind.ts";

export type Scale = autoscaling.Scale;

/** The body of the `scale` subresource: how many replicas there are and should be. */
export const Scale = defineKind<autoscaling.Scale>({
  type: "autoscaling/v1.Scale",
  plural: "scales",
  scope: "Namespaced",
  verbs: ["get", "patch", "update"],
});
