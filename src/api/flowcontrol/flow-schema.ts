import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsLabel, dnsSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf, requiredNamed } from "../checks.ts";
import { ageColumn, integer, nameColumn, text } from "../columns.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as flowcontrol from "../generated/flowcontrol-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type FlowSchema = flowcontrol.FlowSchema;

const spec = path("spec");
const highestPrecedence = 10000;

/** Sorts requests into flows of a priority level. */
export const FlowSchema = defineKind<flowcontrol.FlowSchema>({
  type: "flowcontrol/v1.FlowSchema",
  plural: "flowschemas",
  scope: "Cluster",
  subresources: ["status"],
  defaults: (schema) =>
    change(fill(schema, { spec: { priorityLevelConfiguration: { name: "" } } }), {
      spec: (given) => fillEmpty(given, { matchingPrecedence: 1000 }),
    }),
  validate: (schema) => validateFlows(schema),
  columns: [
    nameColumn,
    text("PriorityLevel", (schema) => schema.spec.priorityLevelConfiguration?.name || "<none>"),
    integer("MatchingPrecedence", (schema) => schema.spec.matchingPrecedence ?? 0),
    text("DistinguisherMethod", (schema) => schema.spec.distinguisherMethod?.type ?? "<none>"),
    ageColumn,
    text("MissingPL", ({ status }) => status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?"),
  ],
  versions: sameInVersions("flowcontrol.apiserver.k8s.io/v1", {
    "flowcontrol.apiserver.k8s.io/v1beta3": "flowcontrol/v1beta3.FlowSchema",
    "flowcontrol.apiserver.k8s.io/v1beta2": "flowcontrol/v1beta2.FlowSchema",
    "flowcontrol.apiserver.k8s.io/v1beta1": "flowcontrol/v1beta1.FlowSchema",
  }),
});

function validateFlows({ metadata, spec: given }: flowcontrol.FlowSchema): Errors {
  const { matchingPrecedence = 0, distinguisherMethod, rules } = given;
  const errors: FieldError[] = [];
  const place = spec.child("matchingPrecedence");
  if (matchingPrecedence <= 0) errors.push(field.invalid(place, matchingPrecedence, "must be a positive value"));
  if (matchingPrecedence > highestPrecedence) {
    errors.push(field.invalid(place, matchingPrecedence, `must not be greater than ${highestPrecedence}`));
  }
  if (matchingPrecedence === 1 && metadata.name !== "exempt") {
    errors.push(field.invalid(place, 1, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  if (distinguisherMethod) {
    const methods = ["ByNamespace", "ByUser"];
    errors.push(...oneOf(spec.child("distinguisherMethod"), distinguisherMethod.type ?? "", methods));
  }
  const level = spec.child("priorityLevelConfiguration", "name");
  errors.push(...requiredNamed(level, given.priorityLevelConfiguration?.name, dnsSubdomain));
  return [...errors, ...eachAt(rules, spec.child("rules"), validateRule)];
}

function validateRule(rule: flowcontrol.PolicyRulesWithSubjects, place: FieldPath): Errors {
  const { resourceRules = [], nonResourceRules = [] } = rule;
  const subjects = rule.subjects ?? [];
  const errors: FieldError[] = [];
  if (subjects.length === 0) {
    errors.push(field.required(place.child("subjects"), "subjects must contain at least one value"));
  }
  errors.push(...eachAt(subjects, place.child("subjects"), validateSubject));
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    const detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
    errors.push(field.required(place, detail));
  }
  const need = (list: readonly string[] | undefined, at: FieldPath, what: string): Errors =>
    (list ?? []).length === 0 ? [field.required(at, `${what} must contain at least one value`)] : [];
  return [
    ...errors,
    ...eachAt(resourceRules, place.child("resourceRules"), (each, here) => [
      ...need(each.verbs, here.child("verbs"), "verbs"),
      ...need(each.apiGroups, here.child("apiGroups"), "resource rules must supply at least one api group; apiGroups"),
      ...need(each.resources, here.child("resources"), "resource rules must supply at least one resource; resources"),
      ...((each.namespaces ?? []).length === 0 && !each.clusterScope
        ? [
            field.required(
              here.child("namespaces"),
              "resource rules that are not cluster scoped must supply at least one namespace",
            ),
          ]
        : []),
    ]),
    ...eachAt(nonResourceRules, place.child("nonResourceRules"), (each, here) => [
      ...need(each.verbs, here.child("verbs"), "verbs"),
      ...need(each.nonResourceURLs, here.child("nonResourceURLs"), "nonResourceURLs"),
    ]),
  ];
}

function validateSubject(subject: flowcontrol.Subject & { readonly kind?: string }, place: FieldPath): Errors {
  const { kind, user, group, serviceAccount } = subject;
  if (kind === "User") {
    return user?.name
      ? []
      : [field.required(place.child("user", "name"), "user is required when subject kind is 'User'")];
  }
  if (kind === "Group") {
    return group?.name
      ? []
      : [field.required(place.child("group", "name"), "group is required when subject kind is 'Group'")];
  }
  if (kind !== "ServiceAccount") {
    return [field.notSupported(place.child("kind"), kind ?? "", ["Group", "ServiceAccount", "User"])];
  }
  const here = place.child("serviceAccount");
  if (!serviceAccount)
    return [field.required(here, "serviceAccount is required when subject kind is 'ServiceAccount'")];
  return [
    ...(serviceAccount.name === "*" ? [] : requiredNamed(here.child("name"), serviceAccount.name, dnsSubdomain)),
    ...(serviceAccount.namespace
      ? named(here.child("namespace"), serviceAccount.namespace, dnsLabel)
      : [field.required(here.child("namespace"), "must specify namespace for service account")]),
  ];
}
