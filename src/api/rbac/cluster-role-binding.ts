import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
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
  versions: sameInVersions("rbac.authorization.k8s.io/v1", {
    "rbac.authorization.k8s.io/v1beta1": "rbac/v1beta1.ClusterRoleBinding",
  }),
});
