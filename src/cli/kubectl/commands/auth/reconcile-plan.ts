import { isEqual } from "../../../../machinery/equality.ts";
import type { AnyObject } from "../../resources/resource-info.ts";

/** What must happen for an object to be as its manifest wants it. */
export interface Plan {
  readonly operation: "none" | "create" | "update" | "recreate";
  readonly object: AnyObject;
  /** The object wants to stay as it is. */
  readonly protected: boolean;
  /** What is told of it. */
  readonly lines: readonly string[];
}

interface Rule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

interface Subject {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly name: string;
  readonly namespace?: string;
}

type Role = AnyObject & {
  readonly rules?: readonly Rule[] | null;
  readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly object[] } | null;
};
type Binding = AnyObject & { readonly subjects?: readonly Subject[] | null; readonly roleRef?: unknown };

const optOut = "rbac.authorization.kubernetes.io/autoupdate";

/** How a role comes into line. */
export function planRole(expected: Role, existing: Role | undefined, removeExtra: boolean): Plan {
  const wanted = expected.rules ?? [];
  const wantedSelectors = expected.aggregationRule?.clusterRoleSelectors ?? [];
  if (!existing)
    return created(expected, [
      ["rules", wanted.map(ruleText)],
      ["aggregation rule selectors", wantedSelectors.map((one) => JSON.stringify(one))],
    ]);
  const { metadata, changed } = merged(expected, existing);
  const has = existing.rules ?? [];
  const bothAggregated = Boolean(expected.aggregationRule && existing.aggregationRule);
  const extra = bothAggregated ? [] : uncovered(wanted, has);
  const missing = bothAggregated ? [] : uncovered(has, wanted);
  const hasSelectors = existing.aggregationRule?.clusterRoleSelectors ?? [];
  const missingSelectors = wantedSelectors.filter((one) => !hasSelectors.some((other) => isEqual(one, other)));
  const extraSelectors = hasSelectors.filter((one) => !wantedSelectors.some((other) => isEqual(one, other)));
  let operation: Plan["operation"] = changed ? "update" : "none";
  let rules = has;
  if (removeExtra ? missing.length + extra.length > 0 : missing.length > 0) {
    rules = removeExtra ? wanted : [...has, ...missing];
    operation = "update";
  }
  let aggregationRule = existing.aggregationRule;
  if (!expected.aggregationRule && existing.aggregationRule) {
    aggregationRule = null;
    operation = "update";
  } else if (removeExtra ? missingSelectors.length + extraSelectors.length > 0 : missingSelectors.length > 0) {
    aggregationRule = { clusterRoleSelectors: removeExtra ? wantedSelectors : [...hasSelectors, ...missingSelectors] };
    operation = "update";
  }
  const selectors = (all: readonly object[]) => all.map((one) => JSON.stringify(one));
  const { aggregationRule: _, ...rest } = existing;
  const object = { ...rest, metadata, rules, ...(aggregationRule ? { aggregationRule } : {}) };
  return told(operation, object, existing, [
    ...(removeExtra ? [removedPart("rules", extra.map(ruleText))] : []),
    addedPart("rules", missing.map(ruleText)),
    ...(removeExtra ? [removedPart("aggregation rule selectors", selectors(extraSelectors))] : []),
    addedPart("aggregation rule selectors", selectors(missingSelectors)),
  ]);
}

/** How a binding comes into line. */
export function planBinding(expected: Binding, existing: Binding | undefined, removeExtra: boolean): Plan {
  const wanted = expected.subjects ?? [];
  if (!existing) return created(expected, [["subjects", wanted.map(subjectText)]]);
  if (!isEqual(expected.roleRef, existing.roleRef)) {
    return told("recreate", expected, existing, []);
  }
  const { metadata, changed } = merged(expected, existing);
  const has = existing.subjects ?? [];
  const same = (a: Subject, b: Subject) => subjectText(a) === subjectText(b);
  const missing = wanted.filter((one) => !has.some((other) => same(one, other)));
  const extra = has.filter((one) => !wanted.some((other) => same(one, other)));
  const needed = removeExtra ? missing.length + extra.length > 0 : missing.length > 0;
  const subjects = needed ? (removeExtra ? wanted : [...has, ...missing]) : has;
  return told(needed || changed ? "update" : "none", { ...existing, metadata, subjects }, existing, [
    ...(removeExtra ? [removedPart("subjects", extra.map(subjectText))] : []),
    addedPart("subjects", missing.map(subjectText)),
  ]);
}

