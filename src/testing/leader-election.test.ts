import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { Lease } from "../api/coordination/lease.ts";
import { Event } from "../api/core/event.ts";
import { Pod } from "../api/core/pod.ts";
import { usualElectionTimes } from "../client/leader-election.ts";
import type { ClusterConfig } from "../cluster/config.ts";
import { type ControlPlane, openControlPlane } from "../cluster/control-plane.ts";
import { ensureCredentials } from "../cluster/credentials.ts";
import { Fault } from "../lib/fault.ts";
import { silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { seededRandom, systemRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";

const dataDir = mkdtempSync(join(tmpdir(), "navarch-election-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));
const config = {
  name: "two",
  dataDir,
  nodeName: "n1",
  nodeAddress: "192.0.2.1",
  nodeRange: "192.0.2.0/24",
  apiPort: 6443,
  podRange: "10.244.0.0/16",
  serviceRange: "10.96.0.0/16",
  clusterDomain: "cluster.local",
} as ClusterConfig;
const labels = { app: "web" };
const takeover = usualElectionTimes.leaseDuration + 3 * usualElectionTimes.retryPeriod;

interface Plane extends ControlPlane {
  readonly metrics: Metrics;
  /** From now on nothing that it writes reaches the store. */
  cutOff(): void;
}

/** Control planes on one store, in virtual time. */
async function severalPlanes(names: readonly string[]) {
  const clock = new VirtualClock();
  const credentials = await ensureCredentials(config, { clock, random: systemRandom });
  const store = openMemoryStore({ clock });
  const opened = new AsyncDisposableStack();
  opened.use(store);
  let writes = 0;
  const open = async (identity: string, seed: number): Promise<Plane> => {
    let cut = false;
    const own: Store = {
      ...boundTo(store),
      commit: async (write) => {
        if (cut) throw new Fault("unavailable", "the store does not answer");
        writes += 1;
        return store.commit(write);
      },
    };
    const metrics = new Metrics();
    const parts = { config, credentials, clock, random: seededRandom(seed), log: silentLog, metrics };
    const plane = await openControlPlane({ ...parts, store: own, election: { times: usualElectionTimes, identity } });
    opened.use(plane);
    return {
      ...plane,
      metrics,
      cutOff: () => {
        cut = true;
      },
    };
  };
  const settle = async () => {
    for (let quiet = 0, seen = -1; quiet < 4; quiet += 1) {
      for (let turn = 0; turn < 15; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (writes !== seen) quiet = 0;
      seen = writes;
    }
  };
  const planes: Plane[] = [];
  for (const [index, name] of names.entries()) planes.push(await open(name, index + 1));
  return {
    planes,
    pass: (ms: number) => clock.pass(ms, settle),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function boundTo(store: Store): Store {
  return {
    read: (...all) => store.read(...all),
    commit: (write) => store.commit(write),
    watch: (...all) => store.watch(...all),
    revision: () => store.revision(),
    compact: (revision) => store.compact(revision),
    [Symbol.asyncDispose]: async () => {},
  };
}

test("of two control planes on one store one acts, and the other goes on when it is cut off", async () => {
  await using cluster = await severalPlanes(["first", "second"]);
  const [first, second] = cluster.planes as [Plane, Plane];
  const admin = second.clientFor({ name: "admin", groups: ["system:masters"] });
  const holders = async () => {
    const { items } = await admin.list(Lease, { namespace: "kube-system" });
    return items.map(({ metadata, spec }) => `${metadata.name}: ${spec.holderIdentity}, ${spec.leaseTransitions}`);
  };
  const names = async () =>
    (await admin.list(Pod, { namespace: "default" })).items.map(({ metadata }) => metadata.name).sort();
  const web = { namespace: "default", name: "web" };
  await admin.create(Deployment, {
    metadata: web,
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "img:1" }] } },
    },
  });
  await cluster.pass(60_000);
  expect(await holders()).toEqual(["kube-controller-manager: first, 0", "kube-scheduler: first, 0"]);
  const before = await names();
  expect(before).toHaveLength(3);

  first.cutOff();
  await admin.patch(Deployment, web, { type: "merge", body: { spec: { replicas: 5 } } });
  await cluster.pass(usualElectionTimes.renewDeadline);
  expect(await names()).toEqual(before);
  expect(await first.metrics.text()).toContain('leader_election_master_status{name="kube-scheduler"} 0');
  await cluster.pass(takeover);
  expect(await holders()).toEqual(["kube-controller-manager: second, 1", "kube-scheduler: second, 1"]);
  expect(await second.metrics.text()).toContain('leader_election_master_status{name="kube-scheduler"} 1');
  const after = await names();
  expect(after).toHaveLength(5);
  expect(after).toEqual(expect.arrayContaining([...before]));

  const events = (await admin.list(Event, { namespace: "kube-system" })).items;
  const story = events.filter(({ reason }) => reason === "LeaderElection");
  expect(story.map(({ source, involvedObject, message }) => [source?.component, involvedObject.kind, message])).toEqual(
    expect.arrayContaining([
      ["kube-controller-manager", "Lease", "first became leader"],
      ["default-scheduler", "Lease", "second became leader"],
    ]),
  );
});

test("a control plane that ends hands over at once", async () => {
  await using cluster = await severalPlanes(["first", "second"]);
  const [first, second] = cluster.planes as [Plane, Plane];
  await first[Symbol.asyncDispose]();
  await cluster.pass(2 * 3 * usualElectionTimes.retryPeriod);
  expect(await second.metrics.text()).toContain('leader_election_master_status{name="kube-scheduler"} 1');
});
