import { parseArgs } from "node:util";
import { isPodReady } from "../../src/api/core/pod-state.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { expectNone, type ProofCluster, prove } from "./node-cluster.ts";
import { allSpecies, type Specimen, specimen, specimenLabel } from "./node-zoo.ts";

/**
 * Proves that a node keeps its word whatever becomes of its programs: pods of every kind are made and deleted at random while
 * kill -9 hits the agent and containerd. At every pause each pod is as it is declared, the runtime has the containers that
 * the API tells of and no others, and containers that were ready before a kill have not noticed it. In the end all pods are
 * deleted, and nothing of them is left on the machine.
 *
 *   node test/prove/node-soak.ts --minutes 30 --seed 1
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    most: { type: "string", default: "14" },
  },
});
const random = seededRandom(Number(values.seed));
const most = Number(values.most);
/** Milliseconds of churn between two pauses. */
const churn = 60_000;
/** Milliseconds from one kill to the next, at least and at most. */
const killEvery = { least: 4000, most: 16_000 };

const alive = new Map<string, Specimen>();
const counts = { made: 0, deleted: 0, agent: 0, containerd: 0, pauses: 0 };

const begun = performance.now();
const left = () => Number(values.minutes) * 60_000 - (performance.now() - begun);
await prove("soak", async (proof) => {
  const before = await proof.traces();
  let held = 0;
  while (left() > 0) {
    await round(proof, Math.min(churn, left()));
    held = Math.max(held, (await proof.traces()).size - before.size);
  }
  for (const each of alive.values()) await proof.remove(each);
  alive.clear();
  await proof.settles([]);
  await proof.hasOnly(before);
  if (held < 50) throw new Error(`the measure sees too little: ${held} traces of all pods`);
  return `${told()}, nothing left of up to ${held} traces`;
});

function told(): string {
  const { made, deleted, agent, containerd, pauses } = counts;
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
  const kills = `kill -9 of the agent ${agent} times and of containerd ${containerd} times`;
  return `seed ${values.seed}, ${minutes} minutes, ${made} specimens made, ${deleted} deleted, ${kills}, ${pauses} pauses`;
}

/** Makes, deletes and kills for so many milliseconds, then waits until all is as it should be. */
async function round(proof: ProofCluster, ms: number): Promise<void> {
  const end = performance.now() + ms;
  const undisturbed = new Map<string, string>();
  const killing = kill(proof, end, undisturbed);
  while (performance.now() < end) {
    await step(proof);
    await systemClock.sleep(200 + random.next() * 1500);
  }
  await killing;
  await proof.settles(alive.values());
  counts.pauses += 1;
  const now = await containersOfReady(proof);
  expectNone("containers that were ready before a kill are others now", [
    ...[...undisturbed].flatMap(([pod, ids]) => {
      const after = now.get(pod);
      return after === undefined || after === ids ? [] : [`${pod}: ${ids} became ${after}`];
    }),
  ]);
  console.log(`node-soak: ${told()}, ${alive.size} alive, agent ${JSON.stringify(proof.agent())}`);
}

async function step(proof: ProofCluster): Promise<void> {
  if (alive.size < most && random.next() < 0.55) {
    const next = specimen(pick(allSpecies), `s${counts.made++}`);
    alive.set(next.name, next);
    await proof.add(next);
    return;
  }
  if (alive.size === 0) return;
  const gone = pick([...alive.values()]);
  alive.delete(gone.name);
  counts.deleted += 1;
  // As declared, shortened, or at once and without waiting for the node.
  const dice = random.next();
  await proof.remove(gone, dice < 0.6 ? {} : { gracePeriodSeconds: dice < 0.8 ? 1 : 0 });
}

/** Kills until the end has come; notes the containers that were ready before each kill. */
async function kill(proof: ProofCluster, end: number, undisturbed: Map<string, string>): Promise<void> {
  for (;;) {
    const wait = killEvery.least + random.next() * (killEvery.most - killEvery.least);
    if (performance.now() + wait > end) return;
    await systemClock.sleep(wait);
    for (const [pod, ids] of await containersOfReady(proof)) undisturbed.set(pod, ids);
    const dice = random.next();
    if (dice < 0.6 && killed(() => proof.cluster.pid("agent"))) counts.agent += 1;
    if (dice >= 0.4 && killed(() => proof.containerdPid())) counts.containerd += 1;
  }
}

function killed(find: () => number): boolean {
  try {
    process.kill(find(), "SIGKILL");
    return true;
  } catch {
    // It has not come back from the kill before.
    return false;
  }
}

/** The containers of each ready pod that has no reason to start any of them again. */
async function containersOfReady(proof: ProofCluster): Promise<ReadonlyMap<string, string>> {
  const pods = (await proof.pods()).filter((pod) => {
    const { calm } = alive.get(pod.metadata.labels?.[specimenLabel] ?? "") ?? {};
    return calm && isPodReady(pod) && !pod.metadata.deletionTimestamp;
  });
  return new Map(
    pods.map(({ metadata, status }) => [
      `pod ${metadata.name} (${metadata.uid})`,
      [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
        .filter(({ state }) => state?.running)
        .map(({ name, containerID, restartCount }) => `${name} ${containerID} ${restartCount}`)
        .join(", "),
    ]),
  );
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(random.next() * from.length)]!;
}
