import type {
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "../../../api/generated/autoscaling-v2.ts";
import { goQuote } from "../../../lib/go-text.ts";
import { defineDescriber } from "./describer.ts";
import { marks, nameRows } from "./metadata.ts";
import { amount, indent, row, type Text, timeText } from "./text.ts";

/** `kubectl describe hpa` */
export const horizontalPodAutoscaler = defineDescriber<HorizontalPodAutoscaler>("v2", (hpa) => {
  const { metadata, spec, status } = hpa;
  const { kind, name } = spec.scaleTargetRef;
  const { conditions = [], currentMetrics } = status ?? {};
  return [
    nameRows(hpa),
    marks(hpa),
    row("CreationTimestamp", timeText(metadata.creationTimestamp)),
    row("Reference", `${kind}/${name}`),
    row("Metrics", "( current / target )"),
    indent(
      1,
      (spec.metrics ?? []).map((metric, at) => metricText(metric, currentMetrics?.[at])),
    ),
    row("Min replicas", spec.minReplicas ?? "<unset>"),
    row("Max replicas", spec.maxReplicas),
    spec.behavior && [
      "Behavior:",
      rulesText("Scale Up", spec.behavior.scaleUp),
      rulesText("Scale Down", spec.behavior.scaleDown),
    ],
    row(`${kind} pods`, `${status?.currentReplicas ?? 0} current / ${status?.desiredReplicas ?? 0} desired`),
    conditions.length > 0 && [
      "Conditions:",
      "  Type\tStatus\tReason\tMessage",
      "  ----\t------\t------\t-------",
      conditions.map(({ type, status, reason, message }) => `  ${type}\t${status}\t${reason ?? ""}\t${message ?? ""}`),
    ],
  ];
});

const quantity = (text: string | undefined) => (text === undefined ? "<nil>" : amount(text));
const unknown = "<unknown>";

/** One metric: what it is, how it stands and how it should. */
function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  const { external, pods, object, resource, containerResource } = metric;
  switch (metric.type) {
    case "External": {
      const current = status?.external?.current;
      const name = goQuote(external?.metric.name ?? "");
      if (external?.target.averageValue === undefined) {
        return `${name} (target value):\t${current ? quantity(current.value) : unknown} / ${quantity(external?.target.value)}`;
      }
      const average = current?.averageValue === undefined ? unknown : quantity(current.averageValue);
      return `${name} (target average value):\t${average} / ${quantity(external.target.averageValue)}`;
    }
    case "Pods": {
      const current = status?.pods ? quantity(status.pods.current.averageValue) : unknown;
      return `${goQuote(pods?.metric.name ?? "")} on pods:\t${current} / ${quantity(pods?.target.averageValue)}`;
    }
    case "Object": {
      const { describedObject, target } = object ?? {};
      const current = status?.object?.current;
      const name = `"${object?.metric.name}" on ${describedObject?.kind}/${describedObject?.name}`;
      return target?.type === "AverageValue"
        ? `${name} (target average value):\t${current ? quantity(current.averageValue) : unknown} / ${quantity(target.averageValue)}`
        : `${name} (target value):\t${current ? quantity(current.value) : unknown} / ${quantity(target?.value)}`;
    }
    case "Resource":
      return `resource ${resource?.name} on pods${useText(resource?.target, status?.resource?.current)}`;
    case "ContainerResource": {
      const { name, container, target } = containerResource ?? {};
      const use = useText(target, status?.containerResource?.current);
      return `resource ${name} of container "${container}" on pods${use}`;
    }
    default:
      return `<unknown metric type ${goQuote(metric.type)}>`;
  }
}

/** How much of a resource is used, as an amount or a share. */
function useText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) {
    return `:\t${current ? quantity(current.averageValue) : unknown} / ${quantity(target.averageValue)}`;
  }
  const share =
    current?.averageUtilization === undefined
      ? unknown
      : `${current.averageUtilization}% (${quantity(current.averageValue)})`;
  const wanted = target?.averageUtilization === undefined ? "<auto>" : `${target.averageUtilization}%`;
  return `  (as a percentage of request):\t${share} / ${wanted}`;
}

function rulesText(direction: string, rules: HPAScalingRules | undefined): Text {
  if (!rules) return undefined;
  const { stabilizationWindowSeconds: window, selectPolicy = "Max", policies = [] } = rules;
  return indent(1, [
    `${direction}:`,
    indent(
      1,
      window !== undefined && `Stabilization Window: ${window} seconds`,
      policies.length > 0 && [
        `Select Policy: ${selectPolicy}`,
        "Policies:",
        policies.map(
          ({ type, value, periodSeconds }) => `  - Type: ${type}\tValue: ${value}\tPeriod: ${periodSeconds} seconds`,
        ),
      ],
    ),
  ]);
}
