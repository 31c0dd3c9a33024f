import { describe, expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { run } from "../framework/testing/harness.ts";
import { ResourceFigures } from "./figures.ts";
import { metricsServer } from "./metrics-server.ts";
import { type NodePoints, type Point, parseResourceMetrics } from "./scrape.ts";

describe("a node's page", () => {
  test("tells of the node and of each container", () => {
    const page = [
      "# TYPE node_cpu_usage_seconds_total counter",
      "node_cpu_usage_seconds_total 12.5 1000",
      "node_memory_working_set_bytes 2048 1001",
      'container_cpu_usage_seconds_total{container="c",namespace="default",pod="web"} 1.5 2000',
      'container_memory_working_set_bytes{container="c",namespace="default",pod="web"} 1e3 2001',
      'pod_cpu_usage_seconds_total{namespace="default",pod="web"} 1.5 2000',
    ].join("\n");
    expect(parseResourceMetrics(page, 9)).toEqual({
      node: { at: 1000, cpuSeconds: 12.5, memory: 2048 },
      pods: new Map([["default/web", new Map([["c", { at: 2000, cpuSeconds: 1.5, memory: 1000 }]])]]),
    });
  });

  test.each([
    { name: "nothing", page: "" },
    { name: "only half a figure", page: "node_cpu_usage_seconds_total 1 5" },
    { name: "no number", page: "node_cpu_usage_seconds_total NaN 5\nnode_memory_working_set_bytes 1 5" },
  ])("that says $name gives nothing", ({ page }) => {
    expect(parseResourceMetrics(page, 9)).toEqual({ node: undefined, pods: new Map() });
  });

  test("without times is of now", () => {
    const page = "node_memory_working_set_bytes 1\nnode_cpu_usage_seconds_total 1";
    expect(parseResourceMetrics(page, 9).node?.at).toBe(9);
  });
});

describe("usage", () => {
  const point = (at: number, cpuSeconds: number, memory = 10): Point => ({ at, cpuSeconds, memory });
  const look = (node: Point, containers: Readonly<Record<string, Point>> = {}): NodePoints => ({
    node,
    pods: new Map([["ns/pod", new Map(Object.entries(containers))]]),
  });
  const lookedAt = (...looks: readonly NodePoints[]) => {
    const figures = new ResourceFigures();
    for (const each of looks) figures.store("n1", each);
    return figures;
  };

  test.each([
    { name: "one look", points: [point(0, 1)], used: undefined },
    { name: "two looks", points: [point(0, 1), point(10_000, 6)], used: { nanoCores: 5e8, window: 10_000 } },
    {
      name: "the last two of three",
      points: [point(0, 1), point(10_000, 6), point(20_000, 7)],
      used: { nanoCores: 1e8, window: 10_000 },
    },
    {
      name: "the last that differ, when a node repeats itself",
      points: [point(0, 1), point(10_000, 6), point(10_000, 6)],
      used: { nanoCores: 5e8, window: 10_000 },
    },
    { name: "a count that began anew", points: [point(0, 9), point(10_000, 1)], used: undefined },
  ])("is known from $name", ({ points, used }) => {
    const found = lookedAt(...points.map((each) => look(each))).node("n1");
    if (used) expect(found).toMatchObject(used);
    else expect(found).toBeUndefined();
  });

  test("of a pod is known when it is of all its containers", () => {
    const figures = lookedAt(
      look(point(0, 0), { a: point(0, 0) }),
      look(point(10_000, 1), { a: point(10_000, 1), b: point(10_000, 0) }),
    );
    expect(figures.pod("n1", "ns", "pod")).toBeUndefined();
    figures.store("n1", look(point(20_000, 2), { a: point(20_000, 2), b: point(20_000, 1, 30) }));
    expect(figures.pod("n1", "ns", "pod")?.get("b")).toEqual({
      nanoCores: 1e8,
      memory: 30,
      at: 20_000,
      window: 10_000,
    });
    expect(figures.pod("n2", "ns", "pod")).toBeUndefined();
  });
});

test("every node is looked at again and again; one that fails does not hold up others, one that is gone is forgotten", async () => {
  const figures = new ResourceFigures();
  let looks = 0;
  const scrape = async (node: string) => {
    if (node === "broken") throw new Error("no answer");
    if (node === "n1") looks += 1;
    return `node_cpu_usage_seconds_total ${looks} ${looks * 15_000}\nnode_memory_working_set_bytes 1 ${looks * 15_000}`;
  };
  await using harness = await run([metricsServer({ figures, scrape })], {
    given: (cluster) => {
      for (const name of ["broken", "n1"]) cluster.put(Node, { metadata: { name }, spec: {} });
    },
  });
  await harness.pass(30_000);
  expect(looks).toBe(3);
  expect(figures.node("n1")?.nanoCores).toBe(Math.round(1e9 / 15));
  expect(figures.node("broken")).toBeUndefined();
  harness.cluster.remove(Node, harness.cluster.get(Node, "n1")!);
  await harness.pass(15_000);
  expect(figures.node("n1")).toBeUndefined();
});

test("a node that never answers is given up on", async () => {
  const signals: AbortSignal[] = [];
  const scrape = (_node: string, signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<string>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  await using harness = await run([metricsServer({ figures: new ResourceFigures(), scrape })], {
    given: (cluster) => cluster.put(Node, { metadata: { name: "n1" }, spec: {} }),
  });
  await harness.pass(30_000);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});
