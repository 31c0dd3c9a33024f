import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, goJson, path } from "../../machinery/fields.ts";
import { rangeText } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { each } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { validateTolerations } from "./validate-affinity.ts";

const place = path("spec");

const immutableText =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** The faults of a change of a pod: images, an earlier deadline and more tolerations are all that may change. */
export function validatePodUpdate(next: core.Pod, previous: core.Pod): Errors {
  const counts = [
    ...validateContainerChange(next.spec.containers, previous.spec.containers, place.child("containers")),
    ...validateContainerChange(next.spec.initContainers, previous.spec.initContainers, place.child("initContainers")),
  ];
  if (counts.length > 0) return counts;
  const errors: FieldError[] = [...validateDeadline(next.spec, previous.spec)];
  errors.push(...validateGates(next.spec, previous.spec));
  errors.push(...validateAddedTolerations(next.spec, previous.spec));
  const munged = withAllowedChangesUndone(next.spec, previous.spec);
  if (!isEqual(munged, previous.spec)) {
    errors.push(field.forbidden(place, `${immutableText}\n${differences(munged, previous.spec)}`));
  }
  return errors;
}

function validateContainerChange(
  next: readonly core.Container[] | undefined,
  previous: readonly core.Container[] | undefined,
  at: FieldPath,
): Errors {
  if ((next ?? []).length !== (previous ?? []).length) {
    return [field.forbidden(at, "pod updates may not add or remove containers")];
  }
  return [];
}

function validateDeadline(next: core.PodSpec, previous: core.PodSpec): Errors {
  const at = place.child("activeDeadlineSeconds");
  const [after, before] = [next.activeDeadlineSeconds, previous.activeDeadlineSeconds];
  if (after === undefined) {
    if (before === undefined) return [];
    return [field.invalid(at, null, "must not update from a positive integer to nil value")];
  }
  if (after < 0 || after > 0x7fffffff) return [field.invalid(at, after, rangeText(0, 0x7fffffff))];
  if (before !== undefined && before < after) {
    return [field.invalid(at, after, "must be less than or equal to previous value")];
  }
  return [];
}

function validateGates(next: core.PodSpec, previous: core.PodSpec): Errors {
  const before = new Set((previous.schedulingGates ?? []).map(({ name }) => name));
  const added = (next.schedulingGates ?? []).map(({ name }) => name).filter((name) => !before.has(name));
  const detail = (name: string) => `only deletion is allowed, but found new scheduling gate '${name}'`;
  return added.map((name) => field.forbidden(place.child("schedulingGates"), detail(name)));
}

function validateAddedTolerations(next: core.PodSpec, previous: core.PodSpec): Errors {
  const at = place.child("tolerations");
  if (isEqual(next.tolerations, previous.tolerations)) return [];
  const kept = (previous.tolerations ?? []).every((old) =>
    (next.tolerations ?? []).some((now) => isEqual({ ...now, tolerationSeconds: 0 }, { ...old, tolerationSeconds: 0 })),
  );
  if (!kept) return [field.forbidden(at, "existing toleration can not be modified except its tolerationSeconds")];
  return validateTolerations(next.tolerations, at);
}

/** The new spec with every change taken back that is allowed: what still differs is not. */
function withAllowedChangesUndone(next: core.PodSpec, previous: core.PodSpec): core.PodSpec {
  const images = (old: readonly core.Container[] | undefined) => {
    let index = 0;
    return each((container: core.Container) => {
      const image = old?.[index++]?.image;
      return image === undefined || image === container.image ? container : { ...container, image };
    });
  };
  const gated = (previous.schedulingGates ?? []).length > 0;
  const grace =
    (previous.terminationGracePeriodSeconds ?? 0) < 0 && next.terminationGracePeriodSeconds === 1
      ? previous.terminationGracePeriodSeconds
      : next.terminationGracePeriodSeconds;
  const munged: core.PodSpec = {
    ...next,
    containers: images(previous.containers)(next.containers ?? []),
    activeDeadlineSeconds: previous.activeDeadlineSeconds,
    tolerations: previous.tolerations,
    schedulingGates: previous.schedulingGates,
    terminationGracePeriodSeconds: grace,
  };
  const initContainers = next.initContainers && images(previous.initContainers)(next.initContainers);
  const withInit = initContainers ? { ...munged, initContainers } : munged;
  return gated ? narrowed(withInit, previous) : withInit;
}

/** A pod that is held back may still be narrowed to fewer nodes. */
function narrowed(next: core.PodSpec, previous: core.PodSpec): core.PodSpec {
  const before = previous.nodeSelector ?? {};
  const kept = Object.entries(before).every(([key, value]) => next.nodeSelector?.[key] === value);
  const selected = kept ? { ...next, nodeSelector: previous.nodeSelector } : next;
  const must = previous.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const now = next.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const adds =
    must === undefined ||
    (now?.nodeSelectorTerms.length === must.nodeSelectorTerms.length &&
      must.nodeSelectorTerms.every((term, index) => extendsTerm(now.nodeSelectorTerms[index], term)));
  return adds ? { ...selected, affinity: previous.affinity } : selected;
}

function extendsTerm(next: core.NodeSelectorTerm | undefined, previous: core.NodeSelectorTerm): boolean {
  return (["matchExpressions", "matchFields"] as const).every((member) =>
    (previous[member] ?? []).every((requirement, index) => isEqual(next?.[member]?.[index], requirement)),
  );
}

/** The members that differ, one line for what was and one for what should be. */
export function differences(next: object, previous: object): string {
  const after = next as Readonly<Record<string, unknown>>;
  const before = previous as Readonly<Record<string, unknown>>;
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const lines = names
    .filter((name) => !isEqual(before[name], after[name]))
    .map((name) => `- \t${name}: ${goJson(before[name])},\n+ \t${name}: ${goJson(after[name])},\n`);
  return `  {\n${lines.join("")}  }\n`;
}
