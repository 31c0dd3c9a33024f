import { DaemonSet } from "../../src/api/apps/daemon-set.ts";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { StatefulSet } from "../../src/api/apps/stateful-set.ts";
import { CronJob } from "../../src/api/batch/cron-job.ts";
import { Job } from "../../src/api/batch/job.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import type { Client } from "../../src/client/client.ts";
import { createInformers } from "../../src/client/informer.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silentLog } from "../../src/lib/log.ts";
import { type Random, seededRandom } from "../../src/lib/random.ts";
import { addSimulatedNodes } from "../../src/node/simulated-nodes/make-nodes.ts";
import { SimulatedNodes } from "../../src/node/simulated-nodes/simulated-nodes.ts";
import { unreliable } from "../../src/testing/faults.ts";
import { openTestCluster, type TestCluster } from "../../src/testing/test-cluster.ts";

export const namespace = "default";
const minute = 60_000;
const hour = 60 * minute;
/** Slower than usual by the same factor all over, so that a day has fewer heartbeats. */
const leasePeriod = 2 * minute;
const nodeMonitor = { period: 15_000, grace: 5 * minute, startupGrace: 6 * minute };
/** Now and then a write is refused or its answer lost, and a watch breaks. */
const rates = { conflict: 0.002, lostRequest: 0.002, lostAnswer: 0.002, brokenWatch: 0.0005 };
export const deployments = ["web", "api"];
export const surge = 1;

/** A whole control plane with six nodes in three zones, and the workloads of a small company, in virtual time. */
export interface Day extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly random: Random;
  /** What happened so far, a line each: the time, what was done or what became of whom. */
  readonly story: readonly string[];
  readonly nodes: readonly string[];
  /** Something that happens in such a company every half hour or so; tells of itself in the story. */
  mischance(): Promise<void>;
  /** From now on nothing goes wrong any more, and all nodes speak again. */
  calm(): void;
}

