import type { Pod } from "../../api/core/pod.ts";
import type { MetricSpec, MetricStatus, MetricTarget } from "../../api/generated/autoscaling-v2.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import { milliValue, quantityOfMilli } from "../../machinery/quantity.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { externalMetric, objectMetric, podMetrics, resourceMetrics } from "./metrics-client.ts";
import { forAverageValue, forRatio, forShare, forUtilization, type Tolerances } from "./replica-calculator.ts";
import { kindNamed } from "./scale-target.ts";

/** What a metric says about the size. */
export type Verdict =
  | { readonly ok: true; readonly replicas: number; readonly name: string; readonly status: MetricStatus }
  | {
      readonly ok: false;
      /** Of the event and the condition, as `FailedGetResourceMetric`. */
      readonly reason: string;
      /** What the event says. */
      readonly message: string;
      /** The same as part of a longer text. */
      readonly summary: string;
    };

export interface Question {
  readonly namespace: string;
  /** Pods of the target, and the selector that finds them. */
  readonly pods: readonly Pod[];
  readonly selector: string;
  /** How many there should be, and how many there are. */
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly tolerances: Tolerances;
}

/** Asks one metric. What cannot be measured is a verdict too; only faults of the program are thrown. */
export async function ask(spec: MetricSpec, question: Question, context: ReconcileContext): Promise<Verdict> {
  switch (spec.type) {
    case "Resource":
      return await resource("Resource", spec.resource!, question, context);
    case "ContainerResource":
      return await resource("ContainerResource", spec.containerResource!, question, context);
    case "Pods":
      return await guarded("FailedGetPodsMetric", "pods metric value", () => pods(spec.pods!, question, context));
    case "Object":
      return await guarded("FailedGetObjectMetric", "object metric value", () =>
        object(spec.object!, question, context),
      );
    case "External": {
      const { name } = spec.external!.metric;
      return await guarded("FailedGetExternalMetric", `${name} external metric value`, () =>
        external(spec.external!, question, context),
      );
    }
    default: {
      const message = `unknown metric source type "${String(spec.type)}"`;
      return { ok: false, reason: "InvalidMetricSourceType", message, summary: message };
    }
  }
}

type Found = Omit<Extract<Verdict, { ok: true }>, "ok">;

async function guarded(reason: string, what: string, find: () => Promise<Found>): Promise<Verdict> {
  try {
    return { ok: true, ...(await find()) };
  } catch (error) {
    const message = errorMessage(error);
    return { ok: false, reason, message, summary: `failed to get ${what}: ${message}` };
  }
}

async function resource(
  type: "Resource" | "ContainerResource",
  source: NonNullable<MetricSpec["resource"]> & { readonly container?: string },
  question: Question,
  context: ReconcileContext,
): Promise<Verdict> {
  const { name, target, container } = source;
  const { averageValue, averageUtilization } = target;
  const kind = averageValue === undefined ? "utilization" : "usage";
  const plain = type === "Resource";
  const reason = plain ? "FailedGetResourceMetric" : "FailedGetContainerResourceMetric";
  const find = async (): Promise<Found> => {
    if (averageValue === undefined && averageUtilization === undefined) {
      const why = "neither an average utilization target nor an average value (usage) target was set";
      throw new Fault("invalid", `invalid resource metric source: ${why}`);
    }
    try {
      const { namespace, selector, pods: all, specReplicas: replicas, tolerances } = question;
      const metrics = await resourceMetrics(context.client, {
        namespace,
        resource: name,
        labelSelector: selector,
        ...(container === undefined ? {} : { container }),
      }).catch((error: unknown) => {
        throw new Fault("unavailable", `unable to get metrics for resource ${name}: ${errorMessage(error)}`);
      });
      const now = context.clock.now();
      const input = { pods: all, metrics, replicas, tolerances, resource: name, now };
      const proposal =
        averageValue === undefined
          ? forUtilization({ ...input, ...(container === undefined ? {} : { container }) }, averageUtilization ?? 0)
          : forAverageValue(input, milliValue(averageValue));
      const current = {
        averageValue: quantityOfMilli(proposal.average),
        ...(proposal.utilization === undefined ? {} : { averageUtilization: proposal.utilization }),
      };
      const status: MetricStatus = plain
        ? { type, resource: { name, current } }
        : { type, containerResource: { name, container: container ?? "", current } };
      const noun = plain ? "resource" : "container resource";
      const detail = averageValue === undefined ? " utilization (percentage of request)" : "";
      return { replicas: proposal.replicas, name: `${name} ${noun}${detail}`, status };
    } catch (error) {
      throw new Fault("unavailable", `failed to get ${name} ${kind}: ${errorMessage(error)}`);
    }
  };
  return await guarded(reason, `${name} ${plain ? "resource" : "container"} metric value`, find);
}

