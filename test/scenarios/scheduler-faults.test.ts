import { expect, test } from "vitest";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { milliValue } from "../../src/machinery/quantity.ts";
import { StatusError } from "../../src/machinery/status-error.ts";
import { openSchedulerCluster, type SchedulerCluster } from "./scheduler-cluster.ts";

const cpuOf = (pod: Pod) =>
  milliValue((pod.spec.containers[0]?.resources?.requests as { cpu?: string } | undefined)?.cpu ?? "0");

/** No node holds more than it has, counting every pod that the API says is there. */
async function expectNobodyOverCommitted({ client }: SchedulerCluster): Promise<void> {
  const { items } = await client.list(Pod, { namespace: "default" });
  const used = new Map<string, number>();
  for (const pod of items) {
    const node = pod.spec.nodeName;
    if (node) used.set(node, (used.get(node) ?? 0) + cpuOf(pod));
  }
  for (const [node, cpu] of used) expect(cpu, node).toBeLessThanOrEqual(4000);
}

test.each(
  Array.from({ length: 10 }, (_, index) => index + 1),
)("with calls that fail, also after they took effect, and nodes and pods that come and go, no node is over-committed and nobody is forgotten (seed %i)", async (seed) => {
  const random = seededRandom(seed);
  let calm = false;
  const fails = () => !calm && random.next() < 0.3;
  await using it = await openSchedulerCluster({
    seed,
    disturbScheduler: (client) =>
      ({
        ...client,
        async createSubresource(...args: Parameters<typeof client.createSubresource>) {
          if (fails()) throw new StatusError("ServiceUnavailable", "try again");
          const answer = await client.createSubresource(...args);
          if (fails()) throw new StatusError("Timeout", "the answer was lost");
          return answer;
        },
        async patch(...args: Parameters<typeof client.patch>) {
          if (fails()) throw new StatusError("Conflict", "somebody was quicker");
          return client.patch(...args);
        },
      }) as typeof client,
  });
  const pick = (count: number) => Math.floor(random.next() * count);
  for (let index = 0; index < 4; index++) await it.addNode(`n${index}`);
  for (let step = 0; step < 40; step++) {
    const choice = random.next();
    const names = Object.keys(await it.places());
    if (choice < 0.55) await it.createPod(`p${step}`, { cpu: `${(1 + pick(4)) * 500}m` });
    else if (choice < 0.75 && names.length > 0)
      await it.client.delete(
        Pod,
        { namespace: "default", name: names[pick(names.length)]! },
        { gracePeriodSeconds: 0 },
      );
    else {
      const body = { spec: { unschedulable: random.next() < 0.5 ? true : null } };
      await it.client.patch(Node, { name: `n${pick(4)}` }, { type: "merge", body });
    }
    await it.cluster.pass(pick(3000));
    await expectNobodyOverCommitted(it);
  }
  calm = true;
  for (let index = 0; index < 4; index++)
    await it.client.patch(Node, { name: `n${index}` }, { type: "merge", body: { spec: { unschedulable: null } } });
  for (let index = 4; index < 20; index++) await it.addNode(`n${index}`);
  await it.cluster.pass(60_000);
  expect(Object.values(await it.places()).filter((node) => node === "")).toEqual([]);
  await expectNobodyOverCommitted(it);
});
