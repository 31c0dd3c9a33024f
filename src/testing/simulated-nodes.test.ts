import { expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { Job } from "../api/batch/job.ts";
import { Lease } from "../api/coordination/lease.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { createInformers } from "../client/informer.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { addSimulatedNodes, ensureSimulatedNodes } from "../node/simulated-nodes/make-nodes.ts";
import { SimulatedNodes } from "../node/simulated-nodes/simulated-nodes.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

async function openWith(count: number, zones: readonly string[] = []) {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await openTestCluster({ scheduler: true }));
  play(cluster, opened);
  await addSimulatedNodes(cluster.client, { count, zones });
  await cluster.pass(2_000);
  const rest = opened.move();
  const pod = async (name: string) => await cluster.client.get(Pod, { namespace: "default", name });
  const make = async (name: string, annotations: Readonly<Record<string, string>> = {}, spec: object = {}) => {
    const containers = [{ name: "c", image: "i" }];
    const metadata = { name, namespace: "default", annotations };
    await cluster.client.create(Pod, { metadata, spec: { containers, ...spec } });
    await cluster.pass(1_000);
  };
  return { cluster, pod, make, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

function play(cluster: TestCluster, opened: AsyncDisposableStack) {
  const { clock } = cluster;
  const client = cluster.clientFor({ name: "system:kube-scheduler", groups: [] });
  const common = { clock, log: silentLog };
  const informers = opened.use(createInformers({ client, random: seededRandom(2), ...common }));
  const clientFor = (node: string) => cluster.clientFor({ name: `system:node:${node}`, groups: ["system:nodes"] });
  return opened.use(new SimulatedNodes({ informers, clientFor, version: "v1.35.0", ...common }));
}

const annotated = (given: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [`simulated.navarch/${name}`, value]));

const isReady = ({ status }: Pod | Node) =>
  (status?.conditions as readonly { type: string; status: string }[]).find(({ type }) => type === "Ready")?.status;

test("nodes are spread over zones, are ready, and stay so as long as they are played", async () => {
  await using it = await openWith(5, ["a", "b"]);
  await it.cluster.pass(600_000);
  const { items } = await it.cluster.client.list(Node);
  expect(items.map(isReady)).toEqual(Array(5).fill("True"));
  expect(items.flatMap(({ spec }) => spec.taints ?? [])).toEqual([]);
  const zones = items.map(({ metadata }) => metadata.labels?.["topology.kubernetes.io/zone"]);
  expect(zones.sort()).toEqual(["a", "a", "a", "b", "b"]);
  const lease = await it.cluster.client.get(Lease, { namespace: "kube-node-lease", name: "sim-3" });
  expect(it.cluster.clock.now() - Date.parse(lease.spec?.renewTime ?? "")).toBeLessThanOrEqual(21_000);
});

test("a deployment's pods are scheduled, run with addresses of their own, and go when they are told", async () => {
  await using it = await openWith(3);
  const { client } = it.cluster;
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  await client.create(Deployment, {
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: 12, selector: { matchLabels: labels }, template },
  });
  await it.cluster.pass(5_000);
  const deployment = await client.get(Deployment, { namespace: "default", name: "web" });
  expect(deployment.status?.readyReplicas).toBe(12);
  const pods = (await client.list(Pod)).items;
  expect(new Set(pods.map(({ status }) => status?.podIP)).size).toBe(12);
  await client.patch(
    Deployment,
    { namespace: "default", name: "web" },
    { type: "merge", body: { spec: { replicas: 0 } } },
  );
  await it.cluster.pass(5_000);
  expect((await client.list(Pod)).items).toEqual([]);
});

