import { describe, expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { HorizontalPodAutoscaler } from "../api/autoscaling/horizontal-pod-autoscaler.ts";
import { Event } from "../api/core/event.ts";
import { Pod } from "../api/core/pod.ts";
import type { MetricSpec } from "../api/generated/autoscaling-v2.ts";
import type { Client, ListOptions } from "../client/client.ts";
import type { KindRef } from "../machinery/object.ts";
import { StatusError } from "../machinery/status-error.ts";
import { timeOf } from "../machinery/times.ts";
import { addNodes, playKubelets, renewLeases } from "./scripted-kubelet.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

const key = { namespace: "default", name: "web" };
const labels = { app: "web" };
type Answer = (kind: KindRef<unknown>, options: ListOptions) => readonly object[];

/** A cluster with a Deployment of two pods, and somebody who measures: `measure` gives the items of a metrics API. */
async function measured(measure: Answer): Promise<TestCluster> {
  const cluster = await openTestCluster({
    disturb: (client, name) =>
      name !== "horizontal-pod-autoscaler"
        ? client
        : ({
            ...client,
            list: async (kind: KindRef<unknown>, options: ListOptions = {}) =>
              kind.group.endsWith("metrics.k8s.io") ? { items: measure(kind, options) } : client.list(kind, options),
          } as Client),
  });
  await addNodes(cluster, "n1");
  const resources = { requests: { cpu: "100m" } };
  await cluster.client.create(Deployment, {
    metadata: key,
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "img:1", resources }] } },
    },
  });
  await playKubelets(cluster, ["n1"]);
  return cluster;
}

const autoscale = (cluster: TestCluster, ...metrics: readonly MetricSpec[]) =>
  cluster.client.create(HorizontalPodAutoscaler, {
    metadata: key,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 10,
      metrics,
    },
  });
async function metricsOf({ server }: TestCluster): Promise<string> {
  const { body } = await server.handle({
    method: "GET",
    path: "/metrics",
    headers: {},
    body: { kind: "none" },
    identity: { name: "admin", groups: ["system:masters"] },
    signal: new AbortController().signal,
  });
  return body.kind === "bytes" ? Buffer.from(body.bytes).toString() : "";
}
const status = async (cluster: TestCluster) => (await cluster.client.get(HorizontalPodAutoscaler, key)).status;
const size = async (cluster: TestCluster) => (await cluster.client.get(Deployment, key)).spec.replicas;
const live = async (cluster: TestCluster, seconds: number) => {
  for (let second = 0; second < seconds; second += 15) {
    await renewLeases(cluster, ["n1"]);
    await cluster.pass(15_000);
    await playKubelets(cluster, ["n1"]);
  }
};
const events = async (cluster: TestCluster) =>
  (await cluster.client.list(Event, { namespace: "default" })).items
    .filter(({ involvedObject }) => involvedObject.kind === "HorizontalPodAutoscaler")
    .map(({ reason, message }) => `${reason}: ${message}`);
const cpu: MetricSpec = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
};

test("use above the target makes a Deployment larger, use below it smaller only after five minutes", async () => {
  let use = "100m";
  let clock: TestCluster["clock"] | undefined;
  let names: readonly string[] = [];
  await using cluster = await measured((kind, options) => {
    expect([kind.plural, options.labelSelector]).toEqual(["pods", "app=web"]);
    const timestamp = timeOf(clock?.now() ?? 0);
    const containers = [{ name: "c", usage: { cpu: use, memory: "1Mi" } }];
    return names.map((name) => ({ metadata: { name, namespace: "default" }, timestamp, window: "15s", containers }));
  });
  clock = cluster.clock;
  const pods = async () => (await cluster.client.list(Pod, { namespace: "default" })).items;
  const seen = async (seconds: number) => {
    names = (await pods()).map(({ metadata }) => metadata.name);
    await live(cluster, seconds);
  };
  // Longer than the use at a pod's start is left out for.
  await seen(360);
  await autoscale(cluster, cpu);
  await seen(15);
  expect(await size(cluster)).toBe(4);
  expect(await events(cluster)).toContain(
    "SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target",
  );
  use = "10m";
  await seen(240);
  expect(await size(cluster)).toBe(4);
  expect((await status(cluster))?.conditions).toContainEqual(
    expect.objectContaining({ type: "AbleToScale", status: "True", reason: "ScaleDownStabilized" }),
  );
  await seen(300);
  expect(await size(cluster)).toBe(1);
  const told = await metricsOf(cluster);
  const prefix = "horizontal_pod_autoscaler_controller_";
  expect(told).toContain(`${prefix}reconciliations_total{action="scale_up",error="none"} 1`);
  expect(told).toContain(`${prefix}reconciliations_total{action="scale_down",error="none"} 1`);
  expect(told).toMatch(
    new RegExp(`${prefix}metric_computation_total{action="scale_up",error="none",metric_type="Resource"} [1-9]`),
  );
  expect(told).toContain(`${prefix}num_horizontal_pod_autoscalers 1`);
  expect(await events(cluster)).toContain("SuccessfulRescale: New size: 1; reason: All metrics below target");
});

