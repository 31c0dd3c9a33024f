import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";
import { bindingMappings } from "./binding-versions.ts";
import { bindingColumns, bindingDefaults, validateBinding, validateSameRole } from "./rules.ts";

export type ClusterRoleBinding = rbac.ClusterRoleBinding;

/** Gives the rights of a cluster role to subjects, everywhere. */
export const ClusterRoleBinding = defineKind<rbac.ClusterRoleBinding>({
  type: "rbac/v1.ClusterRoleBinding",
  plural: "clusterrolebindings",
  scope: "Cluster",
  name: "path",
  createOnUpdate: true,
  defaults: bindingDefaults,
  validate: (binding) => validateBinding(binding, { namespaced: false }),
  validateUpdate: validateSameRole,
  columns: bindingColumns,
  versions: bindingMappings("ClusterRoleBinding"),
});
