import type { Registry } from "../../registry/registry.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import type { RbacAuthorizer } from "../authorization/rbac.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { defaultClasses } from "./default-classes.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { defaultTolerationSeconds, priorityPlugin, runtimeClassPlugin, taintNodesByCondition } from "./pod-defaults.ts";
import { rbacEscalation } from "./rbac-escalation.ts";
import { certificateRequester } from "./requester.ts";
import { resourceQuota } from "./resource-quota.ts";
import { serviceAccountPlugin } from "./service-account.ts";

/** The plugins that are on by default, in the order in which they are asked. */
export function defaultPlugins(
  registry: Registry,
  rbac: RbacAuthorizer,
  authorizer: AuthorizerChain,
): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(registry),
    limitRanger(registry),
    serviceAccountPlugin(registry),
    taintNodesByCondition,
    priorityPlugin(registry),
    defaultTolerationSeconds,
    runtimeClassPlugin(registry),
    ...defaultClasses(registry),
    certificateRequester,
    rbacEscalation(rbac, authorizer),
    resourceQuota(registry), // last: it books what it lets pass
  ];
}
