import { createdAtColumn, nameColumn } from "../columns.ts";
import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { validateRules } from "./rules.ts";

export type Role = rbac.Role;

/** Rights in one namespace. */
export const Role = defineKind<rbac.Role>({
  type: "rbac/v1.Role",
  plural: "roles",
  scope: "Namespaced",
  name: "path",
  createOnUpdate: true,
  validate: ({ rules }) => validateRules(rules, { namespaced: true }),
  columns: [nameColumn, createdAtColumn],
  versions: sameInVersions("rbac.authorization.k8s.io/v1", {
    "rbac.authorization.k8s.io/v1beta1": "rbac/v1beta1.Role",
    "rbac.authorization.k8s.io/v1alpha1": "rbac/v1alpha1.Role",
  }),
});
