import type { KubeObject } from "../../machinery/object.ts";
import { fill, printedAbsent, without } from "../fill.ts";
import type * as one from "../generated/autoscaling-v1.ts";
import type * as two from "../generated/autoscaling-v2.ts";
import type { VersionMapping } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { flatMetricsMapping } from "./flat-metrics.ts";

const stored = "autoscaling/v2";
/** Where autoscaling/v1 keeps what it has no fields for. */
const notes = {
  metrics: "autoscaling.alpha.kubernetes.io/metrics",
  behavior: "autoscaling.alpha.kubernetes.io/behavior",
  conditions: "autoscaling.alpha.kubernetes.io/conditions",
  currentMetrics: "autoscaling.alpha.kubernetes.io/current-metrics",
} as const;

type Two = KubeObject & Omit<two.HorizontalPodAutoscaler, keyof KubeObject>;
type One = KubeObject & Omit<one.HorizontalPodAutoscaler, keyof KubeObject>;

function isCpu({ type, resource }: two.MetricSpec): boolean {
  return type === "Resource" && resource?.name === "cpu" && resource.target.averageUtilization !== undefined;
}

function read<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

function toStored(object: KubeObject): KubeObject {
  const { spec, status, metadata, ...rest } = object as One;
  const annotations = { ...metadata.annotations };
  const take = <T>(name: keyof typeof notes): T | undefined => {
    const value = read<T>(annotations[notes[name]]);
    if (value !== undefined) delete annotations[notes[name]];
    return value;
  };
  const { targetCPUUtilizationPercentage: percentage, ...bounds } = spec ?? {};
  const others = take<readonly two.MetricSpec[]>("metrics") ?? [];
  const behavior = take<two.HorizontalPodAutoscalerBehavior>("behavior");
  const currentMetrics = take<readonly two.MetricStatus[]>("currentMetrics") ?? [];
  const conditions = take<readonly two.HorizontalPodAutoscalerCondition[]>("conditions");
  const cpu: readonly two.MetricSpec[] =
    percentage === undefined
      ? []
      : [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percentage } },
          },
        ];
  const metrics = [...cpu, ...others];
  const { currentCPUUtilizationPercentage: used, ...counts } = status ?? {};
  const usage: readonly two.MetricStatus[] =
    used === undefined ? [] : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: used } } }];
  const current = [...usage, ...currentMetrics];
  return {
    ...rest,
    apiVersion: stored,
    metadata: withAnnotations(metadata, annotations),
    spec: { ...bounds, ...(metrics.length > 0 ? { metrics } : {}), ...(behavior ? { behavior } : {}) },
    ...(status
      ? {
          status: {
            ...counts,
            currentMetrics: current.length > 0 ? current : printedAbsent,
            ...(conditions ? { conditions } : {}),
          },
        }
      : {}),
  } as KubeObject;
}

function fromStored(object: KubeObject): KubeObject {
  const { spec, status, metadata, ...rest } = object as Two;
  const annotations = { ...metadata.annotations };
  const put = (name: keyof typeof notes, value: readonly unknown[] | object | undefined) => {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    annotations[notes[name]] = JSON.stringify(value);
  };
  const { metrics = [], behavior, ...bounds } = spec ?? {};
  const cpu = metrics.find(isCpu);
  put(
    "metrics",
    metrics.filter((metric) => metric !== cpu),
  );
  put("behavior", behavior);
  const { currentMetrics: measured, conditions, ...counts } = status ?? {};
  const currentMetrics = measured ?? [];
  const usage = currentMetrics.find(({ type, resource }) => type === "Resource" && resource?.name === "cpu");
  const used = usage?.resource?.current.averageUtilization;
  put(
    "currentMetrics",
    currentMetrics.filter((metric) => metric !== usage || used === undefined),
  );
  put("conditions", conditions);
  const percentage = cpu?.resource?.target.averageUtilization;
  return {
    ...rest,
    apiVersion: "autoscaling/v1",
    metadata: withAnnotations(metadata, annotations),
    spec: { ...bounds, ...(percentage === undefined ? {} : { targetCPUUtilizationPercentage: percentage }) },
    ...(status
      ? { status: { ...counts, ...(used === undefined ? {} : { currentCPUUtilizationPercentage: used }) } }
      : {}),
  } as KubeObject;
}

