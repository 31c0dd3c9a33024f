import type { ClusterRole } from "../../api/rbac/cluster-role.ts";
import type { Role } from "../../api/rbac/role.ts";
import type { AuthorizationRequest } from "./authorizer.ts";
import { type PolicyRule, ruleAllows } from "./policy-rules.ts";

/** A role that would allow a request, if it were bound to whoever asks. */
export interface FittingRole {
  readonly kind: "Role" | "ClusterRole";
  readonly name: string;
  /** Of a Role; a ClusterRole may be bound in one namespace or in all. */
  readonly namespace?: string;
}

/** The narrowest RBAC rule that allows a request. */
export function neededRule({
  isResource,
  verb,
  group,
  resource,
  subresource,
  name,
  path,
}: AuthorizationRequest): PolicyRule {
  if (!isResource) return { verbs: [verb], nonResourceURLs: [path] };
  return {
    verbs: [verb],
    apiGroups: [group],
    resources: [subresource ? `${resource}/${subresource}` : resource],
    // Of what is yet to be made no rule can name the name.
    ...(name && verb !== "create" ? { resourceNames: [name] } : {}),
  };
}

/** The roles that would allow a request, those that give least besides it first. */
export function rolesThatAllow(
  request: AuthorizationRequest,
  { roles, clusterRoles }: { readonly roles: readonly Role[]; readonly clusterRoles: readonly ClusterRole[] },
): readonly FittingRole[] {
  const fits = ({ rules }: Role | ClusterRole) => rules?.some((rule) => ruleAllows(rule, request)) ?? false;
  const near = request.isResource
    ? roles.filter(({ metadata }) => metadata.namespace === request.namespace && request.namespace !== "")
    : [];
  return [...near, ...clusterRoles]
    .filter(fits)
    .map((role) => ({ role, extent: extentOf(role.rules ?? []) }))
    .sort((a, b) => a.extent - b.extent || (a.role.metadata.name < b.role.metadata.name ? -1 : 1))
    .map(({ role: { metadata } }) =>
      metadata.namespace
        ? { kind: "Role", name: metadata.name, namespace: metadata.namespace }
        : { kind: "ClusterRole", name: metadata.name },
    );
}

/** A star counts for more than any list that somebody would write. */
const star = 100;

function extentOf(rules: readonly PolicyRule[]): number {
  const size = (list: readonly string[] | undefined) =>
    (list ?? []).reduce((sum, item) => sum + (item.includes("*") ? star : 1), 0);
  return rules.reduce(
    (sum, rule) => sum + size(rule.verbs) * (size(rule.nonResourceURLs) + size(rule.apiGroups) * size(rule.resources)),
    0,
  );
}
