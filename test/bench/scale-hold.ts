import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { Namespace } from "../../src/api/core/namespace.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { ServiceAccount } from "../../src/api/core/service-account.ts";
import { createClient } from "../../src/client/api-client.ts";
import { addSimulatedNodes } from "../../src/cluster/simulated-nodes.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { adminTransport, prepareCluster, startControlPlane } from "./control-plane.ts";
import { Generator } from "./load/generator.ts";
import type { RequestResult } from "./load/jobs.ts";
import { configMapBody } from "./sample-objects.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "5000" },
    pods: { type: "string", default: "150000" },
    /** Seconds for which writes are timed once all pods run. */
    seconds: { type: "string", default: "60" },
    timeout: { type: "string", default: "1800" },
    output: { type: "string", short: "o", default: "text" },
  },
});

/**
 * A whole control plane in a process of its own, with its store on the disk, holds simulated nodes and so many running pods:
 * how long a write over TLS takes while they come and when they are there, and what memory they cost.
 */
const nodes = wholeNumber("nodes");
const pods = wholeNumber("pods");
const seconds = wholeNumber("seconds");
const namespaces = 30;
const writers = 32;
/** Told of progress, and waited for, after so many pods. */
const portion = Math.ceil(pods / namespaces);
const patience = AbortSignal.timeout(wholeNumber("timeout") * 1000);

const podBody = (namespace: string) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "@NAME@", namespace, labels: { app: "held" } },
    spec: { containers: [{ name: "c", image: "img:1", resources: { requests: { cpu: "100m", memory: "100Mi" } } }] },
  });

using cluster = await prepareCluster(tmpdir());
const { process: plane } = await startControlPlane(cluster, ["--max-old-space-size=8192"]);
await using _plane = plane;
using generator = new Generator();
await using transport = adminTransport(cluster);
const client = createClient(transport);
note(`${nodes} nodes`);
await addSimulatedNodes(client, { count: nodes, zones: ["a", "b", "c"] });
await until("ready nodes", async () => (await client.list(Node)).items.every(({ spec }) => !spec.taints?.length));

const began = performance.now();
const worst = { p50: 0, p99: 0 };
for (let made = 0, number = 1; made < pods; number += 1) {
  const namespace = `held-${number}`;
  await openNamespace(namespace);
  const job = {
    target: cluster.target,
    connections: writers,
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods`,
  };
  const share = Math.min(portion, pods - made);
  const result = await generator.requests({ ...job, body: podBody(namespace), count: share, prefix: "held" });
  made += share;
  worst.p50 = Math.max(worst.p50, result.p50);
  worst.p99 = Math.max(worst.p99, result.p99);
  const others = { namespace, fieldSelector: "status.phase!=Running", limit: 1 };
  await until(`running pods in ${namespace}`, async () => (await client.list(Pod, others)).items.length === 0);
  note(
    `${made} pods after ${passed()} s, creates p99 ${told(result).p99Ms} ms, ${megabytes(plane.residentBytes())} MB`,
  );
}
const runningAfter = passed();
note("writes while they are held");
const target = { target: cluster.target, connections: writers / 2, seconds, pause: 50, method: "POST" };
const writes = await generator.requests({
  ...target,
  path: "/api/v1/namespaces/default/configmaps",
  body: configMapBody,
  prefix: "held",
});
const result = {
  nodes,
  pods,
  runningAfterSeconds: runningAfter,
  createsWorst: { p50Ms: Math.round(worst.p50), p99Ms: Math.round(worst.p99) },
  held: { ...told(writes), perSecond: Math.round(writes.perSecond) },
  rssMegabytes: megabytes(plane.residentBytes()),
  privateMegabytes: megabytes(plane.privateBytes()),
  collectedMegabytes: megabytes(await plane.collectedBytes()),
};
if (values.output === "json") console.log(JSON.stringify(result));
else {
  console.log(`${pods} pods run on ${nodes} simulated nodes after ${runningAfter} s`);
  console.log(
    `creates while they come: worst p50 ${result.createsWorst.p50Ms} ms, worst p99 ${result.createsWorst.p99Ms} ms`,
  );
  console.log(
    `writes while they are held: ${result.held.perSecond}/s, p50 ${result.held.p50Ms} ms, p99 ${result.held.p99Ms} ms`,
  );
  console.log(
    `memory: ${result.rssMegabytes} MB resident, ${result.privateMegabytes} MB without the store's pages, ` +
      `${result.collectedMegabytes} MB after a collection`,
  );
}

function wholeNumber(name: "nodes" | "pods" | "seconds" | "timeout"): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value <= 0) throw new Fault("invalid", `--${name} takes a whole number above 0`);
  return value;
}

async function openNamespace(name: string): Promise<void> {
  await client.create(Namespace, { metadata: { name }, spec: {} });
  // Pods are refused until the namespace has its service account.
  const accounts = { namespace: name, limit: 1 };
  await until(`${name}'s account`, async () => (await client.list(ServiceAccount, accounts)).items.length > 0);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    if (patience.aborted) throw new Fault("timeout", `still without ${what} after ${values.timeout} s`);
    await systemClock.sleep(1000);
  }
}

function passed(): number {
  return Math.round((performance.now() - began) / 1000);
}

function told({ p50, p99 }: RequestResult) {
  return { p50Ms: Math.round(p50), p99Ms: Math.round(p99) };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_000_000);
}

function note(text: string): void {
  if (values.output !== "json") console.error(text);
}