function withAnnotations(
  metadata: KubeObject["metadata"],
  annotations: Readonly<Record<string, string>>,
): KubeObject["metadata"] {
  if (Object.keys(annotations).length > 0) return { ...metadata, annotations };
  return metadata.annotations ? without(metadata, "annotations") : metadata;
}

/** The first version aims at four fifths of the processor, unless an annotation names other metrics. */
function withDefaults(object: KubeObject): KubeObject {
  const autoscaler = object as One;
  const measured = autoscaler.metadata.annotations?.[notes.metrics] !== undefined;
  const spec = fill(autoscaler.spec, { minReplicas: 1, ...(measured ? {} : { targetCPUUtilizationPercentage: 80 }) });
  return { ...autoscaler, spec } as KubeObject;
}

const first: VersionMapping = {
  type: "autoscaling/v1.HorizontalPodAutoscaler",
  defaults: withDefaults,
  toStored,
  fromStored,
};

// Before it had a group of its own, the target was its `scale` subresource, and the aim a member of its own.
const earliest: VersionMapping = {
  type: "extensions/v1beta1.HorizontalPodAutoscaler",
  defaults: (object) => {
    const autoscaler = object as Earliest;
    const measured = autoscaler.metadata.annotations?.[notes.metrics] !== undefined;
    const aim = measured ? {} : { cpuUtilization: { targetPercentage: 80 } };
    const spec = fill(autoscaler.spec ?? {}, { minReplicas: 1, ...aim });
    return {
      ...autoscaler,
      spec: { ...spec, scaleRef: fill(spec.scaleRef ?? {}, { subresource: "scale" }) },
    } as KubeObject;
  },
  toStored: (object) => {
    const { spec, ...others } = object as Earliest;
    if (!spec) return toStored(object);
    const { scaleRef, cpuUtilization, ...bounds } = spec;
    const { subresource: _scale, ...scaleTargetRef } = scaleRef ?? {};
    const aim = cpuUtilization ? { targetCPUUtilizationPercentage: cpuUtilization.targetPercentage } : {};
    return toStored({ ...others, spec: { ...bounds, scaleTargetRef, ...aim } } as unknown as KubeObject);
  },
  fromStored: (object) => {
    const { spec, ...others } = fromStored(object) as One;
    const named = { ...others, apiVersion: "extensions/v1beta1" };
    if (!spec) return named as KubeObject;
    const { scaleTargetRef, targetCPUUtilizationPercentage: percentage, ...bounds } = spec;
    const scaleRef = { ...scaleTargetRef, subresource: "scale" };
    const aim = percentage === undefined ? {} : { cpuUtilization: { targetPercentage: percentage } };
    return { ...named, spec: { ...bounds, scaleRef, ...aim } } as KubeObject;
  },
};

interface EarliestSpec {
  readonly scaleRef?: Readonly<Record<string, string>>;
  readonly minReplicas?: number;
  readonly cpuUtilization?: { readonly targetPercentage: number };
}

type Earliest = KubeObject & { readonly spec?: EarliestSpec };

/** The first version knows CPU only; the others say the same as the stored one. */
export const autoscalerMappings: Readonly<Record<string, VersionMapping>> = {
  "autoscaling/v1": first,
  "extensions/v1beta1": earliest,
  ...sameInVersions(stored, { "autoscaling/v2beta2": "autoscaling/v2beta2.HorizontalPodAutoscaler" }),
  "autoscaling/v2beta1": flatMetricsMapping,
};
