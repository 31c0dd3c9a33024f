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
  /** Roles that have such a rule already: first those that are made to be bound, of each those that give least besides it. */
  readonly roles: readonly FittingRole[];
  /** What to run so that it is allowed by a role that is made to be bound; absent when it is allowed, or there is none. */
  readonly command?: string;
  /** What to run so that just this is allowed: a role with the rule, and its binding; absent when no role is needed or helps. */
  readonly narrowest?: readonly string[];
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
  const rule = neededRule(request);
  const offered = fitting.filter((role) => isOffered(request, role));
  const [first] = offered;
  const closed = allowed || denied;
  return {
    allowed,
    denied,
    reason,
    rule,
    roles: [...offered, ...fitting.filter((role) => !offered.includes(role))],
    ...(closed || !first ? {} : { command: bindingCommand(request, first) }),
    ...(closed ? {} : { narrowest: newRoleCommands(request, rule) }),
  };
}

/** Nobody is advised to be everything, nor to be a component; of the roles named system: those about paths are for all. */
function isOffered({ isResource }: AuthorizationRequest, { kind, name }: FittingRole): boolean {
  if (kind === "Role") return true;
  return name !== "cluster-admin" && !name.startsWith("navarch:") && !(isResource && name.startsWith("system:"));
}

function newRoleCommands(request: AuthorizationRequest, rule: PolicyRule): readonly string[] {
  const { verb, group, resource, subresource, name, path, namespace } = request;
  const about = request.isResource ? [resource, subresource, rule.resourceNames ? name : ""] : [path];
  const kind = namespace && request.isResource ? "Role" : "ClusterRole";
  const role = { kind, name: objectName([verb, ...about].filter(Boolean).join("-")) } as const;
  const whole = [[resource, group].filter(Boolean).join("."), subresource].filter(Boolean).join("/");
  const flags = request.isResource
    ? [`--resource=${whole}`, ...(rule.resourceNames ?? []).map((one) => `--resource-name=${one}`)]
    : [`--non-resource-url=${path}`];
  const place = kind === "Role" ? [`--namespace=${namespace}`] : [];
  return [
    shellLine(["kubectl", "create", kind.toLowerCase(), role.name, ...place, `--verb=${verb}`, ...flags]),
    bindingCommand(request, role),
  ];
}

function bindingCommand({ user, namespace, isResource }: AuthorizationRequest, { kind, name }: FittingRole): string {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user.name);
  const subject = account ? `--serviceaccount=${account[1]}:${account[2]}` : `--user=${user.name}`;
  const binding = objectName(`${account?.[2] ?? user.name}-${name}`);
  const words =
    isResource && namespace
      ? ["rolebinding", binding, `--namespace=${namespace}`, `--${kind.toLowerCase()}=${name}`, subject]
      : ["clusterrolebinding", binding, `--clusterrole=${name}`, subject];
  return shellLine(["kubectl", "create", ...words]);
}

function objectName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll("*", "all")
    .replace(/[^a-z0-9.-]+/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^[.-]+|[.-]+$/g, "");
}

/** A command line whose words a shell takes as they are. */
function shellLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
