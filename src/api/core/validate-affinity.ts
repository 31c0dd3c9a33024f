import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsLabel, dnsSubdomain, qualifiedName, validLabelValue } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { validateSelector } from "../selectors.ts";

const wrongOperator = "not a valid selector operator";
const wrongWeight = "must be in the range 1-100";

/** The faults of a pod's wishes about nodes and about other pods. */
export function validateAffinity(affinity: core.Affinity | undefined, place: FieldPath): Errors {
  if (!affinity) return [];
  return [
    ...validateNodeAffinity(affinity.nodeAffinity, place.child("nodeAffinity")),
    ...validatePodAffinity(affinity.podAffinity, place.child("podAffinity")),
    ...validatePodAffinity(affinity.podAntiAffinity, place.child("podAntiAffinity")),
  ];
}

function validateNodeAffinity(affinity: core.NodeAffinity | undefined, place: FieldPath): Errors {
  const must = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const wishes = affinity?.preferredDuringSchedulingIgnoredDuringExecution;
  return [
    ...(must ? validateNodeSelector(must, place.child("requiredDuringSchedulingIgnoredDuringExecution")) : []),
    ...eachAt(
      wishes,
      place.child("preferredDuringSchedulingIgnoredDuringExecution"),
      ({ weight, preference }, here) => [
        ...(weight > 0 && weight <= 100 ? [] : [field.invalid(here.child("weight"), weight ?? 0, wrongWeight)]),
        ...validateTerm(preference ?? {}, here.child("preference"), { checkValues: false }),
      ],
    ),
  ];
}

/** The faults of a choice of nodes: pods' required affinity, and the nodes that reach a volume. */
export function validateNodeSelector(selector: core.NodeSelector, place: FieldPath): Errors {
  const terms = place.child("nodeSelectorTerms");
  if (!selector.nodeSelectorTerms || selector.nodeSelectorTerms.length === 0) {
    return [field.required(terms, "must have at least one node selector term")];
  }
  return eachAt(selector.nodeSelectorTerms, terms, (term, here) => validateTerm(term, here, { checkValues: true }));
}

function validateTerm(
  term: core.NodeSelectorTerm,
  place: FieldPath,
  options: { readonly checkValues: boolean },
): Errors {
  return [
    ...eachAt(term.matchExpressions, place.child("matchExpressions"), (requirement, here) =>
      validateRequirement(requirement, here, options),
    ),
    ...eachAt(term.matchFields, place.child("matchFields"), validateFieldRequirement),
  ];
}