describe("metrics of other kinds", () => {
  const metric = { name: "requests" };
  test.each([
    {
      name: "of the pods",
      spec: { type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "10" } } },
      answer: ["custom.metrics.k8s.io", "pods/*/requests"],
      replicas: 4,
    },
    {
      name: "of one object",
      spec: {
        type: "Object",
        object: {
          metric,
          describedObject: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "door" },
          target: { type: "Value", value: "10" },
        },
      },
      answer: ["custom.metrics.k8s.io", "ingresses.networking.k8s.io/door/requests"],
      replicas: 4,
    },
    {
      name: "from outside",
      spec: { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "10" } } },
      answer: ["external.metrics.k8s.io", "requests"],
      replicas: 4,
    },
  ] as const)("$name", async ({ spec, answer, replicas }) => {
    const asked: string[][] = [];
    let names: readonly string[] = [];
    await using cluster = await measured((kind) => {
      asked.push([kind.group, kind.plural]);
      if (spec.type === "External") return [{ value: "15" }, { value: "25" }];
      return names.map((name) => ({ describedObject: { name }, value: "20" }));
    });
    names = (await cluster.client.list(Pod, { namespace: "default" })).items.map(({ metadata }) => metadata.name);
    await autoscale(cluster, spec as MetricSpec);
    await cluster.settle();
    expect(asked[0]).toEqual(answer);
    expect(await size(cluster)).toBe(replicas);
    expect((await status(cluster))?.currentMetrics?.map(({ type }) => type)).toEqual([spec.type]);
  });
});

test("what cannot be measured is told, and a part of the metrics never makes anything smaller", async () => {
  await using cluster = await measured((kind) => {
    if (kind.group === "external.metrics.k8s.io") return [{ value: "1" }];
    throw new StatusError("NotFound", "404 page not found");
  });
  const external: MetricSpec = {
    type: "External",
    external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "10" } },
  };
  await autoscale(cluster, cpu, external);
  await cluster.settle();
  expect(await size(cluster)).toBe(2);
  const why =
    "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
  expect(await events(cluster)).toEqual(
    expect.arrayContaining([
      `FailedGetResourceMetric: ${why}`,
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 2), first error is: failed to get cpu resource metric value: ${why}`,
    ]),
  );
  expect((await status(cluster))?.conditions).toContainEqual(
    expect.objectContaining({ type: "ScalingActive", status: "False", reason: "FailedGetResourceMetric" }),
  );
});

test("a target that is not there, and one that was switched off, are left alone", async () => {
  await using cluster = await measured(() => []);
  await autoscale(cluster, cpu);
  await cluster.client.patch(Deployment, key, { type: "merge", body: { spec: { replicas: 0 } } });
  await live(cluster, 15);
  expect(await size(cluster)).toBe(0);
  expect((await status(cluster))?.conditions).toContainEqual(
    expect.objectContaining({ type: "ScalingActive", status: "False", reason: "ScalingDisabled" }),
  );
  await cluster.client.delete(Deployment, key);
  await live(cluster, 15);
  expect((await status(cluster))?.conditions).toContainEqual(
    expect.objectContaining({ type: "AbleToScale", status: "False", reason: "FailedGetScale" }),
  );
});

test("two autoscalers of the same pods both stand still", async () => {
  await using cluster = await measured(() => []);
  await autoscale(cluster, cpu);
  await cluster.client.create(HorizontalPodAutoscaler, {
    metadata: { ...key, name: "second" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      maxReplicas: 9,
      metrics: [cpu],
    },
  });
  await live(cluster, 30);
  expect((await status(cluster))?.conditions).toContainEqual(
    expect.objectContaining({
      reason: "AmbiguousSelector",
      message: "pods by selector app=web are controlled by multiple HPAs: [default/web default/second]",
    }),
  );
});
