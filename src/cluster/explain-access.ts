import { SubjectAccessReview } from "../api/authorization/subject-access-review.ts";
import { ClusterRole } from "../api/rbac/cluster-role.ts";
import { Role } from "../api/rbac/role.ts";
import type { Client } from "../client/client.ts";
import type { AuthorizationRequest } from "../server/authorization/authorizer.ts";
import { type FittingRole, neededRule, rolesThatAllow } from "../server/authorization/explain.ts";
import type { PolicyRule } from "../server/authorization/policy-rules.ts";
import { reviewSpec } from "../server/authorization/webhook-authorizer.ts";
import type { UserInfo } from "../server/exchange.ts";

/** What somebody wants to do: to a resource, or to a path. Members that are absent are empty. */
export type AccessQuestion = { readonly user: UserInfo; readonly verb: string } & (
  | Partial<Pick<AuthorizationRequest, "group" | "version" | "resource" | "subresource" | "namespace" | "name">>
  | { readonly path: string }
);

/** Why somebody may do something, or what is missing. */
export interface AccessExplanation {
  readonly allowed: boolean;
  /** A refusal that no role can overrule. */
  readonly denied: boolean;
  /** The authorizers' own words: the binding that allows it, or what a node is not related to. */
  readonly reason: string;
  /** The narrowest rule that allows it. */
  readonly rule: PolicyRule;
  /** Roles that have such a rule already, those that give least besides it first. */
  readonly roles: readonly FittingRole[];
  /** What to run so that it is allowed by the first of them; absent when it is allowed, or no role can help. */
  readonly command?: string;
}

/** Explains an access decision. The client's own user must be allowed to review access and to read roles. */
export async function explainAccess(client: Client, question: AccessQuestion): Promise<AccessExplanation> {
  const nothing = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "", path: "" };
  const request: AuthorizationRequest = { ...nothing, ...question, isResource: !("path" in question) };
  const spec = reviewSpec(request) as SubjectAccessReview["spec"];
  const { namespace } = request;
  const [review, clusterRoles, roles] = await Promise.all([
    client.create(SubjectAccessReview, { metadata: {}, spec }),
    client.list(ClusterRole),
    namespace ? client.list(Role, { namespace }) : undefined,
  ]);
  const { allowed = false, denied = false, reason = "" } = review.status ?? {};
  const fitting = rolesThatAllow(request, { roles: roles?.items ?? [], clusterRoles: clusterRoles.items });
  const [first] = fitting;
  return {
    allowed,
    denied,
    reason,
    rule: neededRule(request),
    roles: fitting,
    ...(allowed || denied || !first ? {} : { command: bindingCommand(request, first) }),
  };
}

function bindingCommand({ user, namespace, isResource }: AuthorizationRequest, { kind, name }: FittingRole): string {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user.name);
  const subject = account ? `--serviceaccount=${account[1]}:${account[2]}` : `--user=${user.name}`;
  const binding = `${account?.[2] ?? user.name}-${name}`.toLowerCase().replace(/[^a-z0-9.-]+/g, "-");
  if (!isResource || !namespace) return `kubectl create clusterrolebinding ${binding} --clusterrole=${name} ${subject}`;
  const role = kind === "Role" ? `--role=${name}` : `--clusterrole=${name}`;
  return `kubectl create rolebinding ${binding} --namespace=${namespace} ${role} ${subject}`;
}