function validateRequirement(
  { key, operator, values = [] }: core.NodeSelectorRequirement,
  place: FieldPath,
  { checkValues }: { readonly checkValues: boolean },
): Errors {
  const errors: FieldError[] = [];
  const here = place.child("values");
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        errors.push(field.required(here, "must be specified when `operator` is 'In' or 'NotIn'"));
      } else if (checkValues) {
        errors.push(...eachAt(values, here, (value, at) => named(at, value, validLabelValue)));
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        errors.push(field.forbidden(here, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        errors.push(field.required(here, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(field.invalid(place.child("operator"), operator ?? "", wrongOperator));
  }
  return [...errors, ...named(place.child("key"), key, qualifiedName)];
}

function validateFieldRequirement(
  { key, operator, values = [] }: core.NodeSelectorRequirement,
  place: FieldPath,
): Errors {
  const errors: FieldError[] = [];
  if (operator !== "In" && operator !== "NotIn") {
    errors.push(field.invalid(place.child("operator"), operator ?? "", wrongOperator));
  } else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(field.required(place.child("values"), detail));
  }
  if (key !== "metadata.name") {
    return [...errors, field.invalid(place.child("key"), key ?? "", "not a valid field selector key")];
  }
  return [...errors, ...eachAt(values, place.child("values"), (value, here) => named(here, value, dnsSubdomain))];
}

function validatePodAffinity(affinity: core.PodAffinity | undefined, place: FieldPath): Errors {
  if (!affinity) return [];
  const must = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  const wishes = affinity.preferredDuringSchedulingIgnoredDuringExecution;
  return [
    ...eachAt(must, place.child("requiredDuringSchedulingIgnoredDuringExecution"), validatePodTerm),
    ...eachAt(
      wishes,
      place.child("preferredDuringSchedulingIgnoredDuringExecution"),
      ({ weight, podAffinityTerm }, here) => [
        ...(weight > 0 && weight <= 100 ? [] : [field.invalid(here.child("weight"), weight ?? 0, wrongWeight)]),
        ...validatePodTerm(podAffinityTerm ?? { topologyKey: "" }, here.child("podAffinityTerm")),
      ],
    ),
  ];
}

function validatePodTerm(term: core.PodAffinityTerm, place: FieldPath): Errors {
  return [
    ...validateSelector(term.labelSelector, place.child("labelSelector")),
    ...validateSelector(term.namespaceSelector, place.child("namespaceSelector")),
    ...(term.namespaces ?? []).flatMap((name) => named(place.child("namespace"), name, dnsLabel)),
    ...validateMatchLabelKeys(term, "matchLabelKeys", place),
    ...validateMatchLabelKeys(term, "mismatchLabelKeys", place),
    ...validateTopologyKey(term.topologyKey, place.child("topologyKey")),
  ];
}

interface WithLabelKeys {
  readonly labelSelector?: core.PodAffinityTerm["labelSelector"];
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

function validateMatchLabelKeys(
  term: WithLabelKeys,
  member: "matchLabelKeys" | "mismatchLabelKeys",
  place: FieldPath,
): Errors {
  const keys = term[member] ?? [];
  if (keys.length === 0) return [];
  const here = place.child(member);
  if (!term.labelSelector) return [field.forbidden(here, "must not be specified when labelSelector is not set")];
  return eachAt(keys, here, (key, at) => named(at, key, qualifiedName));
}

function validateTopologyKey(key: string | undefined, place: FieldPath): Errors {
  return key ? named(place, key, qualifiedName) : [field.required(place, "can not be empty")];
}

/** The faults of how a pod wants to be spread over parts of the cluster. */
export function validateSpreadConstraints(
  constraints: readonly core.TopologySpreadConstraint[] | undefined,
  place: FieldPath,
): Errors {
  return eachAt(constraints, place, (constraint, here, index) => {
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint;
    const errors: FieldError[] = [];
    if (!(maxSkew > 0)) errors.push(field.invalid(here.child("maxSkew"), maxSkew ?? 0, "must be greater than zero"));
    errors.push(...validateTopologyKey(topologyKey, here.child("topologyKey")));
    const actions = ["DoNotSchedule", "ScheduleAnyway"];
    errors.push(...oneOf(here.child("whenUnsatisfiable"), whenUnsatisfiable ?? "", actions));
    const same = constraints?.findIndex(
      (other, at) => at < index && other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable,
    );
    if (same !== undefined && same >= 0) {
      const at = here.child("{topologyKey, whenUnsatisfiable}");
      errors.push(field.duplicate(at, `{${topologyKey}, ${whenUnsatisfiable}}`));
    }
    if (minDomains !== undefined) {
      if (minDomains <= 0) {
        errors.push(field.invalid(here.child("minDomains"), minDomains, "must be greater than zero"));
      }
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(field.invalid(here.child("minDomains"), minDomains, detail));
      }
    }
    const policies = ["Honor", "Ignore"];
    errors.push(...oneOf(here.child("nodeAffinityPolicy"), constraint.nodeAffinityPolicy, policies));
    errors.push(...oneOf(here.child("nodeTaintsPolicy"), constraint.nodeTaintsPolicy, policies));
    errors.push(...validateMatchLabelKeys(constraint, "matchLabelKeys", here));
    errors.push(...validateSelector(constraint.labelSelector, here.child("labelSelector")));
    return errors;
  });
}

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** The faults of a taint's effect; `optional` where none is a meaning of its own. */
export function validateTaintEffect(
  effect: string | undefined,
  place: FieldPath,
  { optional }: { readonly optional: boolean },
): Errors {
  if (!effect) return optional ? [] : [field.required(place)];
  return oneOf(place, effect, taintEffects);
}

/** The faults of a pod's tolerations. */
export function validateTolerations(tolerations: readonly core.Toleration[] | undefined, place: FieldPath): Errors {
  return eachAt(tolerations, place, (toleration, here) => {
    const { key, operator, value = "", effect, tolerationSeconds } = toleration;
    const errors: FieldError[] = [];
    if (key) errors.push(...named(here.child("key"), key, qualifiedName));
    else if (operator !== "Exists") {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(field.invalid(here.child("operator"), operator ?? "", detail));
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      errors.push(field.invalid(here.child("effect"), effect ?? "", detail));
    }
    if (!operator || operator === "Equal") {
      const faults = validLabelValue(value);
      if (faults.length > 0) errors.push(field.invalid(here.child("operator"), value, faults.join(";")));
    } else if (operator === "Exists") {
      if (value) {
        errors.push(
          field.invalid(here.child("operator"), toleration, "value must be empty when `operator` is 'Exists'"),
        );
      }
    } else errors.push(field.notSupported(here.child("operator"), operator, ["Equal", "Exists"]));
    errors.push(...validateTaintEffect(effect, here.child("effect"), { optional: true }));
    return errors;
  });
}
