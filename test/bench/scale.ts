import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { Lease } from "../../src/api/coordination/lease.ts";
import { Namespace } from "../../src/api/core/namespace.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { ServiceAccount } from "../../src/api/core/service-account.ts";
import type { PodSpec } from "../../src/api/generated/core-v1.ts";
import { PriorityClass } from "../../src/api/scheduling/priority-class.ts";
import type { Client } from "../../src/client/client.ts";
import { planCluster } from "../../src/cluster/config.ts";
import { openControlPlane } from "../../src/cluster/control-plane.ts";
import { ensureCredentials } from "../../src/cluster/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openLog } from "../../src/lib/log.ts";
import { Metrics } from "../../src/lib/metrics.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { microTimeOf } from "../../src/machinery/times.ts";
import { openMemoryStore } from "../../src/store/memory.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "1000" },
    pods: { type: "string", default: "3000" },
    zones: { type: "string", default: "3" },
    /** basic | spread | anti-affinity | preemption (every pod takes the place of one of no priority) */
    shape: { type: "string", default: "basic" },
    /** Makes the pods one by one, without a Deployment in between. */
    direct: { type: "boolean", default: false },
    timeout: { type: "string", default: "300" },
    log: { type: "string", default: "warn" },
    output: { type: "string", short: "o", default: "text" },
  },
});

/** Times a Deployment's pods from its creation to the last binding, on a whole control plane with make-believe nodes. */
const nodes = Number(values.nodes);
const pods = Number(values.pods);
const zones = Number(values.zones);
if (![nodes, pods, zones].every((value) => Number.isInteger(value) && value > 0))
  throw new Error("--nodes, --pods and --zones take whole numbers above 0");
if (!["basic", "spread", "anti-affinity", "preemption"].includes(values.shape))
  throw new Error(`--shape ${values.shape}: it is one of basic, spread, anti-affinity, preemption`);
const labels = { app: "bench" };
/** Pods that fill a node, and what each of them takes. */
const perNode = 8;
const eighth = { name: "c", image: "img:1", resources: { requests: { cpu: "4", memory: "1Gi" } } };

const folder = mkdtempSync(join(tmpdir(), "navarch-scale-"));
const planned = planCluster({ name: "scale", dataDir: folder, runtime: "simulated" }, { NAVARCH_DATA: folder });
// Every node has a subnet.
const config = { ...planned, podRange: "10.128.0.0/9" };
const store = openMemoryStore({ clock: systemClock });
const metrics = new Metrics();
const plane = await openControlPlane({
  config,
  credentials: await ensureCredentials(config, { clock: systemClock, random: systemRandom }),
  store,
  clock: systemClock,
  random: systemRandom,
  metrics,
  log: openLog({ level: values.log as "warn" }),
});
const client = plane.clientFor({ name: "bench", groups: ["system:masters"] });
const stop = new AbortController();

if (values.direct)
  await client.create(ServiceAccount, { metadata: { name: "default", namespace: "default" } }).catch(() => {});
await inParallel(nodes, 64, (index) => makeNode(client, `node-${index}`, index));
if (values.shape === "preemption") await fill();
// What becomes of new nodes is not what is measured here.
while ((await client.list(Node)).items.some(({ spec }) => !spec.podCIDR || spec.taints?.length))
  await systemClock.sleep(200);
const beating = heartbeats();
const before = process.cpuUsage();
const bound = countBindings();
if (values.direct)
  await inParallel(pods, 64, async (index) => {
    await client.create(Pod, { metadata: { name: `bench-${index}`, namespace: "default", labels }, spec: podSpec() });
  });
else
  await client.create(Deployment, {
    metadata: { name: "bench", namespace: "default" },
    spec: { replicas: pods, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec() } },
  });
const boundSeconds = await bound;
const used = process.cpuUsage(before);
stop.abort();
await beating;
const result = {
  nodes,
  pods,
  shape: values.shape,
  boundSeconds: Number(boundSeconds.toFixed(3)),
  podsPerSecond: Math.round(pods / boundSeconds),
  /** Of all threads: what stays true on a busy machine. */
  processorSeconds: Number(((used.user + used.system) / 1e6).toFixed(3)),
  decisions: await countDecisions(),
  rssMegabytes: Math.round(process.memoryUsage.rss() / 1_000_000),
};
if (values.output === "json") console.log(JSON.stringify(result));
else
  console.log(
    `${pods} pods on ${nodes} nodes (${result.shape}): all bound after ${result.boundSeconds} s, ` +
      `${result.podsPerSecond}/s, ${result.rssMegabytes} MB`,
  );
