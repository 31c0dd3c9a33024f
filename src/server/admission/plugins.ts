import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import type { RbacAuthorizer } from "../authorization/rbac.ts";
import { registryServices } from "../webhooks/service-resolver.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { AdmissionPlugin } from "./admission.ts";
import type { AdmissionSettings } from "./admission-settings.ts";
import { ExpressionVariables } from "./cel/variables.ts";
import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
  clusterTrustBundleAttest,
} from "./certificate-rights.ts";
import { defaultClasses } from "./default-classes.ts";
import { mutatingWebhooks } from "./dynamic/mutating-webhooks.ts";
import { RequestMatcher } from "./dynamic/request-matcher.ts";
import { validatingWebhooks } from "./dynamic/validating-webhooks.ts";
import { eventRateLimit } from "./event-rate-limit.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { alwaysPullImages, denyServiceExternalIPs, podNodeSelector } from "./optional-plugins.ts";
import { defaultTolerationSeconds, priorityPlugin, runtimeClassPlugin, taintNodesByCondition } from "./pod-defaults.ts";
import { podSecurity, usualPodSecurity } from "./pod-security/pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { expressionValidation } from "./policies/expression-validation.ts";
import { mutatingPolicies } from "./policies/mutating-policies.ts";
import { validatingPolicies } from "./policies/validating-policies.ts";
import { rbacEscalation } from "./rbac-escalation.ts";
import { certificateRequester } from "./requester.ts";
import { resourceQuota } from "./resource-quota.ts";
import { serviceAccountPlugin } from "./service-account.ts";
import { persistentVolumeClaimResize, persistentVolumeLabel } from "./volume-plugins.ts";

/** Plugins that run only where they are asked for. */
const offByDefault = new Set(["AlwaysPullImages", "DenyServiceExternalIPs", "EventRateLimit", "PodNodeSelector"]);

/** What plugins are made of. */
export interface PluginContext {
  readonly registry: Registry;
  readonly rbac: RbacAuthorizer;
  readonly authorizer: AuthorizerChain;
  /** How webhooks are called; stays the caller's to close. */
  readonly webhooks: WebhookCaller;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly settings?: AdmissionSettings;
  /** Whether MutatingAdmissionPolicies are in force; their kinds must be served then. */
  readonly mutatingPolicies?: boolean;
}

/** The plugins that run, in the order in which they are asked. Throws Fault `invalid` for a name that is no plugin's. */
export function admissionPlugins(context: PluginContext): readonly AdmissionPlugin[] {
  const { enable = [], disable = [] } = context.settings ?? {};
  const plugins = allPlugins(context);
  const named = (flag: string, names: readonly string[]) => {
    const unknown = names.find((name) => !plugins.some((plugin) => plugin.name === name));
    if (unknown !== undefined) throw new Fault("invalid", `${flag} plugin ${JSON.stringify(unknown)} is unknown`);
    return new Set(names);
  };
  const on = named("enable-admission-plugins", enable);
  const off = named("disable-admission-plugins", disable);
  const both = enable.find((name) => off.has(name));
  if (both !== undefined)
    throw new Fault("invalid", `[${both}] in both enable-admission-plugins and disable-admission-plugins`);
  return plugins.filter(({ name }) => on.has(name) || !(off.has(name) || offByDefault.has(name)));
}

function allPlugins(context: PluginContext): readonly AdmissionPlugin[] {
  const { registry, rbac, authorizer, clock, metrics, settings = {} } = context;
  const { podSecurity: security, eventLimits = [], nodeSelectors, limitedResources } = settings.configuration ?? {};
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
    podTopologyLabels(registry),
    taintNodesByCondition,
    alwaysPullImages,
    podSecurity(registry, security ?? usualPodSecurity),
    podNodeSelector(registry, nodeSelectors ?? { allowed: {} }),
    priorityPlugin(registry),
    defaultTolerationSeconds,
    eventRateLimit(eventLimits, clock),
    ...defaultClasses(registry),
    persistentVolumeLabel,
    persistentVolumeClaimResize(registry),
    runtimeClassPlugin(registry),
    certificateRequester,
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    clusterTrustBundleAttest(authorizer),
    certificateSubjectRestriction,
    denyServiceExternalIPs,
    rbacEscalation(rbac, authorizer),
    expressionValidation,
    mutatingPolicies(dynamic, { enabled: context.mutatingPolicies === true }),
    mutatingWebhooks(dynamic),
    validatingPolicies(dynamic),
    validatingWebhooks(dynamic),
    resourceQuota(registry, clock, limitedResources), // last: it books what it lets pass
  ];
}
