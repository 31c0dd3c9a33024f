import { expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { Job } from "../api/batch/job.ts";
import { Lease } from "../api/coordination/lease.ts";
import { Event } from "../api/core/event.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { createInformers } from "../client/informer.ts";
import type { Clock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { addSimulatedNodes, ensureSimulatedNodes } from "../node/simulated-nodes/make-nodes.ts";
import { SimulatedNodes } from "../node/simulated-nodes/simulated-nodes.ts";
import { keepStages } from "../node/simulated-nodes/stages.ts";
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

function play(cluster: TestCluster, opened: AsyncDisposableStack, clock: Clock = cluster.clock) {
  const client = cluster.clientFor({ name: "system:kube-scheduler", groups: [] });
  const common = { clock, log: silentLog, random: seededRandom(2) };
  const informers = opened.use(createInformers({ client, ...common }));
  const clientFor = (node: string) => cluster.clientFor({ name: `system:node:${node}`, groups: ["system:nodes"] });
  const stagesFrom = opened.use(createInformers({ client: cluster.client, ...common }));
  return opened.use(new SimulatedNodes({ informers, clientFor, stagesFrom, version: "v1.35.0", ...common }));
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

test("a timer that fires a moment early loses no step", async () => {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await openTestCluster({ scheduler: true }));
  const { clock } = cluster;
  play(cluster, opened, {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, task) => clock.after(ms > 1 ? ms - 1 : ms, task),
    sleep: clock.sleep,
  });
  await addSimulatedNodes(cluster.client, { count: 1 });
  await cluster.pass(2_000);
  const metadata = { name: "p", namespace: "default", annotations: annotated({ "stop-delay-ms": "8000" }) };
  await cluster.client.create(Pod, { metadata, spec: { containers: [{ name: "c", image: "i" }] } });
  await cluster.pass(2_000);
  await cluster.client.delete(Pod, { namespace: "default", name: "p" });
  await cluster.pass(10_000);
  expect((await cluster.client.list(Pod)).items).toEqual([]);
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

const stage = (name: string, spec: string) =>
  `apiVersion: kwok.x-k8s.io/v1alpha1\nkind: Stage\nmetadata: {name: ${name}}\nspec:\n  resourceRef: {apiGroup: v1, kind: Pod}\n${spec}\n`;
const flaky = stage(
  "fail",
  `  selector:
    matchLabels: {flaky: "true"}
    matchExpressions: [{key: .status.phase, operator: In, values: [Running]}]
  delay: {durationMilliseconds: 5000}
  next:
    event: {type: Warning, reason: Broke, message: it broke}
    statusTemplate: |
      phase: Failed
      reason: Broken`,
);
const vanish = stage(
  "vanish",
  `  selector:
    matchExpressions: [{key: .status.reason, operator: In, values: [Broken]}]
  delay: {durationMilliseconds: 10000}
  next: {delete: true}`,
);

test("stages say how pods go on, and where none applies they live as usual", async () => {
  await using it = await openWith(1);
  await keepStages(it.cluster.client, `${flaky}---\n${vanish}`);
  await it.cluster.settle();
  const spec = { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] };
  for (const [name, labels] of [
    ["flaky", { flaky: "true" }],
    ["steady", {}],
  ] as const)
    await it.cluster.client.create(Pod, { metadata: { name, namespace: "default", labels }, spec } as never);
  await it.cluster.pass(2_000);
  expect((await it.pod("flaky")).status?.phase).toBe("Running");
  await it.cluster.pass(6_000);
  expect((await it.pod("flaky")).status).toMatchObject({ phase: "Failed", reason: "Broken" });
  const events = (await it.cluster.client.list(Event, { namespace: "default" })).items;
  expect(events.filter(({ reason }) => reason === "Broke").map(({ message, source }) => [message, source])).toEqual([
    ["it broke", { component: "simulated-node", host: "sim-1" }],
  ]);
  await it.cluster.pass(11_000);
  const left = (await it.cluster.client.list(Pod)).items.map(({ metadata, status }) => [metadata.name, status?.phase]);
  expect(left).toEqual([["steady", "Running"]]);
});

test("stages that are taken away leave pods to the usual life; wrong ones are refused", async () => {
  await using it = await openWith(1);
  const { client } = it.cluster;
  await keepStages(client, stage("hold", "  delay: {durationMilliseconds: 3600000}\n  next: {}"));
  await it.cluster.settle();
  await it.make("held");
  await it.cluster.pass(60_000);
  expect((await it.pod("held")).status?.phase).toBe("Pending");
  await expect(keepStages(client, stage("hold", "  next: {delet: true}"))).rejects.toThrow(
    "stage hold: spec.next.delet: unknown field; did you mean delete?",
  );
  await keepStages(client, "");
  await it.cluster.pass(2_000);
  expect((await it.pod("held")).status?.phase).toBe("Running");
});

test("a template that cannot be carried out is told of in an event, and the pod stays as it is", async () => {
  await using it = await openWith(1);
  await keepStages(
    it.cluster.client,
    stage("odd", "  next: {statusTemplate: 'phase: {{ index .spec.containers 7 }}'}"),
  );
  await it.cluster.settle();
  await it.make("pod");
  await it.cluster.pass(5_000);
  expect((await it.pod("pod")).status?.phase).toBe("Pending");
  const [event] = (await it.cluster.client.list(Event, { namespace: "default" })).items.filter(
    ({ reason }) => reason === "StageFailed",
  );
  expect(event?.message).toMatch(/^stage odd: statusTemplate: .*index out of range: 7/);
});

test("whoever wants a simulated pod's log is told that there is none", async () => {
  await using it = await openWith(1);
  await it.make("p");
  const log = it.cluster.client.getSubresource(Pod, { namespace: "default", name: "p" }, "log");
  await expect(log).rejects.toThrow("node sim-1 is simulated: its pods have no containers, only their status");
});
