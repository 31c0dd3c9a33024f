import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { Forwarder } from "../../src/network/dns/forwarder.ts";
import { openDnsServer } from "../../src/network/dns/server.ts";
import { Zone } from "../../src/network/dns/zone.ts";
import { openListeningPairs } from "../../src/network/machine/sockets.ts";
import type { PolicyEntry } from "../../src/network/policy/entries.ts";
import { openNftPolicies } from "../../src/network/policy/nft/backend.ts";
import { type Front, noChange } from "../../src/network/proxy/front.ts";
import { openNftProxy } from "../../src/network/proxy/nft/backend.ts";
import { ProxyTable } from "../../src/network/proxy/table.ts";
import { openNamespace, type TestNamespace } from "../../src/network/testing/namespaces.ts";
import type { Row } from "./report.ts";
import type { Suite } from "./suite.ts";

const serviceCount = 5000;
const clockTick = 10;

/** What something took, in milliseconds: by the clock, and of the processors, for this process and the programs that it ran. */
interface Took {
  readonly wall: number;
  readonly processor: number;
}

async function timed(work: () => Promise<unknown>): Promise<Took> {
  const used = processorTime();
  const began = performance.now();
  await work();
  return { wall: performance.now() - began, processor: processorTime() - used };
}

/** Own time and that of children that have ended, which Node does not tell. */
function processorTime(): number {
  const afterName = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ");
  return afterName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * clockTick, 0);
}

function row(measure: string, took: readonly Took[], atMost?: number): Row {
  const mean = took.reduce((sum, { processor }) => sum + processor, 0) / took.length;
  const value = Math.max(...took.map(({ wall }) => wall));
  const note = `${mean.toFixed(0)} ms of processors`;
  return { measure, value, unit: "ms", note, ...(atMost ? { goal: { atMost } } : {}) };
}

/** What the node's tables and its name server take. Needs root. */
export const networkSuite: Suite = {
  name: "network",
  about: "service proxy, network policies and DNS of one node",
  async run({ short, note }) {
    if (process.getuid?.() !== 0) {
      note("left out: network namespaces need root");
      return [];
    }
    const rows: Row[] = [];
    await using node = await openNamespace("bench");
    note(`${serviceCount} services of three endpoints`);
    rows.push(...(await measureServices(node, short ? 3 : 20)));
    note("network policies");
    rows.push(...(await measurePolicies(node, short ? 3 : 20)));
    note("DNS");
    rows.push(await measureDns(short ? 500 : 4000));
    return rows;
  },
};

async function measureServices(node: TestNamespace, changes: number): Promise<readonly Row[]> {
  await using backend = openNftProxy({
    ...{ table: "navarch-bench", family: "IPv4", run: node.run },
    ...{ podRanges: ["10.244.0.0/16"], serviceRanges: ["10.96.0.0/12"] },
  });
  const table = new ProxyTable({ node: { name: "bench" }, family: "IPv4" });
  const slice = (index: number, last = 3) => ({
    metadata: { namespace: "bench", name: `s${index}-1`, labels: { "kubernetes.io/service-name": `s${index}` } },
    addressType: "IPv4",
    endpoints: Array.from({ length: last }, (_, i) => ({
      addresses: [`10.244.${index >> 6}.${(index & 63) * 4 + i}`],
    })),
    ports: [{ port: 8080 }],
  });
  const load = await timed(async () => {
    for (let index = 0; index < serviceCount; index++) {
      const clusterIP = `10.${96 + (index >> 12)}.${(index >> 4) & 255}.${(index & 15) + 1}`;
      table.setService({
        metadata: { namespace: "bench", name: `s${index}` },
        spec: { clusterIP, ports: [{ port: 80 }] },
      });
      table.setSlice(slice(index));
    }
    await backend.apply(table.drain());
  });
  const times: Took[] = [];
  for (let round = 0; round < changes; round++) {
    const change = async () => {
      table.setSlice(slice(round * 7, round % 2 === 0 ? 2 : 1));
      await backend.apply(table.drain());
    };
    times.push(await timed(change));
  }
  const compared = await timed(() => backend.resync());
  return [
    row(`load ${serviceCount} services x 3 endpoints`, [load], 1000),
    row("one service changes, slowest", times, 50),
    row("compare all services with the kernel", [compared]),
    row("a UDP service changes", [await udpChange(backend)], 50),
  ];
}

