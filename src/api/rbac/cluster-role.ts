import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";

export type ClusterRole = rbac.ClusterRole;

/** Rights everywhere, or to cluster-scoped things; possibly gathered from other roles by label. */
export const ClusterRole = defineKind<rbac.ClusterRole>({
  type: "rbac/v1.ClusterRole",
  plural: "clusterroles",
  scope: "Cluster",
  name: "path",
  createOnUpdate: true,
});
