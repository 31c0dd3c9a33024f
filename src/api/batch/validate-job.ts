import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { domainPrefixedPath } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, nonNegative, oneOf, requiredOneOf } from "../checks.ts";
import { validatePodTemplate, validateSelected } from "../core/pod-template.ts";
import type * as batch from "../generated/batch-v1.ts";
import type * as core from "../generated/core-v1.ts";
import { validateSelector } from "../selectors.ts";

const spec = path("spec");
const uidLabels = ["controller-uid", "batch.kubernetes.io/controller-uid"];
const nameLabels = ["job-name", "batch.kubernetes.io/job-name"];

/** The faults of a Job. */
export function validateJob(job: batch.Job): Errors {
  const { selector, template = {} } = job.spec;
  const errors: FieldError[] = [...validateGenerated(job), ...validateJobSpec(job.spec, spec)];
  if (!selector) errors.push(field.required(spec.child("selector")));
  else {
    errors.push(...validateSelector(selector, spec.child("selector")));
    errors.push(...validateSelected(template, selector, spec.child("template")));
  }
  return errors;
}

/** A selector that was not asked for is the one that the server generates, and the template's labels are its own. */
function validateGenerated({ metadata, spec: { manualSelector, selector, template = {} } }: batch.Job): Errors {
  if (manualSelector || !selector) return [];
  const errors: FieldError[] = [];
  const labels = template.metadata?.labels ?? {};
  const generated = uidLabels.some((label) => isEqual(selector, { matchLabels: { [label]: metadata.uid } }));
  const expect = (label: string, value: string) => {
    const place = path("spec", "template", "metadata", "labels").key(label);
    if (labels[label] === undefined) errors.push(field.required(place, `must be '${value}'`));
    else if (labels[label] !== value) errors.push(field.invalid(place, labels, `must be '${value}'`));
  };
  for (const label of uidLabels) expect(label, metadata.uid);
  for (const label of nameLabels) expect(label, metadata.name);
  if (!generated) errors.push(field.invalid(spec.child("selector"), selector, "`selector` not auto-generated"));
  return errors;
}

const mostParallel = 100_000;

