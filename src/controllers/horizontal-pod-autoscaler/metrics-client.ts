import type { CrossVersionObjectReference } from "../../api/generated/autoscaling-v2.ts";
import type { Client } from "../../client/client.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import type { KindRef } from "../../machinery/object.ts";
import { milliValue } from "../../machinery/quantity.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { parseDuration, timeMillis } from "../../machinery/times.ts";

/** What was measured of one pod, in thousandths of the metric's unit. */
export interface PodMetric {
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Over how many milliseconds it was measured. */
  readonly window: number;
}

export type PodMetrics = ReadonlyMap<string, PodMetric>;

const usualWindow = 60_000;

interface PodUsage {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly timestamp?: string;
  readonly window?: string;
  readonly containers?: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
}

interface CustomValue {
  readonly describedObject?: { readonly name: string };
  readonly timestamp?: string;
  readonly windowSeconds?: number;
  readonly value: string;
}

interface ExternalValue {
  readonly value: string;
}

const ref = <T>(group: string, version: string, kind: string, plural: string, namespaced = true): KindRef<T> => ({
  ...{ group, version, kind, plural, namespaced },
});
const podUsages = ref<PodUsage>("metrics.k8s.io", "v1beta1", "PodMetrics", "pods");
/** The version served is asked for first, the one before it where the adapter is older. */
const customVersions = ["v1beta2", "v1beta1"];

/** What the pods of a selection use of a resource; `container` counts only containers of that name. */
export async function resourceMetrics(
  client: Client,
  options: {
    readonly namespace: string;
    readonly resource: string;
    readonly labelSelector: string;
    readonly container?: string;
  },
): Promise<PodMetrics> {
  const { namespace, resource, labelSelector, container } = options;
  const items = await fetched("resource", "get pods.metrics.k8s.io", () =>
    client.list(podUsages, { namespace, labelSelector }),
  );
  const found = new Map<string, PodMetric>();
  for (const { metadata, containers = [], timestamp, window } of items) {
    const counted = container === undefined ? containers : containers.filter(({ name }) => name === container);
    if (container !== undefined && counted.length === 0) {
      const pod = `${metadata.namespace ?? namespace}/${metadata.name}`;
      throw failure(`failed to get container metrics: container ${container} not present in metrics for pod ${pod}`);
    }
    const amounts = counted.map(({ usage }) => usage[resource]);
    // A pod of which a part was not measured is one that was not measured.
    if (amounts.some((amount) => amount === undefined)) continue;
    found.set(metadata.name, {
      value: amounts.reduce((sum, amount) => sum + milliValue(amount ?? "0"), 0),
      at: timestamp ? timeMillis(timestamp) : 0,
      window: window ? Number(parseDuration(window) / 1_000_000n) : usualWindow,
    });
  }
  return found;
}

export interface MetricQuery {
  readonly namespace: string;
  readonly metric: string;
  readonly metricSelector?: LabelSelector;
}

/** A custom metric of each pod of a selection. */
export async function podMetrics(
  client: Client,
  { namespace, metric, metricSelector, labelSelector }: MetricQuery & { readonly labelSelector: string },
): Promise<PodMetrics> {
  const items = await customValues(client, `pods/*/${metric}`, namespace, metricSelector, labelSelector);
  return new Map(
    items.flatMap(({ describedObject, value, timestamp, windowSeconds }) => {
      if (!describedObject) return [];
      const at = timestamp ? timeMillis(timestamp) : 0;
      const window = windowSeconds === undefined ? usualWindow : windowSeconds * 1000;
      return [[describedObject.name, { value: milliValue(value), at, window }] as const];
    }),
  );
}

/** A custom metric of one object, in thousandths. `resource`: where objects of its kind live. */
export async function objectMetric(
  client: Client,
  query: MetricQuery & { readonly object: CrossVersionObjectReference; readonly resource: KindRef<unknown> },
): Promise<number> {
  const { namespace, metric, metricSelector, object, resource } = query;
  const plural = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
  const path = object.kind === "Namespace" ? `metrics/${metric}` : `${plural}/${object.name}/${metric}`;
  const scope = object.kind === "Namespace" ? object.name : resource.namespaced ? namespace : undefined;
  const [first] = await customValues(client, path, scope, metricSelector);
  return milliValue(first?.value ?? "0");
}

async function customValues(
  client: Client,
  plural: string,
  namespace: string | undefined,
  metricSelector: LabelSelector | undefined,
  labelSelector?: string,
): Promise<readonly CustomValue[]> {
  const parameters = metricSelector ? { metricLabelSelector: `${selectorOfObject(metricSelector)}` } : undefined;
  return await fetched("custom", "get custom.metrics.k8s.io", async () => {
    for (const version of customVersions) {
      const kind = ref<CustomValue>("custom.metrics.k8s.io", version, "MetricValue", plural, namespace !== undefined);
      try {
        return await client.list(kind, {
          ...(namespace === undefined ? {} : { namespace }),
          ...(labelSelector ? { labelSelector } : {}),
          ...(parameters ? { parameters } : {}),
        });
      } catch (error) {
        if (!isUnserved(error) || version === customVersions.at(-1)) throw error;
      }
    }
    return { items: [] };
  });
}

/** Everything that an outside metric's selection adds up to, in thousandths. */
export async function externalMetric(client: Client, query: MetricQuery): Promise<number> {
  const { namespace, metric, metricSelector } = query;
  const kind = ref<ExternalValue>("external.metrics.k8s.io", "v1beta1", "ExternalMetricValue", metric);
  const labelSelector = metricSelector ? `${selectorOfObject(metricSelector)}` : undefined;
  const items = await fetched("external", `get ${metric}.external.metrics.k8s.io`, () =>
    client.list(kind, { namespace, ...(labelSelector ? { labelSelector } : {}) }),
  );
  return items.reduce((sum, { value }) => sum + milliValue(value), 0);
}

async function fetched<T>(
  api: "resource" | "custom" | "external",
  call: string,
  fetch: () => Promise<{ readonly items: readonly T[] }>,
): Promise<readonly T[]> {
  let items: readonly T[];
  try {
    ({ items } = await fetch());
  } catch (error) {
    const why = isUnserved(error) ? `the server could not find the requested resource (${call})` : errorMessage(error);
    throw failure(`unable to fetch metrics from ${api} metrics API: ${why}`);
  }
  if (items.length === 0) throw failure(`no metrics returned from ${api} metrics API`);
  return items;
}

/** Nobody serves the group: the path itself is unknown, not an object under it. */
const isUnserved = (error: unknown): boolean =>
  error instanceof StatusError && error.code === 404 && error.details?.name === undefined;

const failure = (message: string) => new Fault("unavailable", message);
