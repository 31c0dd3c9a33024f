import type { Clock } from "../../lib/clock.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import type { RbacAuthorizer } from "../authorization/rbac.ts";
import { registryServices } from "../webhooks/service-resolver.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { ExpressionVariables } from "./cel/variables.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificate-rights.ts";
import { defaultClasses } from "./default-classes.ts";
import { mutatingWebhooks } from "./dynamic/mutating-webhooks.ts";
import { RequestMatcher } from "./dynamic/request-matcher.ts";
import { validatingWebhooks } from "./dynamic/validating-webhooks.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { defaultTolerationSeconds, priorityPlugin, runtimeClassPlugin, taintNodesByCondition } from "./pod-defaults.ts";
import { podSecurity, usualPodSecurity } from "./pod-security/pod-security.ts";
import { expressionValidation } from "./policies/expression-validation.ts";
import { validatingPolicies } from "./policies/validating-policies.ts";
import { rbacEscalation } from "./rbac-escalation.ts";
import { certificateRequester } from "./requester.ts";
import { resourceQuota } from "./resource-quota.ts";
import { serviceAccountPlugin } from "./service-account.ts";

/** What plugins are made of. */
export interface PluginContext {
  readonly registry: Registry;
  readonly rbac: RbacAuthorizer;
  readonly authorizer: AuthorizerChain;
  /** How webhooks are called; stays the caller's to close. */
  readonly webhooks: WebhookCaller;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** The plugins in the order in which they are asked. */
export function admissionPlugins(context: PluginContext): readonly AdmissionPlugin[] {
  const { registry, rbac, authorizer, clock, metrics } = context;
  const dynamic = {
    registry,
    clock,
    metrics,
    random: registry.random,
    caller: context.webhooks,
    services: registryServices(registry),
    matcher: new RequestMatcher(registry),
    variables: new ExpressionVariables(authorizer),
  };
  return [
    namespaceLifecycle(registry),
    limitRanger(registry),
    serviceAccountPlugin(registry),
    nodeRestriction(registry, authorizer),
    taintNodesByCondition,
    podSecurity(registry, usualPodSecurity),
    priorityPlugin(registry),
    defaultTolerationSeconds,
    runtimeClassPlugin(registry),
    ...defaultClasses(registry),
    certificateRequester,
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    rbacEscalation(rbac, authorizer),
    expressionValidation,
    mutatingWebhooks(dynamic),
    validatingPolicies(dynamic),
    validatingWebhooks(dynamic),
    resourceQuota(registry), // last: it books what it lets pass
  ];
}
