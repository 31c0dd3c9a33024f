import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Secret = core.Secret;

/** Small confidential data that pods read as environment or files. */
export const Secret = defineKind<core.Secret>({
  type: "core/v1.Secret",
  plural: "secrets",
  scope: "Namespaced",
  fields: { type: ({ type }) => type ?? "" },
});
