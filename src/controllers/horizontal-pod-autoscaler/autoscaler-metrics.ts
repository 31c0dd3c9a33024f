import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";

const bounds = growingBounds(0.001, 2, 15);
const prefix = "horizontal_pod_autoscaler_controller";

export type ScaleAction = "scale_up" | "scale_down" | "none";
/** Where something went wrong: in what the user wrote, or elsewhere. */
export type ErrorKind = "none" | "spec" | "internal";

/** The autoscaler's metrics under upstream's names. */
export function autoscalerMetrics(metrics: Metrics) {
  const lookLabels = ["action", "error"] as const;
  const looks = metrics.counter(`${prefix}_reconciliations_total`, "Looks at autoscalers.", lookLabels);
  const lookTimes = metrics.histogram(
    `${prefix}_reconciliation_duration_seconds`,
    "Seconds that a look at an autoscaler took.",
    lookLabels,
    bounds,
  );
  const metricLabels = ["action", "error", "metric_type"] as const;
  const computed = metrics.counter(`${prefix}_metric_computation_total`, "Metrics that were asked.", metricLabels);
  const computeTimes = metrics.histogram(
    `${prefix}_metric_computation_duration_seconds`,
    "Seconds that asking a metric took.",
    metricLabels,
    bounds,
  );
  return {
    looked(action: ScaleAction, error: ErrorKind, seconds: number) {
      looks.inc({ action, error });
      lookTimes.observe({ action, error }, seconds);
    },
    asked(action: ScaleAction, error: ErrorKind, type: string, seconds: number) {
      const labels = { action, error, metric_type: type };
      computed.inc(labels);
      computeTimes.observe(labels, seconds);
    },
    known: metrics.gauge(`${prefix}_num_horizontal_pod_autoscalers`, "Autoscalers that are looked after."),
  };
}

/** What a change of size is. */
export function actionOf(before: number, after: number): ScaleAction {
  if (after === before) return "none";
  return after > before ? "scale_up" : "scale_down";
}