/** Begins a day. The same seed makes the same one. */
export async function beginDay(seed: number): Promise<Day> {
  await using opened = new AsyncDisposableStack();
  const random = seededRandom(seed * 7919);
  const luck = seededRandom(seed * 104_729);
  const silent = new Map<string, PromiseWithResolvers<void>>();
  let storm = true;
  const cluster = opened.use(
    await openTestCluster({
      seed,
      scheduler: true,
      settings: { nodeMonitor },
      disturb: (client) => unreliable(client, luck, rates, () => storm),
    }),
  );
  const { clock, client } = cluster;
  const began = clock.now();
  const story: string[] = [];
  const tell = (text: string) => story.push(`${((clock.now() - began) / minute).toFixed(2)} ${text}`);
  follow(cluster, tell);

  const common = { clock, log: silentLog, random: seededRandom(seed) };
  const informers = opened.use(
    createInformers({ client: cluster.clientFor({ name: "system:kube-scheduler", groups: [] }), ...common }),
  );
  const clientFor = (node: string) =>
    unlessSilent(
      cluster.clientFor({ name: `system:node:${node}`, groups: ["system:nodes"] }),
      () => silent.get(node)?.promise,
    );
  const speakAgain = (node: string) => {
    silent.get(node)?.resolve();
    if (silent.delete(node)) tell(`node ${node} speaks again`);
  };
  opened.defer(() => {
    for (const node of [...silent.keys()]) speakAgain(node);
  });
  opened.use(new SimulatedNodes({ informers, clientFor, leasePeriod, version: "v1.35.0", ...common }));
  const nodes = await addSimulatedNodes(client, { count: 6, zones: ["a", "b", "c"] });
  await makeWorkloads(client);

  const pick = <T>(all: readonly T[]): T => all[Math.floor(random.next() * all.length)]!;
  const between = (low: number, high: number) => Math.floor(low + random.next() * (high - low));
  let images = 1;
  let errands = 0;
  const mischances: readonly (() => Promise<void>)[] = [
    async () => {
      const name = pick(deployments);
      images += 1;
      tell(`rollout ${name} ${images}`);
      const containers = [{ name: "c", image: `img:${images}` }];
      const body = { spec: { template: { spec: { containers } } } };
      await client.patch(Deployment, { namespace, name }, { type: "strategic", body });
    },
    async () => {
      const [name, replicas] = [pick(deployments), between(2, 8)];
      tell(`scale ${name} ${replicas}`);
      await client.patch(Deployment, { namespace, name }, { type: "merge", body: { spec: { replicas } } });
    },
    async () => {
      // Two at a time are a mischance; more would be a network that is broken, which evicts nobody.
      if (silent.size > 1) return;
      const name = pick(nodes.filter((node) => !silent.has(node)));
      const ms = between(2, 90) * minute;
      tell(`node ${name} falls silent for ${ms / minute} min`);
      silent.set(name, Promise.withResolvers());
      clock.after(ms, () => speakAgain(name));
    },
    async () => {
      const { items } = await client.list(Pod, { namespace });
      const pod = pick(items.filter(({ metadata }) => !metadata.deletionTimestamp));
      tell(`somebody deletes ${pod.metadata.name}`);
      await client.delete(Pod, { namespace, name: pod.metadata.name });
    },
    async () => {
      errands += 1;
      tell(`errand ${errands}`);
      await client.create(Job, {
        metadata: { name: `errand-${errands}`, namespace },
        spec: { completions: 5, parallelism: 2, ttlSecondsAfterFinished: 3600, template: runsFor(3 * minute) },
      } as never);
    },
  ];
  const rest = opened.move();
  return {
    cluster,
    random,
    story,
    nodes,
    mischance: () => pick(mischances)(),
    calm() {
      storm = false;
      for (const node of [...silent.keys()]) speakAgain(node);
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** A template whose pods end well after so long. */
function runsFor(ms: number): object {
  return {
    metadata: { annotations: { "simulated.navarch/run-for-ms": `${ms}` } },
    spec: { restartPolicy: "Never", containers: [{ name: "c", image: "img:1" }] },
  };
}

async function makeWorkloads(client: Client): Promise<void> {
  const labelled = (app: string) => ({
    metadata: { labels: { app }, annotations: { "simulated.navarch/ready-delay-ms": "5000" } },
    spec: { containers: [{ name: "c", image: "img:1" }] },
  });
  const selector = (app: string) => ({ matchLabels: { app } });
  for (const name of deployments) {
    const strategy = { rollingUpdate: { maxSurge: surge, maxUnavailable: 1 } };
    const spec = { replicas: 5, selector: selector(name), strategy, template: labelled(name) };
    await client.create(Deployment, { metadata: { name, namespace }, spec } as never);
  }
  const database = { replicas: 3, serviceName: "db", selector: selector("db"), template: labelled("db") };
  await client.create(StatefulSet, { metadata: { name: "db", namespace }, spec: database } as never);
  const everywhere = { selector: selector("agent"), template: labelled("agent") };
  await client.create(DaemonSet, { metadata: { name: "agent", namespace }, spec: everywhere } as never);
  const cron = (name: string, schedule: string, ms: number, more: object = {}) =>
    client.create(CronJob, {
      metadata: { name, namespace },
      spec: { schedule, jobTemplate: { spec: { template: runsFor(ms) } }, ...more },
    } as never);
  await cron("report", "0 * * * *", 4 * minute, { failedJobsHistoryLimit: 1, successfulJobsHistoryLimit: 30 });
  await cron("poll", "*/10 * * * *", 13 * minute, { concurrencyPolicy: "Forbid" });
  await cron("nightly", "30 3 * * *", hour, { timeZone: "Europe/Berlin" });
}

/** Writes down what becomes of pods, jobs and nodes. */
function follow(cluster: TestCluster, tell: (text: string) => void): void {
  const { informers } = cluster;
  informers.of(Pod).on({
    added: ({ metadata }) => tell(`+ pod ${metadata.name}`),
    updated: (next, before) => {
      const [now, then] = [stateOf(next), stateOf(before)];
      if (now !== then) tell(`~ pod ${next.metadata.name} ${now}`);
    },
    deleted: ({ metadata }) => tell(`- pod ${metadata.name}`),
  });
  informers.of(Job).on({
    added: ({ metadata }) => tell(`+ job ${metadata.name}`),
    deleted: ({ metadata }) => tell(`- job ${metadata.name}`),
  });
  informers.of(Node).on({
    updated: (next, before) => {
      const taints = (node: Node) => (node.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).join();
      if (taints(next) !== taints(before)) tell(`~ node ${next.metadata.name} ${taints(next)}`);
    },
  });
}

const stateOf = ({ spec, status, metadata }: Pod) =>
  [spec.nodeName, status?.phase, metadata.deletionTimestamp ? "ends" : ""].join(" ");

/** A client whose calls wait as long as its node is silent, and then have failed. */
function unlessSilent(client: Client, silence: () => Promise<void> | undefined): Client {
  return new Proxy(client, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return async (...given: readonly unknown[]) => {
        const silent = silence();
        if (!silent) return Reflect.apply(member, target, given) as unknown;
        await silent;
        throw new Fault("unavailable", "the node's network was down");
      };
    },
  });
}
