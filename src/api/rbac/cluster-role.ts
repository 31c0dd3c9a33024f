import { field, path } from "../../machinery/fields.ts";
import { type Errors, eachAt } from "../checks.ts";
import { createdAtColumn, nameColumn } from "../columns.ts";
import type * as rbac from "../generated/rbac-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { validateSelector } from "../selectors.ts";
import { validateRules } from "./rules.ts";

export type ClusterRole = rbac.ClusterRole;

/** Rights everywhere, or to cluster-scoped things; possibly gathered from other roles by label. */
export const ClusterRole = defineKind<rbac.ClusterRole>({
  type: "rbac/v1.ClusterRole",
  plural: "clusterroles",
  scope: "Cluster",
  name: "path",
  createOnUpdate: true,
  validate: (role) => [...validateRules(role.rules, { namespaced: false }), ...validateAggregation(role)],
  columns: [nameColumn, createdAtColumn],
  versions: sameInVersions("rbac.authorization.k8s.io/v1", {
    "rbac.authorization.k8s.io/v1beta1": "rbac/v1beta1.ClusterRole",
    "rbac.authorization.k8s.io/v1alpha1": "rbac/v1alpha1.ClusterRole",
  }),
});

function validateAggregation({ aggregationRule }: rbac.ClusterRole): Errors {
  if (!aggregationRule) return [];
  const place = path("aggregationRule", "clusterRoleSelectors");
  const { clusterRoleSelectors = [] } = aggregationRule;
  if (clusterRoleSelectors.length > 0) return eachAt(clusterRoleSelectors, place, validateSelector);
  return [field.required(place, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
}
