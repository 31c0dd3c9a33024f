import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type LimitRange = core.LimitRange;

/** Bounds and defaults for what pods, containers and claims of a namespace ask for. */
export const LimitRange = defineKind<core.LimitRange>({
  type: "core/v1.LimitRange",
  plural: "limitranges",
  shortNames: ["limits"],
  scope: "Namespaced",
  createOnUpdate: true,
});
