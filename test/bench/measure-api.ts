import { ConfigMap } from "../../src/api/core/config-map.ts";
import { Namespace } from "../../src/api/core/namespace.ts";
import { ServiceAccount } from "../../src/api/core/service-account.ts";
import { createClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import {
  adminTransport,
  type BareMode,
  type PreparedCluster,
  prepareCluster,
  startBareServer,
  startControlPlane,
} from "./control-plane.ts";
import { Generator } from "./load/generator.ts";
import type { Target } from "./load/h2-connection.ts";
import type { RequestJob, RequestResult } from "./load/jobs.ts";
import type { MeasuredProcess } from "./measured-process.ts";
import { rawLmdbCommits } from "./raw-lmdb.ts";
import type { Row } from "./report.ts";
import { busyBody, configMapBody, podBody } from "./sample-objects.ts";
import type { Suite, SuiteOptions } from "./suite.ts";

const writers = 64;
const readers = 32;
const podsPath = "/api/v1/namespaces/default/pods";
const configMapsPath = "/api/v1/namespaces/default/configmaps";

/** What all measures of a run share. */
interface Bench extends SuiteOptions {
  readonly cluster: PreparedCluster;
  readonly plane: MeasuredProcess;
  readonly generator: Generator;
  readonly seconds: number;
}

type Load = Omit<RequestJob, "kind" | "target">;
type Loaded = RequestResult & {
  /** Microseconds of the server's processor time per request: what stays true on a busy machine. */
  readonly cost: number;
};

/** The API over TLS and HTTP/2, load coming from another process. */
export const apiSuite: Suite = {
  name: "api",
  about: "creates, reads, lists and watches over TLS",
  async run(options) {
    using cluster = await prepareCluster(options.folder);
    const { process: plane } = await startControlPlane(cluster, options.nodeOptions);
    await using _plane = plane;
    using generator = new Generator();
    const bench: Bench = { ...options, cluster, plane, generator, seconds: options.short ? 2 : 6 };
    const rows: Row[] = [];
    rows.push(...(await creates(bench, "Pods", podsPath, podBody)));
    rows.push(...(await creates(bench, "ConfigMaps 1 KB", configMapsPath, configMapBody)));
    rows.push(...(await singleReads(bench)));
    rows.push(...(await lists(bench, await fill(bench))));
    rows.push(...(await watches(bench)));
    if (!options.short) {
      rows.push(await weigh(bench, "10,000 Pods, 15,000 ConfigMaps", { pods: 10_000, configMaps: 15_000 }));
      rows.push(await weigh(bench, "100,000 ConfigMaps of 1 KB", { pods: 0, configMaps: 100_000 }));
    }
    return rows;
  },
};

async function creates(bench: Bench, what: string, path: string, body: string): Promise<readonly Row[]> {
  const { note, seconds } = bench;
  const load: Load = { connections: writers, seconds, method: "POST", path, body };
  note(`create ${what}`);
  await ours(bench, { ...load, seconds: seconds / 2, prefix: "warm" });
  const measured = await ours(bench, { ...load, prefix: "load" });
  const grow = Math.max(0, measured.answerBytes - body.length - 12);
  note(`create ${what}: bare loops`);
  const stored = await bare(bench, { store: true, grow }, load);
  const echoed = await bare(bench, { grow }, load);
  const commits = await rawLmdbCommits({ writers, seconds, valueBytes: measured.answerBytes, folder: bench.folder });
  return [
    {
      measure: `create ${what}, ${writers} connections, durable`,
      value: measured.perSecond,
      unit: "/s",
      raw: { what: "http2+JSON+LMDB", value: stored.perSecond },
      goal: { ratioAtLeast: 0.4, ...(what === "Pods" ? { atLeast: 2000 } : {}) },
      note: `bare http2+JSON ${echoed.perSecond.toFixed(0)}/s, bare LMDB ${commits.toFixed(0)}/s; ${body.length} bytes sent, ${measured.answerBytes} answered; p50 ${measured.p50.toFixed(1)} ms, p99 ${measured.p99.toFixed(1)} ms`,
    },
    {
      measure: `processor time of a ${what.split(" ")[0]} create`,
      value: measured.cost,
      unit: "us",
      raw: { what: "http2+JSON+LMDB", value: stored.cost },
    },
  ];
}

async function singleReads(bench: Bench): Promise<readonly Row[]> {
  const { note, seconds } = bench;
  note("get one Pod");
  const load: Load = { connections: readers, seconds, method: "GET", path: `${podsPath}/load-00000001` };
  await ours(bench, { ...load, seconds: seconds / 2 });
  const measured = await ours(bench, load);
  const limit = await bare(bench, { size: measured.answerBytes }, load);
  return [
    {
      measure: `get one Pod, ${readers} connections`,
      value: measured.perSecond,
      unit: "/s",
      raw: { what: "http2", value: limit.perSecond },
      goal: { ratioAtLeast: 0.5 },
      note: `p50 ${measured.p50.toFixed(2)} ms, p99 ${measured.p99.toFixed(2)} ms`,
    },
    {
      measure: "processor time of a get",
      value: measured.cost,
      unit: "us",
      raw: { what: "http2", value: limit.cost },
    },
  ];
}

const listed = "listed";
const listedCount = 10_000;

/** Makes the Pods that lists are measured with; those of the creates are beside them. */
async function fill({ note, generator, cluster }: Bench): Promise<string> {
  note("fill");
  await using transport = adminTransport(cluster);
  const client = createClient(transport);
  await client.create(Namespace, { metadata: { name: listed }, spec: {} });
  // Pods are refused until the namespace has its service account.
  while ((await client.list(ServiceAccount, { namespace: listed })).items.length === 0) await systemClock.sleep(50);
  const path = podsPath.replace("default", listed);
  const body = podBody.replace('"namespace":"default"', `"namespace":"${listed}"`);
  const load = { target: cluster.target, connections: writers, method: "POST", path, body };
  await generator.requests({ ...load, prefix: "fill", count: listedCount });
  return path;
}

async function lists({ note, generator, cluster }: Bench, path: string): Promise<readonly Row[]> {
  note("list 10,000 Pods");
  const rounds = 9;
  const all = { target: cluster.target, path, rounds: 3 };
  await generator.reads(all);
  const measured = await generator.reads({ ...all, rounds });
  const bytes = measured.bytes;
  const bareServer = await startBareServer(cluster, { size: bytes });
  await using _bare = bareServer.process;
  const limit = await generator.reads({ target: bareServer.target, path: "/list", rounds });
  return [
    {
      measure: "list of 10,000 Pods",
      value: measured.whole,
      unit: "ms",
      raw: { what: "http2, same bytes", value: limit.whole },
      goal: { atMost: 100 },
      note: `${(bytes / 1e6).toFixed(1)} MB`,
    },
    {
      measure: "list of 10,000 Pods, first byte",
      value: measured.firstByte,
      unit: "ms",
      raw: { what: "http2, same bytes", value: limit.firstByte },
      goal: { atMost: 5 },
    },
  ];
}

const crowds = [0, 1, 100, 1000];

/** What one change of one object costs the server when it is told to a crowd of watchers. */
async function watches(bench: Bench): Promise<readonly Row[]> {
  const { note, cluster, short } = bench;
  await using transport = adminTransport(cluster);
  const client = createClient(transport);
  const namespace = "busy";
  await client.create(Namespace, { metadata: { name: namespace }, spec: {} });
  const first = await client.create(ConfigMap, { metadata: { namespace, name: "busy" }, data: {} });
  const events = short ? 60 : 200;
  const put: Load = {
    connections: 1,
    count: events,
    pause: 25,
    method: "PUT",
    path: `/api/v1/namespaces/${namespace}/configmaps/busy`,
    body: busyBody(namespace),
  };
  const costs = new Map<number, number>();
  for (const watchers of crowds) {
    note(`watch fan-out to ${watchers}`);
    const { metadata } = await client.get(ConfigMap, { namespace, name: first.metadata.name });
    const path = `/api/v1/namespaces/${namespace}/configmaps?watch=true&resourceVersion=${metadata.resourceVersion}`;
    costs.set(
      watchers,
      await fanOut(bench, bench.plane, cluster.target, { put: { ...put, prefix: `w${watchers}` }, path, watchers }),
    );
  }
  note("watch fan-out: bare loop");
  const bareServer = await startBareServer(cluster, { grow: 300 });
  await using _bare = bareServer.process;
  const limits = new Map<number, number>();
  for (const watchers of crowds) {
    limits.set(watchers, await fanOut(bench, bareServer.process, bareServer.target, { put, path: "/watch", watchers }));
  }
  const perWatcher = (of: Map<number, number>, crowd: number) => (of.get(crowd)! - of.get(0)!) / crowd;
  return [100, 1000].map((crowd) => ({
    measure: `processor time of an event, per watcher of ${crowd}`,
    value: perWatcher(costs, crowd),
    unit: "us",
    raw: { what: "http2 writes", value: perWatcher(limits, crowd) },
    note: `a whole event with 0, 1, 100, 1,000 watchers: ${crowds.map((n) => costs.get(n)!.toFixed(0)).join(", ")} us`,
  }));
}

async function fanOut(
  { generator }: Bench,
  server: MeasuredProcess,
  target: Target,
  { put, path, watchers }: { readonly put: Load; readonly path: string; readonly watchers: number },
): Promise<number> {
  const connections = Math.max(1, Math.ceil(watchers / 50));
  if (watchers > 0) await generator.run({ kind: "watch", target, path, streams: watchers, connections });
  const before = server.processorSeconds();
  await generator.requests({ ...put, target });
  if (watchers > 0) await generator.run({ kind: "seen", lines: put.count! });
  const cost = (server.processorSeconds() - before) / put.count!;
  await generator.run({ kind: "unwatch" });
  return cost * 1e6;
}

/** The memory of a control plane of its own that holds these and nothing else. */
async function weigh(
  { note, generator, folder }: Bench,
  what: string,
  { pods, configMaps }: { readonly pods: number; readonly configMaps: number },
): Promise<Row> {
  note(what);
  using cluster = await prepareCluster(folder);
  const { process: plane } = await startControlPlane(cluster);
  await using _plane = plane;
  const before = await plane.collectedBytes();
  for (const [path, body, count] of [
    [podsPath, podBody, pods],
    [configMapsPath, configMapBody, configMaps],
  ] as const) {
    const load = { target: cluster.target, connections: writers, method: "POST", path, body, prefix: "many" };
    if (count > 0) await generator.requests({ ...load, count });
  }
  return {
    measure: `memory with ${what}`,
    value: (await plane.collectedBytes()) / 1e6,
    unit: "MB",
    goal: { atMost: 600 },
    note: `${(before / 1e6).toFixed(0)} MB without them; the store's mapped pages and the program's own are in both`,
  };
}

async function ours({ generator, plane, cluster }: Bench, load: Load): Promise<Loaded> {
  return await loaded(generator, plane, cluster.target, load);
}

async function bare({ cluster, generator }: Bench, mode: BareMode, load: Load): Promise<Loaded> {
  const { process, target } = await startBareServer(cluster, mode);
  await using _process = process;
  await loaded(generator, process, target, { ...load, seconds: load.seconds! / 2, prefix: "warm" });
  return await loaded(generator, process, target, load);
}

async function loaded(generator: Generator, server: MeasuredProcess, target: Target, load: Load): Promise<Loaded> {
  const before = server.processorSeconds();
  const result = await generator.requests({ ...load, target });
  return { ...result, cost: ((server.processorSeconds() - before) / result.answered) * 1e6 };
}
