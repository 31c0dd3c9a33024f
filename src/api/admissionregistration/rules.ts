import { type FieldPath, field } from "../../machinery/fields.ts";
import { qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf } from "../checks.ts";
import { change, each, fill } from "../fill.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { validateSelector } from "../selectors.ts";

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/** A rule is about objects of every scope unless it says otherwise. */
export function ruleDefaults<T extends registration.RuleWithOperations>(rule: T): T {
  return fill<registration.RuleWithOperations>(rule, { scope: "*" }) as T;
}

/** What a policy's choice of requests gets when it does not say. */
export function matchDefaults(match: registration.MatchResources): registration.MatchResources {
  const filled = fill(match, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
  return change(filled, { resourceRules: each(ruleDefaults), excludeResourceRules: each(ruleDefaults) });
}

/** The faults of a rule for which requests something is asked. */
export function validateRule(rule: registration.RuleWithOperations, place: FieldPath): Errors {
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const errors: FieldError[] = [];
  const wanted = rule.operations ?? [];
  const all = (member: string, list: readonly string[], noun: string) => {
    if (list.length === 0) errors.push(field.required(place.child(member)));
    if (list.length > 1 && list.includes("*")) {
      errors.push(field.invalid(place.child(member), list, `if '*' is present, must not specify other ${noun}`));
    }
  };
  all("operations", wanted, "operations");
  errors.push(...eachAt(wanted, place.child("operations"), (operation, here) => oneOf(here, operation, operations)));
  all("apiGroups", apiGroups, "API groups");
  all("apiVersions", apiVersions, "API versions");
  for (const [index, version] of apiVersions.entries()) {
    if (version === "") errors.push(field.required(place.child("apiVersions").index(index)));
  }
  if (resources.length === 0) errors.push(field.required(place.child("resources")));
  errors.push(...validateResources(resources, place.child("resources")));
  return [...errors, ...oneOf(place.child("scope"), scope, ["*", "Cluster", "Namespaced"])];
}

function validateResources(resources: readonly string[], place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const everything = new Set(resources.filter((text) => text.startsWith("*/")).map((text) => text.slice(2)));
  const wholes = new Set(resources.filter((text) => text.endsWith("/*")).map((text) => text.slice(0, -2)));
  for (const [index, text] of resources.entries()) {
    const here = place.index(index);
    if (text === "") {
      errors.push(field.required(here));
      continue;
    }
    const [resource = "", subresource] = text.split("/");
    if (subresource === undefined) continue;
    if (resource !== "*" && everything.has(subresource)) {
      errors.push(field.invalid(here, text, `if '*/${subresource}' is present, must not specify ${text}`));
    }
    if (subresource !== "*" && wholes.has(resource)) {
      errors.push(field.invalid(here, text, `if '${resource}/*' is present, must not specify ${text}`));
    }
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.push(field.invalid(place, resources, "if '*/*' is present, must not specify other resources"));
  }
  return errors;
}

/** The faults of which requests a policy is about. */
export function validateMatch(match: registration.MatchResources | undefined, place: FieldPath): Errors {
  if (!match) return [];
  return [
    ...oneOf(place.child("matchPolicy"), match.matchPolicy, ["Equivalent", "Exact"]),
    ...validateSelector(match.namespaceSelector, place.child("namespaceSelector")),
    ...validateSelector(match.objectSelector, place.child("objectSelector")),
    ...eachAt(match.resourceRules, place.child("resourceRules"), validateRule),
    ...eachAt(match.excludeResourceRules, place.child("excludeResourceRules"), validateRule),
  ];
}

const mutable = ["*", "CONNECT", "CREATE", "UPDATE"];

/** The faults of operations that nothing can be changed at: a deletion has no object to change. */
export function validateMutatingOperations(match: registration.MatchResources | undefined, place: FieldPath): Errors {
  const here = place.child("resourceRules", "operations");
  return (match?.resourceRules ?? []).flatMap((rule) =>
    (rule.operations ?? []).flatMap((operation) => oneOf(here, operation, mutable)),
  );
}

/** The faults of conditions in CEL; whether they compile, the server finds out. */
export function validateConditions(
  conditions: readonly registration.MatchCondition[] | undefined,
  place: FieldPath,
): Errors {
  const names = new Set<string>();
  const list = conditions ?? [];
  const errors: FieldError[] = list.length > 64 ? [field.tooMany(place, list.length, 64)] : [];
  return [
    ...errors,
    ...eachAt(list, place, ({ name, expression }, here) => {
      const faults: FieldError[] = [];
      if (!expression?.trim()) faults.push(field.required(here.child("expression")));
      if (!name) faults.push(field.required(here.child("name")));
      else faults.push(...named(here.child("name"), name, qualifiedName));
      if (names.has(name)) faults.push(field.duplicate(here.child("name"), name));
      names.add(name);
      return faults;
    }),
  ];
}
