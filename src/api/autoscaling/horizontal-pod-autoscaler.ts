import { ageColumn, nameColumn, orNone, text } from "../columns.ts";
import { change, fill, printedAbsent } from "../fill.ts";
import type * as autoscaling from "../generated/autoscaling-v2.ts";
import { defineKind } from "../kind.ts";
import { autoscalerMappings } from "./autoscaler-versions.ts";
import { validateAutoscaler } from "./validate-autoscaler.ts";

export type HorizontalPodAutoscaler = autoscaling.HorizontalPodAutoscaler;

/** Changes the replicas of a workload by what its pods use. */
export const HorizontalPodAutoscaler = defineKind<autoscaling.HorizontalPodAutoscaler>({
  type: "autoscaling/v2.HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
  generationOf: () => undefined,
  defaults: (autoscaler) =>
    change(fill(autoscaler, { spec: {} as autoscaling.HorizontalPodAutoscalerSpec }), { spec: withDefaults }),
  prepareCreate: (autoscaler) => ({ ...autoscaler, status: { desiredReplicas: 0, currentMetrics: printedAbsent } }),
  validate: ({ spec }) => validateAutoscaler(spec),
  columns: [
    nameColumn,
    text("Reference", ({ spec: { scaleTargetRef } }) => `${scaleTargetRef.kind}/${scaleTargetRef.name}`),
    text("Targets", targetsText),
    text("MinPods", ({ spec }) => String(spec.minReplicas ?? "<unset>")),
    { name: "MaxPods", type: "integer", of: ({ spec }) => spec.maxReplicas },
    { name: "Replicas", type: "integer", of: ({ status }) => status?.currentReplicas ?? 0 },
    ageColumn,
  ],
  versions: autoscalerMappings,
});

const cpuAtEighty: autoscaling.MetricSpec = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
};

function withDefaults(given: autoscaling.HorizontalPodAutoscalerSpec): autoscaling.HorizontalPodAutoscalerSpec {
  const filled = fill(given, { minReplicas: 1 });
  const measured = (filled.metrics ?? []).length === 0 ? { ...filled, metrics: [cpuAtEighty] } : filled;
  return change(measured, { behavior: behaviorDefaults });
}

const tooFast: autoscaling.HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};
const down: autoscaling.HPAScalingRules = {
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

function behaviorDefaults(
  behavior: autoscaling.HorizontalPodAutoscalerBehavior,
): autoscaling.HorizontalPodAutoscalerBehavior {
  if (!behavior.scaleUp && !behavior.scaleDown) return behavior;
  return { scaleUp: fill(behavior.scaleUp ?? {}, tooFast), scaleDown: fill(behavior.scaleDown ?? {}, down) };
}

const shownMetrics = 2;

function targetsText({ spec: { metrics = [] }, status }: autoscaling.HorizontalPodAutoscaler): string {
  const all = metrics.map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));
  const shown = all.slice(0, shownMetrics).join(", ");
  return orNone(all.length > shownMetrics ? `${shown} + ${all.length - shownMetrics} more...` : shown);
}

function metricText(metric: autoscaling.MetricSpec, status: autoscaling.MetricStatus | undefined): string {
  const unknown = "<unknown>";
  switch (metric.type) {
    case "Pods":
      return `${status?.pods?.current.averageValue ?? unknown}/${metric.pods?.target.averageValue ?? ""}`;
    case "Object":
      return valueText(metric.object?.target, status?.object?.current);
    case "External":
      return valueText(metric.external?.target, status?.external?.current);
    case "Resource":
      return `${metric.resource?.name}: ${usageText(metric.resource?.target, status?.resource?.current)}`;
    case "ContainerResource": {
      const { name, target } = metric.containerResource ?? {};
      return `${name}: ${usageText(target, status?.containerResource?.current)}`;
    }
    default:
      return "<unknown type>";
  }
}

function valueText(
  target: autoscaling.MetricTarget | undefined,
  current: autoscaling.MetricValueStatus | undefined,
): string {
  if (target?.averageValue !== undefined) {
    return `${current?.averageValue ?? "<unknown>"}/${target.averageValue} (avg)`;
  }
  return `${current?.value ?? "<unknown>"}/${target?.value ?? ""}`;
}

function usageText(
  target: autoscaling.MetricTarget | undefined,
  current: autoscaling.MetricValueStatus | undefined,
): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? "<unknown>"}/${target.averageValue}`;
  const used = current?.averageUtilization;
  const wanted = target?.averageUtilization;
  return `${used === undefined ? "<unknown>" : `${used}%`}/${wanted === undefined ? "<auto>" : `${wanted}%`}`;
}