await plane[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
rmSync(folder, { recursive: true, force: true });

function podSpec(): PodSpec {
  const container = { name: "c", image: "img:1", resources: { requests: { cpu: "100m", memory: "100Mi" } } };
  const spec = { containers: [container] } as unknown as PodSpec;
  const labelSelector = { matchLabels: labels };
  if (values.shape === "spread") {
    const constraint = { maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", labelSelector } as const;
    return {
      ...spec,
      topologySpreadConstraints: [
        { ...constraint, topologyKey: "topology.kubernetes.io/zone" },
        { ...constraint, maxSkew: 5, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
      ],
    };
  }
  if (values.shape === "anti-affinity") {
    const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
    // More pods than nodes cannot all keep apart: then it is a wish.
    const podAntiAffinity =
      pods <= nodes
        ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
        : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term }] };
    return { ...spec, affinity: { podAntiAffinity } };
  }
  if (values.shape === "preemption")
    return { ...spec, containers: [eighth], priorityClassName: "bench-high" } as PodSpec;
  return spec;
}

/** Fills every node with pods that give way at once. */
async function fill(): Promise<void> {
  await client.create(PriorityClass, { metadata: { name: "bench-high" }, value: 1000 });
  await client.create(Namespace, { metadata: { name: "fill" }, spec: {} });
  await client.create(ServiceAccount, { metadata: { name: "default", namespace: "fill" } }).catch(() => {});
  await inParallel(nodes * perNode, 64, async (index) => {
    const spec = { containers: [eighth], nodeName: `node-${index % nodes}`, terminationGracePeriodSeconds: 0 };
    await client.create(Pod, {
      metadata: { name: `fill-${index}`, namespace: "fill" },
      spec: spec as unknown as PodSpec,
    });
  });
}

async function makeNode(by: Client, name: string, index: number): Promise<void> {
  const zone = `zone-${index % zones}`;
  const quantities = { cpu: "32", memory: "128Gi", "ephemeral-storage": "100Gi", pods: "250" };
  await by.create(Node, {
    metadata: { name, labels: { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone } },
    spec: {},
    status: {
      capacity: quantities,
      allocatable: quantities,
      conditions: [
        { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
      ],
    },
  });
  await by.create(Lease, {
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTimeOf(systemClock.now()) },
  });
}

/** Every node renews its lease each ten seconds, as an agent does, spread evenly over that time. */
async function heartbeats(): Promise<void> {
  const { signal } = stop;
  for (let next = 0; !signal.aborted; ) {
    const share = Math.ceil(nodes / 100);
    for (let count = 0; count < share; count++, next = (next + 1) % nodes) {
      const body = { spec: { renewTime: microTimeOf(systemClock.now()) } };
      const key = { namespace: "kube-node-lease", name: `node-${next}` };
      await client.patch(Lease, key, { type: "merge", body });
    }
    await systemClock.sleep(100, signal).catch(() => {});
  }
}

/** Resolves with the seconds from now to the last of the pods being bound. */
async function countBindings(): Promise<number> {
  const started = performance.now();
  const seen = new Set<string>();
  const end = AbortSignal.any([stop.signal, AbortSignal.timeout(Number(values.timeout) * 1000)]);
  const { metadata } = await client.list(Pod, { namespace: "default", limit: 1 });
  const events = client.watch(Pod, { namespace: "default", resourceVersion: metadata.resourceVersion, signal: end });
  for await (const { object } of events) {
    if (object.spec.nodeName) seen.add(object.metadata.uid);
    if (seen.size >= pods) return (performance.now() - started) / 1000;
  }
  throw new Error(`only ${seen.size} of ${pods} pods were bound`);
}

/** Decisions of the scheduler so far: one for each pod, or two where others had to go first. */
async function countDecisions(): Promise<number> {
  const lines = (await metrics.text()).matchAll(/^scheduler_schedule_attempts_total\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function inParallel(count: number, width: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++) {
      await task(index);
      // Calls within a process come back without a turn of the event loop, and timers would never get theirs.
      if (index % width === 0) await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, work));
}
