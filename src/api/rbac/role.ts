import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";

export type Role = rbac.Role;

/** Rights in one namespace. */
export const Role = defineKind<rbac.Role>({
  type: "rbac/v1.Role",
  plural: "roles",
  scope: "Namespaced",
  name: "path",
  createOnUpdate: true,
});
