import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";

export type RoleBinding = rbac.RoleBinding;

/** Gives the rights of a role to subjects, in one namespace. */
export const RoleBinding = defineKind<rbac.RoleBinding>({
  type: "rbac/v1.RoleBinding",
  plural: "rolebindings",
  scope: "Namespaced",
  name: "path",
  createOnUpdate: true,
});
