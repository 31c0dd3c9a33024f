import type { KubeObject, Quantity } from "../../machinery/object.ts";
import { without } from "../fill.ts";
import type * as two from "../generated/autoscaling-v2.ts";
import type * as old from "../generated/autoscaling-v2beta1.ts";
import type { VersionMapping } from "../kind.ts";

const stored = "autoscaling/v2";
const served = "autoscaling/v2beta1";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";

type Old = KubeObject & Omit<old.HorizontalPodAutoscaler, keyof KubeObject>;
type Two = KubeObject & Omit<two.HorizontalPodAutoscaler, keyof KubeObject>;

const usageTarget = (utilization: number | undefined, average: Quantity | undefined): two.MetricTarget =>
  utilization === undefined
    ? { type: "AverageValue", ...(average === undefined ? {} : { averageValue: average }) }
    : { type: "Utilization", averageUtilization: utilization };

const valueTarget = (value: Quantity | undefined, average: Quantity | undefined): two.MetricTarget =>
  average === undefined
    ? { type: "Value", ...(value === undefined ? {} : { value }) }
    : { type: "AverageValue", averageValue: average };

const named = (name: string, selector: two.MetricIdentifier["selector"]): two.MetricIdentifier =>
  selector ? { name, selector } : { name };

function newMetric({ type, object, pods, resource, containerResource, external }: old.MetricSpec): two.MetricSpec {
  return {
    type,
    ...(object
      ? {
          object: {
            describedObject: object.target,
            metric: named(object.metricName, object.selector),
            target: valueTarget(object.targetValue, object.averageValue),
          },
        }
      : {}),
    ...(pods
      ? {
          pods: {
            metric: named(pods.metricName, pods.selector),
            target: { type: "AverageValue" as const, averageValue: pods.targetAverageValue },
          },
        }
      : {}),
    ...(resource
      ? {
          resource: {
            name: resource.name,
            target: usageTarget(resource.targetAverageUtilization, resource.targetAverageValue),
          },
        }
      : {}),
    ...(containerResource
      ? {
          containerResource: {
            name: containerResource.name,
            container: containerResource.container,
            target: usageTarget(containerResource.targetAverageUtilization, containerResource.targetAverageValue),
          },
        }
      : {}),
    ...(external
      ? {
          external: {
            metric: named(external.metricName, external.metricSelector),
            target: valueTarget(external.targetValue, external.targetAverageValue),
          },
        }
      : {}),
  };
}

function oldUsage(
  target: two.MetricTarget,
): Pick<old.ResourceMetricSource, "targetAverageUtilization" | "targetAverageValue"> {
  const { averageUtilization, averageValue } = target;
  return {
    ...(averageUtilization === undefined ? {} : { targetAverageUtilization: averageUtilization }),
    ...(averageValue === undefined ? {} : { targetAverageValue: averageValue }),
  };
}

function oldMetric({ type, object, pods, resource, containerResource, external }: two.MetricSpec): old.MetricSpec {
  const selected = (selector: two.MetricIdentifier["selector"]) => (selector ? { selector } : {});
  return {
    type,
    ...(object
      ? {
          object: {
            target: object.describedObject,
            metricName: object.metric.name,
            targetValue: object.target.value ?? "0",
            ...selected(object.metric.selector),
            ...(object.target.averageValue === undefined ? {} : { averageValue: object.target.averageValue }),
          },
        }
      : {}),
    ...(pods
      ? {
          pods: {
            metricName: pods.metric.name,
            targetAverageValue: pods.target.averageValue ?? "0",
            ...selected(pods.metric.selector),
          },
        }
      : {}),
    ...(resource ? { resource: { name: resource.name, ...oldUsage(resource.target) } } : {}),
    ...(containerResource
      ? {
          containerResource: {
            name: containerResource.name,
            ...oldUsage(containerResource.target),
            container: containerResource.container,
          },
        }
      : {}),
    ...(external
      ? {
          external: {
            metricName: external.metric.name,
            ...(external.metric.selector ? { metricSelector: external.metric.selector } : {}),
            ...(external.target.value === undefined ? {} : { targetValue: external.target.value }),
            ...(external.target.averageValue === undefined ? {} : { targetAverageValue: external.target.averageValue }),
          },
        }
      : {}),
  };
}

function oldStatus({ type, object, pods, resource, containerResource, external }: two.MetricStatus): old.MetricStatus {
  const usage = ({ averageUtilization, averageValue }: two.MetricValueStatus) => ({
    ...(averageUtilization === undefined ? {} : { currentAverageUtilization: averageUtilization }),
    currentAverageValue: averageValue ?? "0",
  });
  return {
    type,
    ...(object
      ? {
          object: {
            target: object.describedObject,
            metricName: object.metric.name,
            currentValue: object.current.value ?? "0",
          },
        }
      : {}),
    ...(pods ? { pods: { metricName: pods.metric.name, currentAverageValue: pods.current.averageValue ?? "0" } } : {}),
    ...(resource ? { resource: { name: resource.name, ...usage(resource.current) } } : {}),
    ...(containerResource
      ? {
          containerResource: {
            name: containerResource.name,
            ...usage(containerResource.current),
            container: containerResource.container,
          },
        }
      : {}),
    ...(external
      ? { external: { metricName: external.metric.name, currentValue: external.current.value ?? "0" } }
      : {}),
  };
}

/**
 * The version whose metrics had their targets flat. What is measured (`currentMetrics`) is the controller's, which writes
 * the stored version only, so a client's copy of it is not read back.
 */
export const flatMetricsMapping: VersionMapping = {
  type: "autoscaling/v2beta1.HorizontalPodAutoscaler",
  toStored: (object) => {
    const { spec, status, metadata, ...rest } = object as Old;
    const { metrics, ...bounds } = spec ?? {};
    const note = metadata.annotations?.[behaviorAnnotation];
    const annotations = without(metadata.annotations ?? {}, behaviorAnnotation);
    const bare = Object.keys(annotations).length > 0 ? { ...metadata, annotations } : without(metadata, "annotations");
    return {
      ...rest,
      apiVersion: stored,
      metadata: note === undefined ? metadata : bare,
      spec: {
        ...bounds,
        ...(metrics ? { metrics: metrics.map(newMetric) } : {}),
        ...(note === undefined ? {} : { behavior: JSON.parse(note) as object }),
      },
      ...(status ? { status: { ...status, currentMetrics: null } } : {}),
    } as unknown as KubeObject;
  },
  fromStored: (object) => {
    const { spec, status, metadata, ...rest } = object as Two;
    const { metrics, behavior, ...bounds } = spec ?? {};
    const annotations = { ...metadata.annotations, [behaviorAnnotation]: JSON.stringify(behavior) };
    const measured = status?.currentMetrics?.map(oldStatus);
    return {
      ...rest,
      apiVersion: served,
      metadata: behavior ? { ...metadata, annotations } : metadata,
      spec: { ...bounds, ...(metrics ? { metrics: metrics.map(oldMetric) } : {}) },
      ...(status ? { status: { ...status, currentMetrics: measured ?? null } } : {}),
    } as unknown as KubeObject;
  },
};
