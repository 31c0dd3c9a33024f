import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ConfigMap = core.ConfigMap;

/** Configuration that pods read as arguments, environment or files. */
export const ConfigMap = defineKind<core.ConfigMap>({
  type: "core/v1.ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  scope: "Namespaced",
});
