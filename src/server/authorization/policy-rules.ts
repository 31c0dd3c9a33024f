import type { ClusterRole } from "../../api/rbac/cluster-role.ts";
import type { AuthorizationRequest } from "./authorizer.ts";

export type PolicyRule = NonNullable<ClusterRole["rules"]>[number];

/** Whether a rule covers a request. */
export function ruleAllows(rule: PolicyRule, request: AuthorizationRequest): boolean {
  if (!includesOrAll(rule.verbs, request.verb)) return false;
  if (!request.isResource) return pathMatches(rule.nonResourceURLs ?? [], request.path);
  return (
    includesOrAll(rule.apiGroups, request.group) &&
    resourceMatches(rule.resources ?? [], request.resource, request.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(request.name))
  );
}

function includesOrAll(list: readonly string[] | undefined, wanted: string): boolean {
  return list?.some((item) => item === "*" || item === wanted) ?? false;
}

function resourceMatches(resources: readonly string[], resource: string, subresource: string): boolean {
  const whole = subresource ? `${resource}/${subresource}` : resource;
  return resources.some(
    (item) => item === "*" || item === whole || (subresource !== "" && item === `*/${subresource}`),
  );
}

function pathMatches(paths: readonly string[], path: string): boolean {
  return paths.some(
    (item) => item === "*" || item === path || (item.endsWith("*") && path.startsWith(item.slice(0, -1))),
  );
}

/** The parts of `wanted` that `owned` does not cover, as upstream names them in a refusal. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  const missing: PolicyRule[] = [];
  for (const rule of wanted) {
    for (const part of breakDown(rule)) {
      if (!owned.some((own) => covers(own, part))) missing.push(part);
    }
  }
  return compact(missing);
}

// One rule per verb, group, resource and name, so that several rules together may cover what none does alone.
function* breakDown(rule: PolicyRule): Iterable<PolicyRule> {
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const base = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (!rule.resourceNames?.length) yield base;
        else for (const name of rule.resourceNames) yield { ...base, resourceNames: [name] };
      }
    }
    for (const url of rule.nonResourceURLs ?? []) yield { nonResourceURLs: [url], verbs: [verb] };
  }
}

function covers(own: PolicyRule, part: PolicyRule): boolean {
  if (!hasAll(own.verbs, part.verbs)) return false;
  if (part.nonResourceURLs) return part.nonResourceURLs.every((path) => pathMatches(own.nonResourceURLs ?? [], path));
  const resources = (part.resources ?? []).every((resource) => {
    const slash = resource.indexOf("/");
    const within = slash < 0 ? undefined : `*${resource.slice(slash)}`;
    return own.resources?.some((item) => item === "*" || item === resource || item === within);
  });
  if (!resources || !hasAll(own.apiGroups, part.apiGroups ?? [])) return false;
  if (!own.resourceNames?.length) return true;
  return part.resourceNames?.every((name) => own.resourceNames?.includes(name)) ?? false;
}

function hasAll(own: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return own?.includes("*") === true || wanted.every((item) => own?.includes(item));
}

// Parts that differ in their verb only are told as one.
function compact(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    const key = JSON.stringify(rest);
    const known = merged.get(key);
    const all = [...(known?.verbs ?? []), ...verbs.filter((verb) => !known?.verbs.includes(verb))];
    merged.set(key, { ...rest, verbs: all });
  }
  return [...merged.values()];
}

/** A rule in the form of upstream's refusals: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function ruleText(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined) => {
    if (values?.length) parts.push(`${name}:[${values.map((value) => JSON.stringify(value)).join(" ")}]`);
  };
  add("APIGroups", rule.apiGroups);
  add("Resources", rule.resources);
  add("ResourceNames", rule.resourceNames);
  add("NonResourceURLs", rule.nonResourceURLs);
  add("Verbs", rule.verbs);
  return `{${parts.join(", ")}}`;
}
