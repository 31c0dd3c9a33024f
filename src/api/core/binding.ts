import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Binding = core.Binding;

/** Binds a pod to a node; created only, as `bindings` or as the `binding` subresource of a pod. */
export const Binding = defineKind<core.Binding>({
  type: "core/v1.Binding",
  plural: "bindings",
  scope: "Namespaced",
  verbs: ["create"],
});
