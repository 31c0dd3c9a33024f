import { Fault } from "../../lib/fault.ts";
import { parseYaml } from "../../machinery/codec-yaml.ts";
import type { UserInfo } from "../exchange.ts";
import type { RequestInfo } from "../request-info.ts";

export const auditLevels = ["None", "Metadata", "Request", "RequestResponse"] as const;
export type AuditLevel = (typeof auditLevels)[number];

export const auditStages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;
export type AuditStage = (typeof auditStages)[number];

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface PolicyRule {
  readonly level?: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

interface Policy {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly rules?: readonly PolicyRule[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

/** What is written down of one request. */
export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

/** Says what is written down of a request: what its first rule that fits says, and nothing without one. */
export type AuditPolicy = (user: UserInfo, info: RequestInfo) => AuditDecision;

/**
 * Reads a policy file, YAML or JSON. Throws Fault `invalid` naming the place.
 * https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
 */
export function readAuditPolicy(text: string): AuditPolicy {
  const policy = (parseYaml(text) ?? {}) as Policy;
  if (policy.kind !== "Policy" || policy.apiVersion !== "audit.k8s.io/v1") {
    throw new Fault("invalid", `expected audit.k8s.io/v1 Policy, found ${policy.apiVersion} ${policy.kind}`);
  }
  const { rules = [], omitManagedFields = false } = policy;
  if (rules.length === 0)
    throw new Fault("invalid", "rules: Required value: an audit policy without rules is of no use");
  checkStages(policy.omitStages, "omitStages");
  const ready = rules.map((rule, index) => {
    checkRule(rule, `rules[${index}]`);
    const decision: AuditDecision = {
      level: rule.level ?? "None",
      omitStages: new Set([...(policy.omitStages ?? []), ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? omitManagedFields,
    };
    return { rule, decision };
  });
  const nothing: AuditDecision = { level: "None", omitStages: new Set(policy.omitStages), omitManagedFields };
  return (user, info) => ready.find(({ rule }) => fits(rule, user, info))?.decision ?? nothing;
}

function checkRule(rule: PolicyRule, place: string): void {
  if (!rule.level || !auditLevels.includes(rule.level)) {
    const values = auditLevels.map((level) => JSON.stringify(level)).join(", ");
    throw new Fault(
      "invalid",
      `${place}.level: Unsupported value: ${JSON.stringify(rule.level ?? "")}: supported values: ${values}`,
    );
  }
  checkStages(rule.omitStages, `${place}.omitStages`);
  if (rule.nonResourceURLs?.length && (rule.resources?.length || rule.namespaces?.length)) {
    throw new Fault(
      "invalid",
      `${place}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`,
    );
  }
  for (const url of rule.nonResourceURLs ?? []) {
    const star = url.indexOf("*");
    if (url !== "*" && (!url.startsWith("/") || (star >= 0 && star < url.length - 1))) {
      throw new Fault(
        "invalid",
        `${place}.nonResourceURLs: ${JSON.stringify(url)} must begin with a slash, and a star must be its end`,
      );
    }
  }
  for (const { group = "", resources, resourceNames } of rule.resources ?? []) {
    if (group.includes("/"))
      throw new Fault("invalid", `${place}.resources.group: ${JSON.stringify(group)} is no group`);
    if (resourceNames?.length && !resources?.length) {
      throw new Fault(
        "invalid",
        `${place}.resources.resourceNames: using resourceNames requires at least one resource`,
      );
    }
  }
}

function checkStages(stages: readonly AuditStage[] | undefined, place: string): void {
  for (const stage of stages ?? []) {
    if (!auditStages.includes(stage)) throw new Fault("invalid", `${place}: ${JSON.stringify(stage)} is no stage`);
  }
}

function fits(rule: PolicyRule, user: UserInfo, info: RequestInfo): boolean {
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !rule.userGroups.some((group) => user.groups.includes(group))) return false;
  if (rule.verbs?.length && !rule.verbs.includes(info.verb) && !rule.verbs.includes("*")) return false;
  if (rule.namespaces?.length || rule.resources?.length) return fitsResource(rule, info);
  if (rule.nonResourceURLs?.length)
    return !info.isResource && rule.nonResourceURLs.some((url) => fitsPath(url, info.path));
  return true;
}

function fitsPath(pattern: string, path: string): boolean {
  if (pattern === "*" || pattern === path) return true;
  return pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1));
}

function fitsResource(rule: PolicyRule, info: RequestInfo): boolean {
  if (!info.isResource) return false;
  if (rule.namespaces?.length && !rule.namespaces.includes(info.namespace)) return false;
  if (!rule.resources?.length) return true;
  const full = info.subresource ? `${info.resource}/${info.subresource}` : info.resource;
  return rule.resources.some(({ group = "", resources = [], resourceNames = [] }) => {
    if (group !== info.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false;
    return resources.some(
      (one) =>
        one === full ||
        one === "*" ||
        (info.subresource !== "" && (one === `*/${info.subresource}` || one === `${info.resource}/*`)),
    );
  });
}