type Part = readonly [heading: string, lines: readonly string[]];
const addedPart = (what: string, lines: readonly string[]): Part => [`missing ${what} added`, lines];
const removedPart = (what: string, lines: readonly string[]): Part => [`extra ${what} removed`, lines];

function created(expected: AnyObject, parts: readonly Part[]): Plan {
  return told(
    "create",
    expected,
    undefined,
    parts.map(([what, lines]) => addedPart(what, lines)),
  );
}

function told(
  operation: Plan["operation"],
  object: AnyObject,
  existing: AnyObject | undefined,
  parts: readonly Part[],
): Plan {
  const keeps = existing?.metadata.annotations?.[optOut] === "false";
  const caveat = keeps ? `, but object opted out (${optOut}: false)` : "";
  const shown = parts.filter(([, lines]) => lines.length > 0);
  const lines = [
    `\treconciliation required ${operation}${caveat}`,
    ...shown.flatMap(([heading, each]) => [`\t${heading}:`, ...each.map((line) => `\t\t${line}`)]),
  ];
  return { operation, object, protected: keeps, lines: operation === "none" ? [] : lines };
}

function merged(
  expected: AnyObject,
  existing: AnyObject,
): { readonly metadata: AnyObject["metadata"]; readonly changed: boolean } {
  const labels = { ...expected.metadata.labels, ...existing.metadata.labels };
  const annotations = { ...expected.metadata.annotations, ...existing.metadata.annotations };
  const changed =
    !isEqual(labels, existing.metadata.labels ?? {}) || !isEqual(annotations, existing.metadata.annotations ?? {});
  return { metadata: changed ? { ...existing.metadata, labels, annotations } : existing.metadata, changed };
}

/** The single permissions of `wanted` that `owned` does not give. */
function uncovered(owned: readonly Rule[], wanted: readonly Rule[]): readonly Rule[] {
  return wanted.flatMap(singles).filter((single) => !owned.some((rule) => covers(rule, single)));
}

function singles(rule: Rule): readonly Rule[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  return [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb): readonly Rule[] => {
          const single = { verbs: [verb], apiGroups: [group], resources: [resource] };
          return resourceNames.length > 0
            ? resourceNames.map((name) => ({ ...single, resourceNames: [name] }))
            : [single];
        }),
      ),
    ),
    ...nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] }))),
  ];
}

function covers(rule: Rule, single: Rule): boolean {
  const has = (list: readonly string[] | undefined, word: string | undefined) =>
    word !== undefined && (list ?? []).some((one) => one === "*" || one === word);
  if (!has(rule.verbs, single.verbs?.[0])) return false;
  const [url] = single.nonResourceURLs ?? [];
  if (url !== undefined) {
    return (rule.nonResourceURLs ?? []).some(
      (one) => one === url || (one.endsWith("*") && url.startsWith(one.slice(0, -1))),
    );
  }
  const [resource = ""] = single.resources ?? [];
  const [, ...sub] = resource.split("/");
  const ofAll = sub.length > 0 && (rule.resources ?? []).includes(`*/${sub.join("/")}`);
  if (!has(rule.apiGroups, single.apiGroups?.[0]) || !(has(rule.resources, resource) || ofAll)) return false;
  const [name] = single.resourceNames ?? [];
  return (rule.resourceNames ?? []).length === 0 || (name !== undefined && rule.resourceNames!.includes(name));
}

const listText = (list: readonly string[] = []) => `[${list.join(" ")}]`;

/** A rule as Go prints its fields. */
function ruleText({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): string {
  return `{Verbs:${listText(verbs)} APIGroups:${listText(apiGroups)} Resources:${listText(resources)} ResourceNames:${listText(resourceNames)} NonResourceURLs:${listText(nonResourceURLs)}}`;
}

function subjectText({ kind, apiGroup, name, namespace = "" }: Subject): string {
  const group = apiGroup ?? (kind === "ServiceAccount" ? "" : "rbac.authorization.k8s.io");
  return `{Kind:${kind} APIGroup:${group} Name:${name} Namespace:${namespace}}`;
}
