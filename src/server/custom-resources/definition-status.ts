import { apiApproval } from "../../api/apiextensions/api-approval.ts";
import type { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { keepsAllFields } from "../../api/apiextensions/definition-versions.ts";
import { validateSchema } from "../../api/apiextensions/structural-schema.ts";
import type * as apiextensions from "../../api/generated/apiextensions-v1.ts";
import { path } from "../../machinery/fields.ts";

type Condition = apiextensions.CustomResourceDefinitionCondition;
type Names = apiextensions.CustomResourceDefinitionNames;
type Status = apiextensions.CustomResourceDefinitionStatus;

/** Keeps the instances of a definition from being forgotten with it. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** What a condition says now; the server knows since when. */
export type Finding = Omit<Condition, "lastTransitionTime">;

/** Whether a condition is there and true. */
export function isTrue({ status }: CustomResourceDefinition, type: string): boolean {
  return status?.conditions?.some((one) => one.type === type && one.status === "True") ?? false;
}

/** The conditions with one of them as it was found; a condition keeps its time while its status stays. */
export function withCondition(conditions: readonly Condition[], found: Finding, now: string): readonly Condition[] {
  const at = conditions.findIndex(({ type }) => type === found.type);
  const before = conditions[at];
  const { type, status, reason, message } = found;
  const since = before?.status === status ? before.lastTransitionTime : now;
  const next = { type, status, lastTransitionTime: since, reason, message } as Condition;
  return at < 0 ? [...conditions, next] : conditions.with(at, next);
}

/** The names that definitions of one group have, which others cannot have. */
export interface TakenNames {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** The names that the other definitions of a definition's group hold. */
export function takenNames(
  { metadata, spec }: CustomResourceDefinition,
  all: Iterable<CustomResourceDefinition>,
): TakenNames {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of all) {
    if (other.spec.group !== spec.group || other.metadata.name === metadata.name) continue;
    const names = other.status?.acceptedNames;
    if (!names) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [names.kind, names.listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

/** The status that follows from a definition and from what others hold. */
export function settledStatus(definition: CustomResourceDefinition, taken: TakenNames, now: string): Status {
  const { status } = definition;
  const { names, conflict } = acceptNames(definition.spec.names, status?.acceptedNames, taken);
  const accepted: Finding = conflict
    ? { type: "NamesAccepted", status: "False", ...conflict }
    : { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" };
  let conditions = withCondition(status?.conditions ?? [], accepted, now);
  if (!isTrue(definition, "Established")) conditions = withCondition(conditions, establishment(!conflict), now);
  const approval = approvalOf(definition);
  if (approval) conditions = withCondition(conditions, approval, now);
  const violations = violationsOf(definition);
  if (violations) conditions = withCondition(conditions, violations, now);
  else conditions = conditions.filter(({ type }) => type !== "NonStructuralSchema");
  return { ...status, conditions, acceptedNames: names } as Status;
}

function establishment(accepted: boolean): Finding {
  return accepted
    ? {
        type: "Established",
        status: "True",
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted",
      }
    : { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" };
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

// Each name is taken over for itself, so that a conflict over one does not cost the others.
function acceptNames(
  wanted: Names,
  held: Names | undefined,
  { resources, kinds }: TakenNames,
): { readonly names: Names; readonly conflict?: Conflict } {
  let conflict: Conflict | undefined;
  const settle = (name: string | undefined, old: string | undefined, taken: ReadonlySet<string>, reason: string) => {
    if (!name || name === old || !taken.has(name)) return name;
    conflict = { reason, message: `${JSON.stringify(name)} is already in use` };
    return old;
  };
  const plural = settle(wanted.plural, held?.plural, resources, "PluralConflict");
  const singular = settle(wanted.singular, held?.singular, resources, "SingularConflict");
  const inUse = (wanted.shortNames ?? []).filter((name) => !held?.shortNames?.includes(name) && resources.has(name));
  if (inUse.length > 0) {
    const texts = inUse.map((name) => `${JSON.stringify(name)} is already in use`);
    conflict = { reason: "ShortNamesConflict", message: texts.length === 1 ? texts[0]! : `[${texts.join(", ")}]` };
  }
  const shortNames = inUse.length > 0 ? held?.shortNames : wanted.shortNames;
  const kind = settle(wanted.kind, held?.kind, kinds, "KindConflict");
  const listKind = settle(wanted.listKind, held?.listKind, kinds, "ListKindConflict");
  const { categories } = wanted;
  const names: Names = {
    plural: plural ?? "",
    ...(singular ? { singular } : {}),
    ...(shortNames ? { shortNames } : {}),
    kind: kind ?? "",
    ...(listKind ? { listKind } : {}),
    ...(categories ? { categories } : {}),
  };
  return conflict ? { names, conflict } : { names };
}

const approvalReasons = {
  approved: "ApprovedAnnotation",
  bypassed: "UnapprovedAnnotation",
  invalid: "InvalidAnnotation",
  missing: "MissingAnnotation",
} as const;

function approvalOf({ metadata, spec }: CustomResourceDefinition): Finding | undefined {
  const approval = apiApproval(spec.group, metadata.annotations);
  if (!approval) return undefined;
  const { state, message } = approval;
  return {
    type: "KubernetesAPIApprovalPolicyConformant",
    status: state === "approved" ? "True" : "False",
    reason: approvalReasons[state],
    message,
  };
}

// Only definitions from the time before structural schemas can have others.
function violationsOf(definition: CustomResourceDefinition): Finding | undefined {
  if (!keepsAllFields(definition)) return undefined;
  const errors = definition.spec.versions.flatMap(({ schema }, index) =>
    validateSchema(
      schema?.openAPIV3Schema ?? {},
      path("spec", "versions").index(index).child("schema", "openAPIV3Schema"),
    ),
  );
  if (errors.length === 0) return undefined;
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  const message = texts.length === 1 ? texts[0]! : `[${texts.join(", ")}]`;
  return { type: "NonStructuralSchema", status: "True", reason: "Violations", message };
}
