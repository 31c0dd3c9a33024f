import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { pathSegment } from "../../machinery/names.ts";
import { quantitySign } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf, requiredNamed } from "../checks.ts";
import type * as autoscaling from "../generated/autoscaling-v2.ts";
import { validateSelector } from "../selectors.ts";

const spec = path("spec");
const longestWindow = 3600;
const longestPeriod = 1800;

/** The faults of an autoscaler. */
export function validateAutoscaler(given: autoscaling.HorizontalPodAutoscalerSpec): Errors {
  const { minReplicas, maxReplicas, scaleTargetRef, metrics = [], behavior } = given;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(field.invalid(spec.child("minReplicas"), minReplicas, "must be greater than or equal to 1"));
  }
  if (!(maxReplicas >= 1)) {
    errors.push(field.invalid(spec.child("maxReplicas"), maxReplicas ?? 0, "must be greater than 0"));
  }
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    const detail = "must be greater than or equal to `minReplicas`";
    errors.push(field.invalid(spec.child("maxReplicas"), maxReplicas, detail));
  }
  errors.push(...validateReference(scaleTargetRef, spec.child("scaleTargetRef")));
  errors.push(...eachAt(metrics, spec.child("metrics"), validateMetric));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === "Object" || type === "External")) {
    const detail = "must specify at least one Object or External metric to support scaling to zero replicas";
    errors.push(field.forbidden(spec.child("metrics"), detail));
  }
  for (const name of ["scaleUp", "scaleDown"] as const) {
    const rules = behavior?.[name];
    if (rules) errors.push(...validateRules(rules, spec.child("behavior", name)));
  }
  return errors;
}

function validateReference(reference: autoscaling.CrossVersionObjectReference | undefined, place: FieldPath): Errors {
  return [
    ...requiredNamed(place.child("kind"), reference?.kind, pathSegment),
    ...requiredNamed(place.child("name"), reference?.name, pathSegment),
  ];
}

type SourceName = Exclude<keyof autoscaling.MetricSpec, "type">;
const sourceNames: Readonly<Record<autoscaling.MetricSourceType, SourceName>> = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
};

function validateMetric(metric: autoscaling.MetricSpec, place: FieldPath): Errors {
  if (!metric.type) return [field.required(place.child("type"), "must specify a metric source type")];
  const name: SourceName | undefined = sourceNames[metric.type];
  if (!name) return [field.notSupported(place.child("type"), metric.type, Object.keys(sourceNames).sort())];
  if (!metric[name]) {
    return [field.required(place.child(name), "must populate information for the given metric source")];
  }
  const errors: FieldError[] = [];
  for (const other of Object.values(sourceNames)) {
    if (other !== name && metric[other]) {
      const detail = "must populate the given metric source only";
      errors.push(field.forbidden(place.child(other), detail));
    }
  }
  const here = place.child(name);
  const { object, pods, external, resource, containerResource } = metric;
  if (object) {
    errors.push(...validateReference(object.describedObject, here.child("describedObject")));
    errors.push(...validateIdentifier(object.metric, here.child("metric")));
    errors.push(...validateTarget(object.target, here.child("target"), ["value", "averageValue"]));
  }
  if (pods) {
    errors.push(...validateIdentifier(pods.metric, here.child("metric")));
    errors.push(...validateTarget(pods.target, here.child("target"), ["averageValue"]));
  }
  if (external) {
    errors.push(...validateIdentifier(external.metric, here.child("metric")));
    errors.push(...validateTarget(external.target, here.child("target"), ["value", "averageValue"]));
  }
  for (const usage of [resource, containerResource]) {
    if (!usage) continue;
    if (!usage.name) errors.push(field.required(here.child("name"), "must specify a resource name"));
    errors.push(...validateTarget(usage.target, here.child("target"), ["averageUtilization", "averageValue"]));
  }
  if (containerResource && !containerResource.container) {
    errors.push(field.required(here.child("container"), "must specify a container"));
  }
  return errors;
}

function validateIdentifier(identifier: autoscaling.MetricIdentifier | undefined, place: FieldPath): Errors {
  return [
    ...requiredNamed(place.child("name"), identifier?.name, pathSegment),
    ...validateSelector(identifier?.selector, place.child("selector")),
  ];
}

type TargetName = "value" | "averageValue" | "averageUtilization";

function validateTarget(
  target: autoscaling.MetricTarget | undefined,
  place: FieldPath,
  choices: readonly TargetName[],
): Errors {
  if (!target?.type) return [field.required(place.child("type"), "must specify a metric target type")];
  const errors: FieldError[] = [...oneOf(place.child("type"), target.type, ["AverageValue", "Utilization", "Value"])];
  const { value, averageValue, averageUtilization } = target;
  if (value !== undefined && quantitySign(value) !== 1) {
    errors.push(field.invalid(place.child("value"), value, "must be positive"));
  }
  if (averageValue !== undefined && quantitySign(averageValue) !== 1) {
    errors.push(field.invalid(place.child("averageValue"), averageValue, "must be positive"));
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(field.invalid(place.child("averageUtilization"), averageUtilization, "must be greater than 0"));
  }
  const given = choices.filter((name) => target[name] !== undefined);
  const [first = "value"] = choices;
  if (given.length === 0) {
    const detail = choices.includes("averageUtilization")
      ? "must set either a target raw value or a target utilization"
      : choices.length === 1
        ? "must specify a positive target averageValue"
        : "must set either a target value for metric or a per-pod target";
    errors.push(field.required(place.child(first), detail));
  }
  if (given.length > 1) {
    const detail = choices.includes("averageUtilization")
      ? "may not set both a target raw value and a target utilization"
      : "may not set both a target value for metric and a per-pod target";
    errors.push(field.forbidden(place.child(choices[1] ?? first), detail));
  }
  return errors;
}

function validateRules(rules: autoscaling.HPAScalingRules, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules;
  const window = place.child("stabilizationWindowSeconds");
  if (seconds !== undefined && seconds < 0) {
    errors.push(field.invalid(window, seconds, "must be greater than or equal to zero"));
  }
  if (seconds !== undefined && seconds > longestWindow) {
    errors.push(field.invalid(window, seconds, `must be less than or equal to ${longestWindow}`));
  }
  errors.push(...oneOf(place.child("selectPolicy"), selectPolicy, ["Disabled", "Max", "Min"]));
  if (policies.length === 0) errors.push(field.required(place.child("policies"), "must specify at least one Policy"));
  errors.push(
    ...eachAt(policies, place.child("policies"), ({ type, value, periodSeconds }, here) => {
      const faults: FieldError[] = [...oneOf(here.child("type"), type ?? "", ["Percent", "Pods"])];
      if (!(value > 0)) faults.push(field.invalid(here.child("value"), value ?? 0, "must be greater than zero"));
      if (!(periodSeconds > 0)) {
        faults.push(field.invalid(here.child("periodSeconds"), periodSeconds ?? 0, "must be greater than zero"));
      } else if (periodSeconds > longestPeriod) {
        const detail = `must be less than or equal to ${longestPeriod}`;
        faults.push(field.invalid(here.child("periodSeconds"), periodSeconds, detail));
      }
      return faults;
    }),
  );
  if (tolerance !== undefined && quantitySign(tolerance) < 0) {
    errors.push(field.invalid(place.child("tolerance"), tolerance, "must be greater than or equal to 0"));
  }
  return errors;
}
