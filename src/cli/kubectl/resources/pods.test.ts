import { expect, test } from "vitest";
import { mostActive, mostTelling, type Pod } from "./pods.ts";

const pod = (
  name: string,
  options: {
    readonly node?: string;
    readonly phase?: string;
    readonly readySince?: string;
    readonly restarts?: number;
    readonly made?: string;
  } = {},
) =>
  ({
    metadata: { name, creationTimestamp: options.made ?? "2020-01-01T00:00:00Z" },
    spec: { containers: [], nodeName: options.node ?? "n" },
    status: {
      phase: options.phase ?? "Running",
      conditions: options.readySince
        ? [{ type: "Ready", status: "True", lastTransitionTime: options.readySince }]
        : [{ type: "Ready", status: "False" }],
      containerStatuses: [{ restartCount: options.restarts ?? 0 }],
    },
  }) as unknown as Pod;

const early = "2020-01-01T00:00:00Z";
const late = "2020-01-02T00:00:00Z";

test.each([
  { name: "bound before unbound", first: pod("a", { phase: "Pending" }), second: pod("b", { node: "" }) },
  { name: "running before pending", first: pod("a"), second: pod("b", { phase: "Pending" }) },
  { name: "ready before not", first: pod("a", { readySince: late }), second: pod("b") },
  { name: "ready for longer first", first: pod("a", { readySince: early }), second: pod("b", { readySince: late }) },
  { name: "older first", first: pod("a", { made: early }), second: pod("b", { made: late }) },
])("both orders put $name", ({ first, second }) => {
  for (const order of [mostActive, mostTelling]) expect([second, first].toSorted(order)[0]).toBe(first);
});

test("who restarts has more to tell, but is the worse one to join", () => {
  const [steady, restarted] = [pod("a"), pod("b", { restarts: 3 })];
  expect([restarted, steady].toSorted(mostActive)[0]).toBe(steady);
  expect([steady, restarted].toSorted(mostTelling)[0]).toBe(restarted);
});