/** The faults of what a Job runs, whether it stands in a Job or in a CronJob. */
export function validateJobSpec(given: batch.JobSpec, place: FieldPath): Errors {
  const { completions, parallelism, completionMode, backoffLimitPerIndex, maxFailedIndexes } = given;
  const errors: FieldError[] = [
    ...nonNegative(place.child("parallelism"), parallelism),
    ...nonNegative(place.child("completions"), completions),
    ...nonNegative(place.child("activeDeadlineSeconds"), given.activeDeadlineSeconds),
    ...nonNegative(place.child("backoffLimit"), given.backoffLimit),
    ...nonNegative(place.child("ttlSecondsAfterFinished"), given.ttlSecondsAfterFinished),
    ...nonNegative(place.child("backoffLimitPerIndex"), backoffLimitPerIndex),
    ...nonNegative(place.child("maxFailedIndexes"), maxFailedIndexes),
  ];
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.push(field.required(place.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
  }
  if (given.managedBy !== undefined) {
    errors.push(...named(place.child("managedBy"), given.managedBy, domainPrefixedPath));
    if (given.managedBy.length > 63) errors.push(field.tooLong(place.child("managedBy"), 63));
  }
  errors.push(...validateIndexed(given, place));
  errors.push(...validateFailurePolicy(given, place.child("podFailurePolicy")));
  if (given.successPolicy && completionMode !== "Indexed") {
    errors.push(field.invalid(place.child("successPolicy"), given.successPolicy, "requires indexed completion mode"));
  } else if (given.successPolicy && (given.successPolicy.rules ?? []).length === 0) {
    errors.push(
      field.required(
        place.child("successPolicy", "rules"),
        "at least one rules must be specified when the successPolicy is specified",
      ),
    );
  }
  const replacement = place.child("podReplacementPolicy");
  if (given.podFailurePolicy && given.podReplacementPolicy !== undefined) {
    if (given.podReplacementPolicy !== "Failed") {
      errors.push(field.notSupported(replacement, given.podReplacementPolicy, ["Failed"]));
    }
  } else errors.push(...oneOf(replacement, given.podReplacementPolicy, ["Failed", "TerminatingOrFailed"]));
  const template = given.template ?? {};
  errors.push(...validatePodTemplate(template, place.child("template")));
  return [...errors, ...validateRestart(template, place.child("template", "spec", "restartPolicy"))];
}

// "Always" is what a template gets that does not say, so it counts as not said.
function validateRestart(template: core.PodTemplateSpec, place: FieldPath): Errors {
  const policy = template.spec?.restartPolicy;
  if (!policy || policy === "Always") return [field.required(place, 'valid values: "OnFailure", "Never"')];
  return oneOf(place, policy, ["OnFailure", "Never"]);
}

function validateIndexed(given: batch.JobSpec, place: FieldPath): Errors {
  const { completionMode, completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = given;
  if (completionMode === undefined) return [];
  const errors: FieldError[] = [...oneOf(place.child("completionMode"), completionMode, ["Indexed", "NonIndexed"])];
  if (completionMode === "Indexed") {
    if (completions === undefined) {
      errors.push(field.required(place.child("completions"), "when completion mode is Indexed"));
    }
    if (parallelism > mostParallel) {
      const detail = `must be less than or equal to ${mostParallel} when completion mode is Indexed`;
      errors.push(field.invalid(place.child("parallelism"), parallelism, detail));
    }
    if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
      errors.push(
        field.invalid(place.child("maxFailedIndexes"), maxFailedIndexes, "must be less than or equal to completions"),
      );
    }
  } else if (backoffLimitPerIndex !== undefined) {
    const detail = "requires indexed completion mode";
    errors.push(field.invalid(place.child("backoffLimitPerIndex"), backoffLimitPerIndex, detail));
  }
  return errors;
}

function validateFailurePolicy({ podFailurePolicy, template }: batch.JobSpec, place: FieldPath): Errors {
  if (!podFailurePolicy) return [];
  const errors: FieldError[] = [];
  const restart = template?.spec?.restartPolicy;
  if (restart !== "Never") {
    const detail = `only "Never" is supported when podFailurePolicy is specified`;
    errors.push(field.invalid(spec.child("template", "spec", "restartPolicy"), restart ?? "", detail));
  }
  const rules = place.child("rules");
  const count = (podFailurePolicy.rules ?? []).length;
  if (count > 20) errors.push(field.tooMany(rules, count, 20));
  return [
    ...errors,
    ...eachAt(podFailurePolicy.rules, rules, ({ action, onExitCodes, onPodConditions = [] }, here) => {
      const faults: FieldError[] = [
        ...requiredOneOf(here.child("action"), action, ["Count", "FailIndex", "FailJob", "Ignore"]),
      ];
      if (onExitCodes) {
        const at = here.child("onExitCodes");
        faults.push(...requiredOneOf(at.child("operator"), onExitCodes.operator, ["In", "NotIn"]));
        if ((onExitCodes.values ?? []).length === 0) {
          faults.push(field.invalid(at.child("values"), [], "at least one value is required"));
        }
        if (onExitCodes.operator === "In" && onExitCodes.values?.includes(0)) {
          faults.push(field.invalid(at.child("values"), 0, "must not be 0 for the In operator"));
        }
      }
      const both = onExitCodes !== undefined && onPodConditions.length > 0;
      const neither = onExitCodes === undefined && onPodConditions.length === 0;
      const rule = { action, onExitCodes, onPodConditions };
      if (both)
        faults.push(field.invalid(here, rule, "specifying both OnExitCodes and OnPodConditions is not supported"));
      if (neither) {
        faults.push(field.invalid(here, rule, "specifying one of OnExitCodes and OnPodConditions is required"));
      }
      return faults;
    }),
  ];
}

/** The faults of a change: what a Job runs stays, but for how many at a time, and where while it is suspended. */
export function validateJobUpdate(next: batch.Job, previous: batch.Job): Errors {
  const [after, before] = [next.spec, previous.spec];
  const elastic =
    after.completionMode === "Indexed" &&
    after.completions !== before.completions &&
    after.completions !== undefined &&
    before.completions !== undefined &&
    after.completions === after.parallelism &&
    before.completions === before.parallelism;
  return [
    ...(elastic ? [] : validateImmutable(spec.child("completions"), after.completions, before.completions)),
    ...validateImmutable(spec.child("selector"), after.selector, before.selector),
    ...validateTemplateChange(previous, after.template, before.template),
    ...validateImmutable(spec.child("completionMode"), after.completionMode, before.completionMode),
    ...validateImmutable(spec.child("podFailurePolicy"), after.podFailurePolicy, before.podFailurePolicy),
    ...validateImmutable(spec.child("backoffLimitPerIndex"), after.backoffLimitPerIndex, before.backoffLimitPerIndex),
    ...validateImmutable(spec.child("managedBy"), after.managedBy, before.managedBy),
    ...validateImmutable(spec.child("successPolicy"), after.successPolicy, before.successPolicy),
  ];
}

function validateTemplateChange(
  { spec: { suspend }, status }: batch.Job,
  next: core.PodTemplateSpec,
  previous: core.PodTemplateSpec,
): Errors {
  const place = spec.child("template");
  if (!suspend || status?.startTime || !next.spec || !previous.spec) return validateImmutable(place, next, previous);
  const { affinity, nodeSelector, tolerations, schedulingGates } = previous.spec;
  const { labels, annotations } = previous.metadata ?? {};
  const undone: core.PodTemplateSpec = {
    ...next,
    metadata: { ...next.metadata, labels, annotations },
    spec: { ...next.spec, affinity, nodeSelector, tolerations, schedulingGates },
  };
  return isEqual(undone, previous) ? [] : [field.invalid(place, next, "field is immutable")];
}

/** The faults of what is said about a Job's progress. */
export function validateJobStatus({ status }: batch.Job): Errors {
  const place = path("status");
  return [
    ...nonNegative(place.child("active"), status?.active),
    ...nonNegative(place.child("succeeded"), status?.succeeded),
    ...nonNegative(place.child("failed"), status?.failed),
    ...nonNegative(place.child("ready"), status?.ready),
    ...nonNegative(place.child("terminating"), status?.terminating),
  ];
}
