import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APIService } from "../api/apiregistration/api-service.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { ServiceAccount } from "../api/core/service-account.ts";
import { NodeMetrics } from "../api/metrics/node-metrics.ts";
import { PodMetrics } from "../api/metrics/pod-metrics.ts";
import { createClient } from "../client/api-client.ts";
import { ResourceFigures } from "../controllers/metrics-server/figures.ts";
import { silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { type ApiServer, openServer } from "../server/api-server.ts";
import { openMemoryStore } from "../store/memory.ts";
import { inProcessTransport } from "./in-process-transport.ts";
import { resourceMetricsKinds } from "./resource-metrics.ts";

const opened = new AsyncDisposableStack();
const clock = new VirtualClock();
const figures = new ResourceFigures();
let server: ApiServer;
const transport = () => inProcessTransport(server, { name: "admin", groups: ["system:masters"] });
const client = () => createClient(transport());

beforeAll(async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  server = opened.use(
    await openServer({
      store: opened.use(openMemoryStore({ clock })),
      clock,
      random: seededRandom(1),
      log: silentLog,
      metrics: new Metrics(),
      serviceAccounts: { issuer: "https://kubernetes.default.svc", privateKey: key },
      computed: resourceMetricsKinds(figures),
    }),
  );
  for (const name of ["n2", "n1"]) {
    await client().create(Node, { metadata: { name, labels: { zone: name } }, spec: {} } as never);
  }
  await client().create(ServiceAccount, { metadata: { name: "default", namespace: "default" } });
  for (const name of ["web", "new"]) {
    const metadata = { name, namespace: "default", labels: { app: name } };
    const pod = await client().create(Pod, {
      metadata,
      spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }], automountServiceAccountToken: false },
    } as never);
    await client().updateStatus(Pod, { ...pod, status: { ...pod.status, phase: "Running" } } as never);
  }
  for (const [at, cpuSeconds] of [
    [0, 1],
    [15_000, 4],
  ] as const) {
    const point = { at, cpuSeconds, memory: 4096 };
    figures.store("n1", { node: point, pods: new Map([["default/web", new Map([["c", point]])]]) });
  }
});
afterAll(() => opened.disposeAsync());

test("nodes and pods that were looked at twice have figures", async () => {
  const nodes = await client().list(NodeMetrics);
  expect(nodes.items).toMatchObject([
    { metadata: { name: "n1", labels: { zone: "n1" } }, window: "15s", usage: { cpu: "200m", memory: "4Ki" } },
  ]);
  expect(await client().get(PodMetrics, { namespace: "default", name: "web" })).toMatchObject({
    apiVersion: "metrics.k8s.io/v1beta1",
    kind: "PodMetrics",
    metadata: { name: "web", namespace: "default" },
    timestamp: "1970-01-01T00:00:15Z",
    containers: [{ name: "c", usage: { cpu: "200m", memory: "4Ki" } }],
  });
});

test.each([
  { name: "by label", labelSelector: "app=web", names: ["web"] },
  { name: "by a label of one without figures", labelSelector: "app=new", names: [] },
  { name: "by name", fieldSelector: "metadata.name=web", names: ["web"] },
  { name: "by not having a name", fieldSelector: "metadata.name!=web", names: [] },
  { name: "by namespace", namespace: "kube-system", names: [] },
])("pods are selected $name", async ({ name: _, names, ...options }) => {
  const { items } = await client().list(PodMetrics, { namespace: "default", ...options });
  expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
});

test("a pod without figures is not found", async () => {
  await expect(client().get(PodMetrics, { namespace: "default", name: "new" })).rejects.toMatchObject({
    reason: "NotFound",
    message: 'pods.metrics.k8s.io "default/new" not found',
  });
});

test("nothing can be written", async () => {
  const metadata = { name: "web", namespace: "default" };
  await expect(client().create(PodMetrics, { metadata } as never)).rejects.toMatchObject({
    reason: "MethodNotAllowed",
  });
});

test("the group is in discovery, with an APIService", async () => {
  const answer = await transport().send({ method: "GET", path: "/apis/metrics.k8s.io/v1beta1" });
  const { resources } = (await answer.value()) as { resources: readonly { name: string; verbs: readonly string[] }[] };
  expect(resources.map(({ name, verbs }) => `${name} ${verbs}`)).toEqual(["nodes get,list", "pods get,list"]);
  const service = await client().get(APIService, { name: "v1beta1.metrics.k8s.io" });
  expect(service.status?.conditions).toMatchObject([{ type: "Available", status: "True" }]);
});

test("tables show sums", async () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const answer = await transport().send({
    method: "GET",
    path: "/apis/metrics.k8s.io/v1beta1/pods",
    headers: { accept },
  });
  const table = (await answer.value()) as { rows: readonly { cells: readonly unknown[] }[] };
  expect(table.rows.map(({ cells }) => cells.slice(0, 4))).toEqual([["web", "200m", "4Ki", "15s"]]);
});
