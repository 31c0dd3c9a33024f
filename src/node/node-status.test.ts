import { expect, test } from "vitest";
import { Node } from "../api/core/node.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { NodeReporter } from "./node-status.ts";
import { SimulatedRuntime } from "./runtime/simulated.ts";
import { FakeApi } from "./testing/fake-api.ts";

function nodeBesideOthers(writesOfOthers: number) {
  const api = new FakeApi();
  api.put(Node, { metadata: { name: "one", namespace: "" }, spec: {}, status: {} });
  let left = writesOfOthers;
  api.before = (call) => {
    if (call !== "updateStatus Node one" || left-- <= 0) return;
    api.change(Node, "one", (node) => ({ ...node, spec: { podCIDR: `10.244.${left}.0/24` } }));
  };
  const reporter = new NodeReporter({
    client: api.client,
    clock: systemClock,
    log: silentLog,
    runtime: new SimulatedRuntime({ clock: systemClock, random: seededRandom(1) }),
    nodeName: "one",
    address: "10.254.0.1",
    kubeletPort: 10250,
    capacity: { cpu: 2, memory: 2 ** 33, ephemeralStorage: 2 ** 36, pods: 110 },
    labels: {},
    dataFolder: "/",
    version: "v1.35.0",
  });
  const ready = () => api.get(Node, "one")?.status?.conditions?.find(({ type }) => type === "Ready")?.status;
  return { api, reporter, ready };
}

test("a node's first status is told although others write to the node at the same moment", async () => {
  const { api, reporter, ready } = nodeBesideOthers(3);
  await reporter.report();
  expect(ready()).toBe("True");
  expect(api.get(Node, "one")?.spec.podCIDR).toBe("10.244.0.0/24");
});

test("a node that others write to all the time tries again in the next round", async () => {
  const { reporter, ready } = nodeBesideOthers(5);
  await reporter.report();
  expect(ready()).toBeUndefined();
  await reporter.report();
  expect(ready()).toBe("True");
});
