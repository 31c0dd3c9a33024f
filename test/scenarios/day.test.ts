import { expect, test } from "vitest";
import { DaemonSet } from "../../src/api/apps/daemon-set.ts";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { ReplicaSet } from "../../src/api/apps/replica-set.ts";
import { StatefulSet } from "../../src/api/apps/stateful-set.ts";
import { Job } from "../../src/api/batch/job.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { isPodActive, isPodReady } from "../../src/api/core/pod-state.ts";
import { beginDay, type Day, deployments, namespace, surge } from "./simulated-day.ts";

const minute = 60_000;
const hour = 60 * minute;
/** A day each; `npm run prove` lives more of them. */
const seeds = Array.from({ length: Number(process.env.DAY_SEEDS ?? 1) }, (_, index) => index + 1);

/** Lives so many hours, something happening every half hour or so, and looks at everything each time. */
async function live(day: Day, hours: number): Promise<void> {
  const { cluster, random } = day;
  const end = cluster.clock.now() + hours * hour;
  while (cluster.clock.now() < end) {
    await cluster.pass(Math.min(end - cluster.clock.now(), Math.floor((10 + 40 * random.next()) * minute)));
    await day.mischance();
    await cluster.pass(minute);
    await look(day);
  }
}

/** What holds at every moment. */
async function look({ cluster }: Day): Promise<void> {
  const { client } = cluster;
  const pods = (await client.list(Pod, { namespace })).items;
  const active = pods.filter(isPodActive);
  const sets = (await client.list(ReplicaSet, { namespace })).items;
  const owned = (uid: string) =>
    active.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
  for (const name of deployments) {
    const { metadata, spec } = await client.get(Deployment, { namespace, name });
    const own = sets.filter((set) => set.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));
    const count = own.flatMap((set) => owned(set.metadata.uid)).length;
    expect(count, `pods of ${name}`).toBeLessThanOrEqual((spec.replicas ?? 1) + surge);
  }
  const agents = active.filter(({ metadata }) => metadata.labels?.app === "agent").map(({ spec }) => spec.nodeName);
  expect(new Set(agents).size, "one agent on a node").toBe(agents.length);
  const jobs = (await client.list(Job, { namespace })).items;
  const polls = jobs.filter(
    ({ metadata, status }) => metadata.name.startsWith("poll-") && !status?.completionTime && status?.active,
  );
  expect(polls.length, "polls at a time").toBeLessThanOrEqual(1);
  for (const { metadata, spec, status } of jobs) {
    expect(status?.succeeded ?? 0, `successes of ${metadata.name}`).toBeLessThanOrEqual(spec.completions ?? 1);
  }
}

/** What holds when nothing has gone wrong for a while. */
async function lookAtRest({ cluster, nodes }: Day): Promise<void> {
  const { client } = cluster;
  for (const node of (await client.list(Node)).items) expect(node.spec.taints ?? [], node.metadata.name).toEqual([]);
  for (const name of deployments) {
    const { spec, status, metadata } = await client.get(Deployment, { namespace, name });
    const { replicas } = spec;
    expect(status).toMatchObject({ replicas, updatedReplicas: replicas, availableReplicas: replicas });
    expect(status?.observedGeneration).toBe(metadata.generation);
  }
  const database = await client.get(StatefulSet, { namespace, name: "db" });
  expect(database.status).toMatchObject({ replicas: 3, readyReplicas: 3, updatedReplicas: 3 });
  const agent = await client.get(DaemonSet, { namespace, name: "agent" });
  expect(agent.status).toMatchObject({ desiredNumberScheduled: nodes.length, numberReady: nodes.length });
  const pods = (await client.list(Pod, { namespace })).items;
  const jobs = (await client.list(Job, { namespace })).items;
  const controllers = new Set([
    ...[...jobs, agent, database, ...(await client.list(ReplicaSet, { namespace })).items].map(
      ({ metadata }) => metadata.uid,
    ),
  ]);
  for (const pod of pods) {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller);
    expect(controllers.has(owner?.uid ?? ""), `${pod.metadata.name} has its owner`).toBe(true);
    if (isPodActive(pod) && owner?.kind !== "Job") expect(isPodReady(pod), `${pod.metadata.name} is ready`).toBe(true);
  }
}

test.each(seeds)("a day goes by and everything is as it was asked for (seed %i)", {
  timeout: 300_000,
}, async (seed) => {
  await using day = await beginDay(seed);
  await day.cluster.pass(10 * minute);
  await live(day, 24);
  day.calm();
  await day.cluster.pass(30 * minute);
  await lookAtRest(day);
  const started = (name: string) => new Set(day.story.filter((line) => line.includes(` + job ${name}-`))).size;
  expect(started("report"), "reports, one each hour").toBe(Math.floor((24 * 60 + 40) / 60));
  expect(started("nightly"), "nightly runs at half past three in Berlin").toBe(1);
});

test("the same seed tells the same story", { timeout: 300_000 }, async () => {
  const story = async () => {
    await using day = await beginDay(5);
    await live(day, 2);
    return day.story;
  };
  const first = await story();
  expect(first.length).toBeGreaterThan(100);
  expect(await story()).toEqual(first);
});
