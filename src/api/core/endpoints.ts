import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Endpoints = core.Endpoints;

/** The addresses behind a Service, in one object. */
export const Endpoints = defineKind<core.Endpoints>({
  type: "core/v1.Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
  scope: "Namespaced",
  createOnUpdate: true,
});
