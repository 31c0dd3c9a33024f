import { expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { run } from "../framework/testing/harness.ts";
import { nodeTtlController, ttlStep } from "./ttl.ts";

test.each([
  { name: "a small cluster", nodes: 5, before: 0, step: 0 },
  { name: "it grows beyond the margin", nodes: 101, before: 0, step: 1 },
  { name: "it shrinks within the margin and stays", nodes: 95, before: 1, step: 1 },
  { name: "it shrinks beyond the margin", nodes: 89, before: 1, step: 0 },
  { name: "a large one in one go", nodes: 5000, before: 0, step: 4 },
])("$name", ({ nodes, before, step }) => {
  expect(ttlStep(nodes, before)).toBe(step);
});

test("every node is told", async () => {
  await using harness = await run([nodeTtlController()], {
    given: (cluster) => cluster.put(Node, { metadata: { name: "n1" }, spec: {} }),
  });
  expect(harness.cluster.get(Node, "n1")?.metadata.annotations).toEqual({ "node.alpha.kubernetes.io/ttl": "0" });
});