async function pods(
  { metric, target }: NonNullable<MetricSpec["pods"]>,
  question: Question,
  { client, clock }: ReconcileContext,
): Promise<Found> {
  const { namespace, selector, pods: all, specReplicas: replicas, tolerances } = question;
  const metrics = await podMetrics(client, {
    ...queryOf(metric, namespace),
    labelSelector: selector,
  }).catch((error: unknown) => {
    throw new Fault("unavailable", `unable to get metric ${metric.name}: ${errorMessage(error)}`);
  });
  const goal = milliValue(target.averageValue ?? "0");
  const proposal = forAverageValue({ pods: all, metrics, replicas, tolerances, now: clock.now() }, goal);
  const current = { averageValue: quantityOfMilli(proposal.average) };
  const status: MetricStatus = { type: "Pods", pods: { metric, current } };
  return { replicas: proposal.replicas, name: `pods metric ${metric.name}`, status };
}

async function object(
  { metric, target, describedObject }: NonNullable<MetricSpec["object"]>,
  question: Question,
  { client, cache }: ReconcileContext,
): Promise<Found> {
  const { namespace } = question;
  const measure = async () => {
    try {
      const place = kindNamed(describedObject, cache);
      return await objectMetric(client, { ...queryOf(metric, namespace), object: describedObject, resource: place });
    } catch (error) {
      const where = `${describedObject.kind} ${namespace}/${describedObject.name}`;
      throw new Fault("unavailable", `unable to get metric ${metric.name}: ${errorMessage(error)} on ${where}`);
    }
  };
  const found = await shared(target, question, measure);
  if (!found) {
    const why = "neither a value target nor an average value target was set";
    throw new Fault("invalid", `invalid object metric source: ${why}`);
  }
  const status: MetricStatus = { type: "Object", object: { metric, describedObject, current: found.current } };
  const name =
    target.type === "Value"
      ? `${describedObject.kind} metric ${metric.name}`
      : `external metric ${metric.name}(${selectorText(metric.selector)})`;
  return { replicas: found.replicas, name, status };
}

async function external(
  { metric, target }: NonNullable<MetricSpec["external"]>,
  question: Question,
  { client }: ReconcileContext,
): Promise<Found> {
  const { namespace } = question;
  const wanted = selectorText(metric.selector);
  const average = target.averageValue !== undefined;
  const measure = async () => {
    try {
      return await externalMetric(client, queryOf(metric, namespace));
    } catch (error) {
      const where = `${namespace}/${metric.name}/${wanted}`;
      const why = `unable to get external metric ${where}: ${errorMessage(error)}`;
      const what = average ? `${metric.name} external metric` : `external metric ${metric.name}`;
      throw new Fault("unavailable", `failed to get ${what}: ${why}`);
    }
  };
  const found = await shared({ ...target, type: average ? "AverageValue" : "Value" }, question, measure);
  if (!found) {
    const why = "neither a value target nor an average value target was set";
    throw new Fault("invalid", `invalid external metric source: ${why}`);
  }
  const status: MetricStatus = { type: "External", external: { metric, current: found.current } };
  return { replicas: found.replicas, name: `external metric ${metric.name}(${wanted})`, status };
}

/** A value that is not measured pod by pod: as a whole against a target, or shared by the pods. */
async function shared(target: MetricTarget, question: Question, measure: () => Promise<number>) {
  const { pods: all, specReplicas, statusReplicas, tolerances } = question;
  if (target.type === "Value" && target.value !== undefined) {
    const usage = await measure();
    const ratio = usage / milliValue(target.value);
    const replicas = forRatio(ratio, { replicas: specReplicas, pods: all, tolerances });
    return { replicas, current: { value: quantityOfMilli(usage) } };
  }
  if (target.type !== "AverageValue" || target.averageValue === undefined) return undefined;
  const proposal = forShare(await measure(), milliValue(target.averageValue), statusReplicas, tolerances);
  return { replicas: proposal.replicas, current: { averageValue: quantityOfMilli(proposal.average) } };
}

const queryOf = (
  { name, selector }: { readonly name: string; readonly selector?: LabelSelector },
  namespace: string,
) => ({
  namespace,
  metric: name,
  ...(selector ? { metricSelector: selector } : {}),
});

/** A selector as upstream's messages show it. */
function selectorText(selector: LabelSelector | undefined): string {
  if (!selector) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {})
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`)
    .join("");
  const expressions = (selector.matchExpressions ?? [])
    .map(
      ({ key, operator, values }) =>
        `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(" ")}],}`,
    )
    .join(",");
  const list = expressions ? `${expressions},` : "";
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${list}},}`;
}
