import { expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import { seededRandom } from "../../lib/random.ts";
import { readStages } from "./stage-file.ts";
import { StagePlay } from "./stage-play.ts";

const stage = (name: string, spec: string) =>
  `apiVersion: kwok.x-k8s.io/v1alpha1\nkind: Stage\nmetadata: {name: ${name}}\nspec: {resourceRef: {apiGroup: v1, kind: Pod}, next: {}, ${spec}}\n`;
const phase = (value: string) =>
  `selector: {matchExpressions: [{key: .status.phase, operator: In, values: [${value}]}]}`;
const pod = (is: string, annotations: object = {}, uid = "u") =>
  ({ metadata: { name: "p", namespace: "d", uid, annotations }, status: { phase: is } }) as unknown as Pod;

function play(...texts: readonly string[]) {
  const made = new StagePlay(seededRandom(1));
  made.use(readStages(texts.join("---\n")));
  return made;
}

test("a delay counts from when the stage began to apply, whatever else happens to the pod meanwhile", () => {
  const it = play(stage("a", `${phase("Pending")}, delay: {durationMilliseconds: 5000}`), stage("b", phase("Running")));
  expect(it.next("d/p", pod("Pending"), 1000)).toMatchObject({ at: 6000, stage: { name: "a" } });
  expect(it.next("d/p", pod("Pending", { news: "yes" }), 4000)?.at).toBe(6000);
  expect(it.next("d/p", pod("Running"), 5000)).toMatchObject({ at: 5000, stage: { name: "b" } });
  expect(it.next("d/p", pod("Pending"), 7000)?.at).toBe(12_000);
  expect(it.next("d/p", pod("Succeeded"), 8000)).toBeUndefined();
});

test("a pod of the same name that comes later is another one", () => {
  const it = play(stage("a", `${phase("Pending")}, delay: {durationMilliseconds: 5000}`));
  it.next("d/p", pod("Pending"), 0);
  expect(it.next("d/p", pod("Pending", {}, "other"), 3000)?.at).toBe(8000);
});

test.each([
  { name: "a duration", says: "2m", at: 121_000 },
  { name: "a moment", says: "1970-01-01T00:00:30Z", at: 30_000 },
  { name: "nonsense, as if nothing was said", says: "soon", at: 1500 },
])("a field of the pod gives the delay: $name", ({ says, at }) => {
  const from = `delay: {durationMilliseconds: 500, durationFrom: {expressionFrom: '.metadata.annotations["wait"]'}}`;
  expect(play(stage("a", from)).next("d/p", pod("Pending", { wait: says }), 1000)?.at).toBe(at);
});

test("jitter puts the time anywhere up to its own, or to the less of both", () => {
  const it = play(stage("a", "delay: {durationMilliseconds: 1000, jitterDurationMilliseconds: 3000}"));
  const times = Array.from({ length: 50 }, (_, index) => it.next(`d/${index}`, pod("Pending", {}, `${index}`), 0)!.at);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(1000);
  expect(Math.max(...times)).toBeLessThan(3000);
  expect(new Set(times).size).toBeGreaterThan(20);
  const less = play(stage("a", "delay: {durationMilliseconds: 1000, jitterDurationMilliseconds: 200}"));
  expect(less.next("d/p", pod("Pending"), 0)?.at).toBe(200);
});

test("of several that apply one is chosen by weight", () => {
  const it = play(stage("often", "weight: 9"), stage("seldom", "weight: 1"), stage("never", "weight: 0"));
  const names = Array.from({ length: 500 }, (_, at) => it.next(`d/${at}`, pod("x", {}, `${at}`), 0)!.stage.name);
  const count = (name: string) => names.filter((each) => each === name).length;
  expect(count("often")).toBeGreaterThan(400);
  expect(count("seldom")).toBeGreaterThan(20);
  expect(count("never")).toBe(0);
});

test("one stage follows itself no sooner than after a second", () => {
  const it = play(stage("a", "weight: 1"));
  const first = it.next("d/p", pod("x"), 1000)!;
  it.done("d/p", pod("x"), first, 1000);
  expect(it.next("d/p", pod("x"), 1001)?.at).toBe(2000);
});
