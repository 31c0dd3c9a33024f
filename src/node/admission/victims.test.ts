import { expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { victimsFor } from "./victims.ts";

function pod(name: string, requests: Readonly<Record<string, string>>, priority = 0): Pod {
  const containers = [sampleContainer({ resources: { requests } })];
  const qosClass = Object.keys(requests).length > 0 ? "Burstable" : "BestEffort";
  return samplePod({ containers, priority }, { metadata: { name, uid: name }, status: { phase: "Running", qosClass } });
}
const needed = pod("needed", {}, 2_000_000_000);
const short = (resource: string, amount: number) => ({ resource, requested: amount, used: 5, capacity: 5 });
const names = (pods: readonly Pod[] | undefined) => pods?.map(({ metadata }) => metadata.name);

test("one that has enough goes instead of several that have it together", () => {
  const others = [pod("a", { cpu: "300m" }), pod("b", { cpu: "1" }), pod("c", { cpu: "300m" })];
  expect(names(victimsFor(needed, others, [short("cpu", 600)]))).toEqual(["b"]);
});

test("of those that have enough the smallest goes", () => {
  const others = [pod("a", { cpu: "2" }), pod("b", { cpu: "700m" }), pod("c", { cpu: "900m" })];
  expect(names(victimsFor(needed, others, [short("cpu", 600)]))).toEqual(["b"]);
});

test("several go where one has not enough, and what is short counts alike whatever its unit", () => {
  const others = [pod("a", { cpu: "500m" }), pod("b", { memory: "1Gi" }), pod("c", { memory: "1Mi", cpu: "10m" })];
  const shortages = [short("cpu", 500), short("memory", 2 ** 30)];
  expect(names(victimsFor(needed, others, shortages))).toEqual(["a", "b"]);
});

test("pods that ask for nothing go only where pods themselves are too many", () => {
  const others = [pod("idle", {}), pod("busy", { cpu: "1" })];
  expect(names(victimsFor(needed, others, [short("cpu", 1)]))).toEqual(["busy"]);
  expect(names(victimsFor(needed, others, [short("pods", 1)]))).toEqual(["idle"]);
});

test("critical pods go only for one of higher priority", () => {
  const others = [pod("system", { cpu: "1" }, 2_000_000_000)];
  expect(victimsFor(needed, others, [short("cpu", 1)])).toBeUndefined();
  expect(names(victimsFor(pod("node", {}, 2_000_001_000), others, [short("cpu", 1)]))).toEqual(["system"]);
});
