import { expect, test } from "vitest";
import type { Node } from "../api/core/node.ts";
import { newCluster } from "../cluster/config.ts";
import { describeCluster, descriptionText, parseDescription, simulatedIn } from "../cluster/description/description.ts";
import { amountsOf, describeSimulated } from "../cluster/description/simulated-part.ts";
import { addSimulatedNodes, type SimulatedNodeWishes, simulatedNodes } from "../node/simulated-nodes/make-nodes.ts";
import { openTestCluster } from "./test-cluster.ts";

const config = newCluster({ name: "played", runtime: "simulated" }, { NAVARCH_DATA: "/nowhere" });

/** The nodes of a new cluster that is asked for these, one after the other. */
async function nodesOf(...all: readonly SimulatedNodeWishes[]): Promise<readonly Node[]> {
  await using cluster = await openTestCluster();
  for (const wishes of all) await addSimulatedNodes(cluster.client, wishes);
  await cluster.pass(5_000); // until the controllers have put on their labels
  return await simulatedNodes(cluster.client);
}

const facts = (nodes: readonly Node[]) =>
  nodes.map(({ metadata, status }) => [metadata.name, metadata.labels, status?.capacity]);

test.each([
  ["in zones by turns", [{ count: 5, zones: ["a", "b"] }], { count: 5, zones: ["a", "b"] }],
  [
    "of an own size",
    [{ count: 2, amounts: { cpu: "8", memory: "16Gi", pods: "20" } }],
    { count: 2, cpu: "8", memory: "16Gi", pods: 20 },
  ],
  [
    "some in a zone and some in none",
    [{ count: 2 }, { count: 10, zones: ["c"] }],
    { count: 12, zones: ["", "", ...Array.from({ length: 10 }, () => "c")] },
  ],
])("simulated nodes %s are in the description, which makes the same ones again", async (_what, wishes, told) => {
  const nodes = await nodesOf(...wishes);
  const { part, uneven } = describeSimulated(nodes)!;
  expect({ part, uneven }).toEqual({ part: told, uneven: false });
  const { description, problems } = parseDescription(descriptionText(describeCluster(config, part)));
  expect(problems).toEqual([]);
  const { count = 0, zones = [], ...size } = simulatedIn(description!, "cluster.yaml");
  expect(facts(await nodesOf({ count, zones, amounts: amountsOf(size) }))).toEqual(facts(nodes));
});

test("nodes of several sizes are told of, and none are nothing", async () => {
  expect(describeSimulated(await nodesOf({ count: 1 }, { count: 1, amounts: { cpu: "1" } }))?.uneven).toBe(true);
  expect(describeSimulated([])).toBeUndefined();
});
