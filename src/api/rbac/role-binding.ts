import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";
import { bindingMappings } from "./binding-versions.ts";
import { bindingColumns, bindingDefaults, validateBinding, validateSameRole } from "./rules.ts";

export type RoleBinding = rbac.RoleBinding;

/** Gives the rights of a role to subjects, in one namespace. */
export const RoleBinding = defineKind<rbac.RoleBinding>({
  type: "rbac/v1.RoleBinding",
  plural: "rolebindings",
  scope: "Namespaced",
  name: "path",
  createOnUpdate: true,
  defaults: bindingDefaults,
  validate: (binding) => validateBinding(binding, { namespaced: true }),
  validateUpdate: validateSameRole,
  columns: bindingColumns,
  versions: bindingMappings("RoleBinding"),
});
