import { describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import { isPodAvailable, podAvailableIn } from "../../api/core/pod-state.ts";
import { cheapestToLose, podFromTemplate } from "./pods.ts";
import { slowStart } from "./slow-start.ts";
import { template } from "./testing/samples.ts";

const now = Date.UTC(2026, 0, 2);
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString().replace(".000Z", "Z");

interface Sample {
  readonly node?: string;
  readonly phase?: "Pending" | "Running";
  /** Seconds since it became ready. */
  readonly ready?: number;
  readonly cost?: string;
  readonly restarts?: number;
  readonly age?: number;
}
const pod = (
  name: string,
  { node = "n1", phase = "Running", ready, cost, restarts = 0, age = 100_000 }: Sample,
): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "default",
    uid: name,
    resourceVersion: "1",
    creationTimestamp: ago(age),
    ...(cost ? { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } } : {}),
  },
  spec: { containers: [], ...(node ? { nodeName: node } : {}) },
  status: {
    phase,
    conditions: ready === undefined ? [] : [{ type: "Ready", status: "True", lastTransitionTime: ago(ready) }],
    containerStatuses: [{ name: "c", image: "", imageID: "", ready: ready !== undefined, restartCount: restarts }],
  },
});

describe("the pod that is given up first", () => {
  const good: Sample = { ready: 50_000 };
  test.each([
    { name: "has no node yet", first: { ...good, node: "" }, second: good },
    { name: "is pending", first: { phase: "Pending" }, second: {} },
    { name: "is not ready", first: {}, second: good },
    { name: "costs less", first: { ...good, cost: "-5" }, second: good },
    { name: "has been ready for a shorter time", first: { ready: 10 }, second: good },
    { name: "was restarted more often", first: { ...good, restarts: 3 }, second: good },
    { name: "is younger", first: { ...good, age: 60 }, second: good },
  ] as const)("$name", ({ first, second }) => {
    const [a, b] = [pod("z-first", first), pod("a-second", second)];
    expect(cheapestToLose([b, a], [a, b], now)[0]).toBe(a);
  });

  test("has more companions on its node", () => {
    const pods = [pod("alone", { ready: 100, node: "n2" }), pod("one", { ready: 100 }), pod("two", { ready: 100 })];
    expect(cheapestToLose(pods, pods, now).at(-1)?.metadata.name).toBe("alone");
  });

  test("is not chosen by a few seconds of age: near ages count as equal and the uid decides", () => {
    const [a, b] = [pod("a", { ready: 50_000, age: 100_010 }), pod("b", { ready: 50_000, age: 100_000 })];
    expect(cheapestToLose([b, a], [], now)[0]).toBe(a);
  });
});

test.each([
  {
    name: "a ready pod is available at once without a minimum",
    ready: 0,
    minimum: 0,
    available: true,
    wait: undefined,
  },
  { name: "it must have been ready for the minimum", ready: 4, minimum: 10, available: false, wait: 6000 },
  { name: "and then it is", ready: 10, minimum: 10, available: true, wait: undefined },
])("$name", ({ ready, minimum, available, wait }) => {
  const sample = pod("p", { ready });
  expect(isPodAvailable(sample, minimum, now)).toBe(available);
  expect(podAvailableIn(sample, minimum, now)).toBe(wait);
});

test("a pod from a template has the template's metadata, its owner, and a generated name", () => {
  const owner = pod("owner", {});
  const draft = podFromTemplate(Pod, owner, { ...template(), metadata: { labels: { a: "1" }, finalizers: ["x/y"] } });
  expect(draft.metadata).toEqual({
    generateName: "owner-",
    namespace: "default",
    labels: { a: "1" },
    finalizers: ["x/y"],
    ownerReferences: [
      { apiVersion: "v1", kind: "Pod", name: "owner", uid: "owner", controller: true, blockOwnerDeletion: true },
    ],
  });
});

describe("slow start", () => {
  test("does all when all goes well, in batches of 1, 2, 4, ...", async () => {
    const running: number[] = [];
    let now = 0;
    const count = await slowStart(10, async () => {
      now += 1;
      running.push(now);
      await Promise.resolve();
      now -= 1;
    });
    expect(count).toBe(10);
    expect(running).toEqual([1, 1, 2, 1, 2, 3, 4, 1, 2, 3]);
  });

  test("stops after the batch with a failure and throws it", async () => {
    let calls = 0;
    const trying = slowStart(100, async (index) => {
      calls += 1;
      if (index === 1) throw new Error("quota");
    });
    await expect(trying).rejects.toThrow("quota");
    expect(calls).toBe(3);
  });
});
