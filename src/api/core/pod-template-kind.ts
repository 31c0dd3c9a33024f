import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type PodTemplate = core.PodTemplate;

/** A stored description of pods to be made. */
export const PodTemplate = defineKind<core.PodTemplate>({
  type: "core/v1.PodTemplate",
  plural: "podtemplates",
  scope: "Namespaced",
});
