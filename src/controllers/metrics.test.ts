import { expect, test } from "vitest";
import { ReplicaSet } from "../api/apps/replica-set.ts";
import { CronJob } from "../api/batch/cron-job.ts";
import { Job } from "../api/batch/job.ts";
import { Lease } from "../api/coordination/lease.ts";
import { Endpoints } from "../api/core/endpoints.ts";
import { Namespace } from "../api/core/namespace.ts";
import { Node } from "../api/core/node.ts";
import { PersistentVolume } from "../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../api/core/persistent-volume-claim.ts";
import { Pod } from "../api/core/pod.ts";
import { Service } from "../api/core/service.ts";
import { metricValues } from "../lib/metric-values.ts";
import { microTimeOf } from "../machinery/times.ts";
import { cronJobController } from "./cron-job/cron-job.ts";
import { endpointSliceController } from "./endpoints/endpoint-slices.ts";
import { endpointSliceMirroringController } from "./endpoints/mirror.ts";
import type { FakeCluster } from "./framework/testing/fake-cluster.ts";
import { type Harness, run } from "./framework/testing/harness.ts";
import { jobController } from "./job/job.ts";
import { ttlAfterFinishedController } from "./job/ttl-after-finished.ts";
import { nodeMonitor } from "./node-life-cycle/monitor.ts";
import { podCollector } from "./node-life-cycle/pod-collector.ts";
import { taintEvictionController } from "./node-life-cycle/taint-eviction.ts";
import { ephemeralVolumeController } from "./persistent-volume/ephemeral.ts";
import { volumeController } from "./persistent-volume/volumes.ts";
import { replicaSetController } from "./replication/replica-set.ts";
import { rootCaController } from "./service-account/root-ca.ts";

const namespace = "default";
const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "img:1" }] } };
const jobSpec = {
  parallelism: 1,
  completions: 1,
  completionMode: "NonIndexed" as const,
  podReplacementPolicy: "TerminatingOrFailed" as const,
  selector: { matchLabels: labels },
  template: { ...template, spec: { ...template.spec, restartPolicy: "Never" as const } },
};
const values = ({ metrics }: Harness, prefix: string) => metricValues(metrics, prefix);
const end = async ({ cluster, settle }: Harness, phase: "Succeeded" | "Failed") => {
  for (const pod of cluster.all(Pod)) {
    if (pod.status?.phase) continue;
    cluster.change(Pod, pod, { status: { phase, conditions: [{ type: "DisruptionTarget", status: "True" }] } });
  }
  await settle();
};

test("Jobs: looks, ends, pods counted and made, and what was deleted late", async () => {
  await using harness = await run([jobController(), ttlAfterFinishedController]);
  await harness.cluster.client.create(Job, {
    metadata: { name: "j", namespace },
    spec: {
      ...jobSpec,
      ttlSecondsAfterFinished: 10,
      podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }] },
    },
  });
  await harness.settle();
  await end(harness, "Failed");
  await harness.pass(60_000);
  await end(harness, "Succeeded");
  const nonIndexed = 'completion_mode="NonIndexed"';
  const job = await values(harness, "job_controller_");
  expect(job).toMatchObject({
    [`jobs_finished_total{${nonIndexed},result="succeeded",reason="CompletionsReached"}`]: 1,
    [`job_pods_finished_total{${nonIndexed},result="succeeded"}`]: 1,
    'pod_failures_handled_by_failure_policy_total{action="Ignore"}': 1,
    'job_pods_creation_total{reason="new",status="succeeded"}': 2,
    [`job_syncs_total{${nonIndexed},result="success",action="pods_created"}`]: 2,
  });
  await harness.pass(10_000);
  expect(await values(harness, "ttl_after_finished_controller_job_deletion_duration_seconds_count")).toEqual({ "": 1 });
});

test("CronJobs: how late Jobs are made", async () => {
  await using harness = await run([cronJobController]);
  await harness.cluster.client.create(CronJob, {
    metadata: { name: "cj", namespace },
    spec: { schedule: "* * * * *", jobTemplate: { spec: jobSpec } },
  });
  await harness.pass(130_000);
  expect(await values(harness, "cronjob_controller_job_creation_skew_duration_seconds_count")).toEqual({ "": 2 });
});

test("nodes: zones, those that are emptied, and the pods that have to go", async () => {
  const given = (cluster: FakeCluster) => {
    for (const name of ["n1", "n2"]) {
      const conditions = [{ type: "Ready" as const, status: "True" as const }];
      cluster.put(Node, {
        metadata: { name, labels: { "topology.kubernetes.io/zone": "z" } },
        spec: {},
        status: { conditions },
      });
      const spec = { renewTime: microTimeOf(Date.UTC(2026, 0, 1)) };
      cluster.put(Lease, { metadata: { name, namespace: "kube-node-lease" }, spec });
    }
    cluster.put(Pod, { metadata: { name: "p", namespace }, spec: { nodeName: "n1", containers: [] } });
    cluster.put(Pod, { metadata: { name: "lost", namespace }, spec: { nodeName: "n3", containers: [] } });
  };
  await using harness = await run([nodeMonitor(), taintEvictionController(), podCollector()], { given });
  await harness.pass(40_000);
  harness.cluster.change(Lease, harness.cluster.get(Lease, "n2", "kube-node-lease")!, {
    spec: { renewTime: microTimeOf(harness.clock.now()) },
  });
  await harness.pass(30_000);
  const zone = '{zone=":\u0000:z"}';
  expect(await values(harness, "node_collector_")).toMatchObject({
    [`zone_size${zone}`]: 2,
    [`zone_health${zone}`]: 50,
    [`unhealthy_nodes_in_zone${zone}`]: 1,
    [`evictions_total${zone}`]: 1,
  });
  expect(await values(harness, "taint_eviction_controller_pod_deletions_total")).toEqual({ "": 1 });
  expect(await values(harness, "pod_gc_collector_force_delete_pods_total")).toEqual({
    '{namespace="default",reason="orphaned"}': 1,
  });
});