test("annotations say when a pod starts, when it is ready and how it ends", async () => {
  await using it = await openWith(1);
  await it.make("slow", annotated({ "start-delay-ms": "10000", "ready-delay-ms": "20000" }));
  expect((await it.pod("slow")).status?.phase).toBe("Pending");
  await it.cluster.pass(11_000);
  expect(await it.pod("slow")).toMatchObject({ status: { phase: "Running" } });
  expect(isReady(await it.pod("slow"))).toBe("False");
  await it.cluster.pass(21_000);
  expect(isReady(await it.pod("slow"))).toBe("True");

  const once = { restartPolicy: "Never" };
  await it.make("good", annotated({ "run-for-ms": "5000" }), once);
  await it.make("bad", annotated({ "run-for-ms": "5000", "exit-code": "3" }), once);
  await it.make("stuck", annotated({ "start-error": "no such command" }));
  await it.cluster.pass(10_000);
  expect((await it.pod("good")).status?.phase).toBe("Succeeded");
  expect(await it.pod("bad")).toMatchObject({
    status: { phase: "Failed", containerStatuses: [{ state: { terminated: { exitCode: 3 } } }] },
  });
  expect(await it.pod("stuck")).toMatchObject({
    status: { phase: "Pending", containerStatuses: [{ state: { waiting: { message: "no such command" } } }] },
  });
});

test("a container that ends again and again is started again after growing pauses", async () => {
  await using it = await openWith(1);
  await it.make("crash", annotated({ "run-for-ms": "1000", "exit-code": "1" }));
  const restarts = async () => (await it.pod("crash")).status?.containerStatuses?.[0]?.restartCount;
  await it.cluster.pass(5_000);
  expect(await restarts()).toBe(1);
  expect((await it.pod("crash")).status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe("CrashLoopBackOff");
  await it.cluster.pass(10_000);
  expect(await restarts()).toBe(2);
  await it.cluster.pass(3_600_000);
  const after = (await restarts()) ?? 0;
  expect(after).toBeGreaterThan(10);
  expect(after).toBeLessThan(20);
});

test("a job's pods complete and the job with them", async () => {
  await using it = await openWith(2);
  const template = {
    metadata: { annotations: annotated({ "run-for-ms": "3000" }) },
    spec: { restartPolicy: "Never" as const, containers: [{ name: "c", image: "i" }] },
  };
  const spec = { completions: 6, parallelism: 2, template };
  await it.cluster.client.create(Job, { metadata: { name: "sums", namespace: "default" }, spec });
  await it.cluster.pass(60_000);
  const job = await it.cluster.client.get(Job, { namespace: "default", name: "sums" });
  expect(job.status).toMatchObject({ succeeded: 6 });
  expect(job.status?.conditions?.find(({ type }) => type === "Complete")?.status).toBe("True");
});

test("a pod that takes its time to stop holds on until then, at most its grace", async () => {
  await using it = await openWith(1);
  await it.make("slow", annotated({ "stop-delay-ms": "8000" }));
  await it.make("never", annotated({ "stop-delay-ms": "never" }));
  for (const name of ["slow", "never"]) await it.cluster.client.delete(Pod, { namespace: "default", name });
  const names = async () => (await it.cluster.client.list(Pod)).items.map(({ metadata }) => metadata.name).sort();
  await it.cluster.pass(5_000);
  expect(await names()).toEqual(["never", "slow"]);
  await it.cluster.pass(5_000);
  expect(await names()).toEqual(["never"]);
  await it.cluster.pass(25_000);
  expect(await names()).toEqual([]);
});

test("whoever plays them next goes on where the pods were", async () => {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await openTestCluster({ scheduler: true }));
  await using first = new AsyncDisposableStack();
  play(cluster, first);
  await ensureSimulatedNodes(cluster.client, { count: 1 });
  await cluster.pass(2_000);
  const metadata = { name: "p", namespace: "default", annotations: annotated({ "run-for-ms": "30000" }) };
  const spec = { restartPolicy: "Never" as const, containers: [{ name: "c", image: "i" }] };
  await cluster.client.create(Pod, { metadata, spec });
  await cluster.pass(5_000);
  await first.disposeAsync();
  const phase = async () => (await cluster.client.get(Pod, { namespace: "default", name: "p" })).status?.phase;
  await cluster.pass(30_000);
  expect(await phase()).toBe("Running");
  play(cluster, opened);
  await cluster.pass(2_000);
  expect(await phase()).toBe("Succeeded");
  expect(await ensureSimulatedNodes(cluster.client, { count: 2 })).toBe(2);
  await expect(ensureSimulatedNodes(cluster.client, { count: 1 })).rejects.toThrow(
    "there are 2 simulated nodes already",
  );
});
