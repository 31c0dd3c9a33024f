import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsSubdomain, pathSegment } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named } from "../checks.ts";
import { ageColumn, nameColumn, text, wide } from "../columns.ts";
import { change, each, fillEmpty } from "../fill.ts";
import type * as rbac from "../generated/rbac-v1.ts";
import type { Column } from "../kind.ts";

/** The group of roles and of all subjects but service accounts. */
export const rbacGroup = "rbac.authorization.k8s.io";

interface Reach {
  readonly namespaced: boolean;
}

/** The faults of the rules of a role. */
export function validateRules(rules: readonly rbac.PolicyRule[] | undefined, { namespaced }: Reach): Errors {
  return eachAt(rules, path("rules"), (rule, here) => {
    const { nonResourceURLs = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
    const errors: FieldError[] = [];
    if ((rule.verbs ?? []).length === 0)
      errors.push(field.required(here.child("verbs"), "verbs must contain at least one value"));
    if (nonResourceURLs.length > 0) {
      const at = here.child("nonResourceURLs");
      if (namespaced) {
        errors.push(field.invalid(at, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs"));
      }
      if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
        const detail = "rules cannot apply to both regular resources and non-resource URLs";
        errors.push(field.invalid(at, nonResourceURLs, detail));
      }
      return errors;
    }
    if (apiGroups.length === 0) {
      errors.push(field.required(here.child("apiGroups"), "resource rules must supply at least one api group"));
    }
    if (resources.length === 0) {
      errors.push(field.required(here.child("resources"), "resource rules must supply at least one resource"));
    }
    return errors;
  });
}

interface Bound {
  readonly subjects?: readonly rbac.Subject[];
  readonly roleRef: rbac.RoleRef;
}

/** Fills in the groups of the role and of the subjects. */
export function bindingDefaults<T extends Bound>(binding: T): T {
  const filled = change<Bound>(binding, {
    roleRef: (reference) => fillEmpty(reference, { apiGroup: rbacGroup }),
    subjects: each((subject) =>
      subject.kind === "User" || subject.kind === "Group" ? fillEmpty(subject, { apiGroup: rbacGroup }) : subject,
    ),
  });
  return filled as T;
}

const noRole: rbac.RoleRef = { apiGroup: "", kind: "", name: "" };

/** The faults of who gets which role. A cluster-wide binding can name cluster roles only. */
export function validateBinding({ roleRef = noRole, subjects }: Bound, { namespaced }: Reach): Errors {
  const errors: FieldError[] = [];
  const place = path("roleRef");
  if (roleRef.apiGroup !== rbacGroup) {
    errors.push(field.notSupported(place.child("apiGroup"), roleRef.apiGroup ?? "", [rbacGroup]));
  }
  const roles = namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"];
  if (!roles.includes(roleRef.kind)) {
    errors.push(field.notSupported(place.child("kind"), roleRef.kind ?? "", roles));
  }
  if (!roleRef.name) errors.push(field.required(place.child("name")));
  else errors.push(...named(place.child("name"), roleRef.name, pathSegment));
  return [
    ...errors,
    ...eachAt(subjects, path("subjects"), (subject, here) => validateSubject(subject, here, namespaced)),
  ];
}

function validateSubject(subject: rbac.Subject, place: FieldPath, namespaced: boolean): Errors {
  const { kind, name, apiGroup = "", namespace } = subject;
  const errors: FieldError[] = [];
  if (!name) errors.push(field.required(place.child("name")));
  switch (kind) {
    case "ServiceAccount":
      if (name) errors.push(...named(place.child("name"), name, dnsSubdomain));
      if (apiGroup) errors.push(field.notSupported(place.child("apiGroup"), apiGroup, [""]));
      if (!namespaced && !namespace) errors.push(field.required(place.child("namespace")));
      break;
    case "User":
    case "Group":
      if (apiGroup !== rbacGroup) errors.push(field.notSupported(place.child("apiGroup"), apiGroup, [rbacGroup]));
      break;
    default:
      errors.push(field.notSupported(place.child("kind"), kind ?? "", ["ServiceAccount", "User", "Group"]));
  }
  return errors;
}

/** The fault of a binding that points to another role than before. */
export function validateSameRole(next: Bound, previous: Bound): Errors {
  if (isEqual(next.roleRef, previous.roleRef)) return [];
  return [field.invalid("roleRef", next.roleRef, "cannot change roleRef")];
}

function subjectsText({ subjects = [] }: Bound, kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === "ServiceAccount" && namespace ? `${namespace}/${name}` : name))
    .join(", ");
}

/** The columns of both kinds of bindings. */
export const bindingColumns: readonly Column<rbac.RoleBinding | rbac.ClusterRoleBinding>[] = [
  nameColumn,
  text("Role", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide(text("Users", (binding) => subjectsText(binding, "User"))),
  wide(text("Groups", (binding) => subjectsText(binding, "Group"))),
  wide(text("ServiceAccounts", (binding) => subjectsText(binding, "ServiceAccount"))),
];