test("slices: what there should be, what was added and taken away", async () => {
  const pod = (cluster: FakeCluster, name: string, ip: string) =>
    cluster.put(Pod, {
      metadata: { name, namespace, labels },
      spec: { nodeName: "n1", containers: [] },
      status: { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions: [{ type: "Ready", status: "True" }] },
    });
  const given = (cluster: FakeCluster) => {
    cluster.put(Service, { metadata: { name: "web", namespace }, spec: { selector: labels, ports: [{ port: 80 }] } });
    cluster.put(Service, { metadata: { name: "hand", namespace }, spec: { ports: [{ port: 80 }] } });
    const subsets = [{ addresses: [{ ip: "10.0.0.9" }], ports: [{ port: 80 }] }];
    cluster.put(Endpoints, { metadata: { name: "hand", namespace }, subsets });
    pod(cluster, "a", "10.0.0.1");
    pod(cluster, "b", "10.0.0.2");
  };
  await using harness = await run([endpointSliceController, endpointSliceMirroringController], { given });
  const own = "endpoint_slice_controller_";
  expect(await values(harness, own)).toMatchObject({
    endpoints_desired: 2,
    num_endpoint_slices: 1,
    desired_endpoint_slices: 1,
    'changes{operation="create"}': 1,
    endpoints_added_per_sync_sum: 2,
  });
  harness.cluster.remove(Pod, harness.cluster.get(Pod, "a")!);
  await harness.settle();
  expect(await values(harness, own)).toMatchObject({
    endpoints_desired: 1,
    'changes{operation="update"}': 1,
    endpoints_removed_per_sync_sum: 1,
  });
  harness.cluster.remove(Service, harness.cluster.get(Service, "web")!);
  await harness.settle();
  expect(await values(harness, own)).not.toHaveProperty("endpoints_desired");
  expect(await values(harness, "endpoint_slice_mirroring_controller_")).toMatchObject({
    endpoints_desired: 1,
    num_endpoint_slices: 1,
    'changes{operation="create"}': 1,
  });
});

test("volumes and claims by what they are, counted when somebody looks, and none once nobody counts", async () => {
  const given = (cluster: FakeCluster) => {
    cluster.put(PersistentVolume, {
      metadata: { name: "v" },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "c",
        hostPath: { path: "/v" },
      },
    });
    cluster.put(PersistentVolumeClaim, {
      metadata: { name: "c", namespace },
      spec: { accessModes: ["ReadWriteOnce"], storageClassName: "c" },
      status: { phase: "Pending" },
    });
  };
  const harness = await run([volumeController], { given });
  expect(await values(harness, "pv_collector_")).toEqual({
    'total_pv_count{plugin_name="kubernetes.io/host-path",volume_mode="Filesystem"}': 1,
    'unbound_pv_count{storage_class="c"}': 1,
    'unbound_pvc_count{namespace="default",storage_class="c",volume_attributes_class=""}': 1,
  });
  harness.cluster.remove(PersistentVolumeClaim, harness.cluster.get(PersistentVolumeClaim, "c")!);
  await harness.settle();
  expect(Object.keys(await values(harness, "pv_collector_"))).toHaveLength(2);
  await harness[Symbol.asyncDispose]();
  expect(await values(harness, "pv_collector_")).toEqual({});
});

test("claims of ephemeral volumes, asked for and refused", async () => {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const volumes = [{ name: "v", ephemeral: { volumeClaimTemplate: { spec } } }];
  await using harness = await run([ephemeralVolumeController], {
    given: (cluster) =>
      cluster.put(Pod, { metadata: { name: "p", namespace }, spec: { containers: [], volumes } } as never),
  });
  expect(await values(harness, "ephemeral_volume_controller_")).toEqual({ create_total: 1 });
});

test("the authority's certificate, by the code of the outcome", async () => {
  await using harness = await run([rootCaController("PEM")], {
    given: (cluster) => cluster.put(Namespace, { metadata: { name: "one" }, spec: {}, status: { phase: "Active" } }),
  });
  const syncs = await values(harness, "root_ca_cert_publisher_sync_total");
  expect(Object.keys(syncs)).toEqual(['{code="200"}']);
});

test("ReplicaSets: how old the pods are that go", async () => {
  await using harness = await run([replicaSetController]);
  const { cluster } = harness;
  await cluster.client.create(ReplicaSet, {
    metadata: { name: "rs", namespace },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  });
  await harness.settle();
  for (const pod of cluster.all(Pod)) {
    const ready = { type: "Ready" as const, status: "True" as const, lastTransitionTime: "2025-12-31T23:00:00Z" };
    cluster.change(Pod, pod, {
      spec: { ...pod.spec, nodeName: "n" },
      status: { phase: "Running", conditions: [ready] },
    });
  }
  await harness.settle();
  const set = cluster.get(ReplicaSet, "rs")!;
  await cluster.client.update(ReplicaSet, { ...set, spec: { ...set.spec, replicas: 1 } });
  await harness.settle();
  expect(await values(harness, "replicaset_controller_sorting_deletion_age_ratio")).toEqual({ _sum: 1, _count: 1 });
});
