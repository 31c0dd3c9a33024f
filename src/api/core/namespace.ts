import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Namespace = core.Namespace;

/** A scope for names, and for quota and rights. */
export const Namespace = defineKind<core.Namespace>({
  type: "core/v1.Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  scope: "Cluster",
  subresources: ["status", "finalize"],
  name: "label",
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  fields: { name: (o) => o.metadata.name, "status.phase": (o) => o.status?.phase ?? "" },
});
