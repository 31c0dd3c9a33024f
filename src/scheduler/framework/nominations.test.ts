import { expect, test } from "vitest";
import { samplePod } from "../testing/samples.ts";
import { Nominations } from "./nominations.ts";
import { podInfo } from "./pod-info.ts";

const info = (priority: number) => podInfo(samplePod({ priority }));

test("a pod waits for one node at a time", () => {
  const nominations = new Nominations();
  const pod = info(1);
  nominations.set(pod, "a");
  nominations.set(pod, "b");
  expect([nominations.on("a"), nominations.on("b"), nominations.nodeOf(pod.uid)]).toEqual([[], [pod], "b"]);
  nominations.remove(pod.uid);
  expect([nominations.on("b"), nominations.size]).toEqual([[], 0]);
});

test("those of at least its priority go before a pod, itself not among them", () => {
  const nominations = new Nominations();
  const [low, mid, high] = [info(1), info(5), info(9)];
  for (const each of [low, mid, high]) nominations.set(each, "a");
  expect(nominations.before(mid, "a")).toEqual([high]);
  expect(nominations.before(info(5), "a")).toEqual([mid, high]);
  expect(nominations.before(low, "b")).toEqual([]);
});
