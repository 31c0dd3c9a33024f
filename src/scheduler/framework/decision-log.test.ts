import { expect, test } from "vitest";
import { decision, sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { DecisionLog } from "./decision-log.ts";
import { definePlugin, reject } from "./plugin.ts";

const nodes = Array.from({ length: 30 }, (_, index) => sampleNode(`n${index}`));
const byNumber = definePlugin({ name: "S", retryOn: [], score: (_pod, { name }) => Number(name.slice(1)) });
const no = definePlugin({ name: "No", retryOn: [], filter: () => reject("no", { detail: 1 }) });

test("a placement is kept with its best nodes, the chosen one first", () => {
  const log = new DecisionLog();
  const pod = samplePod({ name: "a" });
  log.record(pod, "default-scheduler", decision(pod, sampleCluster(nodes), [byNumber]), 5);
  const [entry] = log.of({ namespace: "default", name: "a" });
  expect(entry).toMatchObject({
    node: "n29",
    time: 5,
    feasible: 30,
    message: "Successfully assigned default/a to n29",
  });
  expect(entry?.scores.map(({ node }) => node)).toEqual([
    "n29",
    "n28",
    "n27",
    "n26",
    "n25",
    "n24",
    "n23",
    "n22",
    "n21",
    "n20",
  ]);
  expect(entry?.scores[1]).toEqual({ node: "n28", total: 28, byPlugin: { S: 28 } });
});

test("a refusal is kept with who refused which nodes, the newest first", () => {
  const log = new DecisionLog();
  const pod = samplePod({ name: "a" });
  for (const time of [1, 2]) log.record(pod, "s", decision(pod, sampleCluster(nodes.slice(0, 2)), [no]), time);
  expect(log.of({ namespace: "default", name: "a" })).toMatchObject([
    {
      time: 2,
      message: "0/2 nodes are available: 2 no.",
      refusals: [{ plugin: "No", nodes: ["n0"], count: 1 }, { nodes: ["n1"] }],
    },
    { time: 1 },
  ]);
});

test("decisions about a pod of the same name that is gone are forgotten, old pods make room for new ones", () => {
  const log = new DecisionLog();
  const cluster = sampleCluster(nodes.slice(0, 1));
  for (const time of [1, 2]) {
    const pod = samplePod({ name: "a" });
    log.record(pod, "s", decision(pod, cluster, []), time);
  }
  expect(log.of({ namespace: "default", name: "a" }).map(({ time }) => time)).toEqual([2]);
  for (let index = 0; index < 2000; index++) {
    const pod = samplePod();
    log.record(pod, "s", decision(pod, cluster, []), 3);
  }
  expect(log.of({ namespace: "default", name: "a" })).toEqual([]);
  expect(log.pods).toHaveLength(2000);
});
