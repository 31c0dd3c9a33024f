import { expect, test } from "vitest";
import { Metrics } from "../../lib/metrics.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { samplePod } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";
import { agentMetrics } from "./agent-gauges.ts";
import { requestMeters } from "./request-meters.ts";

const runtime = {
  listSandboxes: async () => [{ state: "ready" }, { state: "notReady" }],
  listContainers: async () => [{ state: "running" }, { state: "running" }, { state: "exited" }],
} as unknown as ContainerRuntime;

test("pods, containers and claimed volumes of the node are told, a claim once", async () => {
  const pods = () => [
    samplePod(),
    samplePod({}, { metadata: { uid: "other" } }),
    samplePod({}, { metadata: { uid: "ended" }, status: { phase: "Succeeded" } }),
  ];
  const volumes = { claims: async () => [{ name: "data", claim: "disk", path: "/" }] };
  const text = await agentMetrics({ metrics: new Metrics(), nodeName: "one", runtime, pods, volumes });
  for (const line of [
    'kubelet_node_name{node="one"} 1',
    "kubelet_running_pods 1",
    'kubelet_running_containers{container_state="running"} 2',
    'kubelet_running_containers{container_state="exited"} 1',
    'kubelet_desired_pods{static=""} 3',
    'kubelet_active_pods{static=""} 2',
    "kubelet_mirror_pods 0",
  ])
    expect(text).toContain(`\n${line}\n`);
  expect(
    text.match(/kubelet_volume_stats_used_bytes\{namespace="default",persistentvolumeclaim="disk"\}/g),
  ).toHaveLength(1);
});

test("what a pod's worker does is counted and timed", async () => {
  const node = openNode();
  await node.create();
  await node.pass(1);
  const text = await node.metrics.text();
  for (const line of [
    "kubelet_started_pods_total 1",
    'kubelet_started_containers_total{container_type="container"} 1',
    "kubelet_pod_start_duration_seconds_count 1",
    'kubelet_pod_worker_duration_seconds_count{operation_type="create"} 1',
    "kubelet_containers_per_pod_count_sum 1",
  ])
    expect(text).toContain(`\n${line}\n`);
  expect(Number(/kubelet_pod_status_sync_duration_seconds_count (\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
});

test("requests are counted by the first part of their path, whatever else is asked for as one", async () => {
  const metrics = new Metrics();
  const metered = requestMeters(metrics, new VirtualClock(0));
  await metered("GET", "/metrics/cadvisor?x=1", async () => {});
  await metered("GET", "/nonsense", async () => {});
  await expect(metered("POST", "/exec/a/b/c", () => Promise.reject(new Error("broken")))).rejects.toThrow();
  const text = await metrics.text();
  for (const [about, name] of [
    ['long_running="false",method="GET",path="metrics",server_type="readwrite"', "total"],
    ['long_running="false",method="GET",path="other",server_type="readwrite"', "total"],
    ['long_running="true",method="POST",path="exec",server_type="readwrite"', "duration_seconds_count"],
  ])
    expect(text).toContain(`kubelet_http_requests_${name}{${about}} 1\n`);
  expect(text).toMatch(/inflight_requests\{.*path="exec".*\} 0\n/);
});
