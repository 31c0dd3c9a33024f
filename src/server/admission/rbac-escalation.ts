import type { ClusterRole } from "../../api/rbac/cluster-role.ts";
import type { ClusterRoleBinding } from "../../api/rbac/cluster-role-binding.ts";
import { isEqual } from "../../machinery/equality.ts";
import { forbidden, notFound } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import { type PolicyRule, ruleText, uncovered } from "../authorization/policy-rules.ts";
import type { RbacAuthorizer } from "../authorization/rbac.ts";
import type { UserInfo } from "../exchange.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

const group = "rbac.authorization.k8s.io";
const roleKinds = new Set(["roles", "clusterroles"]);

/** Nobody hands out more rights than they have, by a role or by a binding, unless they may escalate or bind. */
export function rbacEscalation(rbac: RbacAuthorizer, authorizer: AuthorizerChain): AdmissionPlugin {
  const may = async (request: AdmissionRequest, verb: string, resource: string, name: string): Promise<boolean> => {
    const { user, namespace } = request;
    const question = {
      user,
      isResource: true,
      verb,
      group,
      version: "v1",
      resource,
      subresource: "",
      namespace,
      name,
      path: "",
    };
    return (await authorizer.decide(question)).allowed;
  };
  const checkRules = (request: AdmissionRequest, name: string, wanted: readonly PolicyRule[]): void => {
    const missing = uncovered(rbac.rules(request.user, request.namespace), wanted);
    if (missing.length === 0) return;
    const why = `user ${JSON.stringify(request.user.name)} (groups=${groupsText(request.user)}) is attempting to grant RBAC permissions not currently held:\n${missing.map(ruleText).sort().join("\n")}`;
    throw forbidden({ group, plural: request.resource }, name, why);
  };
  return {
    name: "RBACEscalation",
    handles: ({ operation, group: asked }) => asked === group && operation !== "DELETE",
    async validate(object, previous, request) {
      if (!object || request.user.groups.includes("system:masters")) return;
      const { name } = object.metadata;
      if (roleKinds.has(request.resource)) {
        const role = object as AnyObject as unknown as ClusterRole;
        const before = previous as AnyObject as unknown as ClusterRole | undefined;
        if (before && isEqual(role.rules, before.rules) && isEqual(role.aggregationRule, before.aggregationRule))
          return;
        if (await may(request, "escalate", request.resource, name)) return;
        const everything: readonly PolicyRule[] = role.aggregationRule
          ? [
              { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
              { verbs: ["*"], nonResourceURLs: ["*"] },
            ]
          : [];
        checkRules(request, name, [...everything, ...(role.rules ?? [])]);
        return;
      }
      const { roleRef, subjects } = object as AnyObject as unknown as ClusterRoleBinding;
      const before = previous as AnyObject as unknown as ClusterRoleBinding | undefined;
      if (before && isEqual(roleRef, before.roleRef) && isEqual(subjects, before.subjects)) return;
      const plural = roleRef.kind === "ClusterRole" ? "clusterroles" : "roles";
      if (await may(request, "bind", plural, roleRef.name)) return;
      const rules = rbac.rulesOf(roleRef, request.namespace);
      if (!rules) throw notFound({ group, plural }, roleRef.name);
      checkRules(request, name, rules);
    },
  };
}

const groupsText = ({ groups }: UserInfo) => `[${groups.map((one) => JSON.stringify(one)).join(" ")}]`;