function udpChange(backend: ReturnType<typeof openNftProxy>): Promise<Took> {
  const front = (ip: string): Front => ({
    door: { kind: "address", address: "10.111.0.1", protocol: "udp", port: 53 },
    ...{ service: "bench/udp", masquerade: "outsidePods", targets: [{ ip, port: 53 }] },
  });
  return backend
    .apply({ ...noChange, put: [front("10.244.0.1")] })
    .then(() => timed(() => backend.apply({ ...noChange, put: [front("10.244.0.2")] })));
}

async function measurePolicies(node: TestNamespace, changes: number): Promise<readonly Row[]> {
  await using backend = openNftPolicies({
    ...{ table: "navarch-bench-policy", family: "IPv4", localPodRanges: ["10.244.0.0/24"], run: node.run },
  });
  const entries: PolicyEntry[] = [];
  for (let pod = 1; pod <= 100; pod++) {
    const address = `10.244.0.${pod}`;
    entries.push({ kind: "known", address }, { kind: "isolated", direction: "ingress", address });
    for (let number = 2; number < 22; number++) {
      const ports = [{ protocol: "tcp", from: 80, to: 80 } as const];
      entries.push({ kind: "allowed", direction: "ingress", address, class: number, ports });
    }
  }
  for (let peer = 0; peer < 10_000; peer++) {
    entries.push({ kind: "pod", address: `10.245.${peer >> 8}.${peer & 255}`, class: 2 + (peer % 20) });
  }
  const load = await timed(() => backend.apply({ add: entries, remove: [] }));
  const times: Took[] = [];
  for (let round = 0; round < changes; round++) {
    const entry: PolicyEntry = { kind: "pod", address: `10.246.0.${round}`, class: 2 };
    times.push(await timed(() => backend.apply({ add: [entry], remove: [] })));
  }
  return [
    row("load policies: 100 pods, 20 rules each, 10,000 peers", [load]),
    row("one peer more, slowest", times, 50),
  ];
}

async function measureDns(milliseconds: number): Promise<Row> {
  const zone = new Zone({ domain: "cluster.local", serverAddresses: ["127.0.0.1"] });
  for (let index = 0; index < serviceCount; index++) {
    const clusterIP = `10.96.${index >> 8}.${index & 255}`;
    zone.setService({
      metadata: { namespace: "bench", name: `s${index}` },
      spec: { clusterIP, ports: [{ port: 80 }] },
    });
  }
  const sockets = await openListeningPairs(["127.0.0.1"], 0);
  const tools = { clock: systemClock, random: systemRandom };
  const forwarder = new Forwarder({ ...tools, upstreams: [] });
  await using _server = openDnsServer({ ...tools, sockets, zone, forwarder, reverseRanges: [], log: silentLog });
  const names = Array.from({ length: 200 }, (_, i) => `s${i * 17}.bench.svc.cluster.local`).join();
  const client = fileURLToPath(new URL("./dns-load.ts", import.meta.url));
  const args = [client, String(sockets[0]!.port), names, String(milliseconds)];
  const used = process.cpuUsage();
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { answers, perSecond, failures } = JSON.parse(stdout) as Readonly<
    Record<"answers" | "perSecond" | "failures", number>
  >;
  if (failures > 0) throw new Error(`${failures} answers were wrong`);
  const { user, system } = process.cpuUsage(used);
  const perProcessor = answers / ((user + system) / 1e6);
  const note = `${Math.round(perProcessor)} per second of a processor`;
  return { measure: "DNS answers over UDP", value: perSecond, unit: "/s", note, goal: { atLeast: 20_000 } };
}
