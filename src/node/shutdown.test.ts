import { expect, test } from "vitest";
import { endedByShutdown, shutdownPhases } from "./shutdown.ts";
import { samplePod } from "./testing/samples.ts";

const pod = (name: string, priority?: number, phase = "Running" as const) =>
  samplePod(priority === undefined ? {} : { priority }, { metadata: { name }, status: { phase } });
const names = (phases: ReturnType<typeof shutdownPhases>) =>
  phases.map(({ pods, within }) => `${pods.map(({ metadata }) => metadata.name).join()} within ${within}`);

test("ordinary pods end first, those that the system needs last, each in its share of the time", () => {
  const pods = [pod("dns", 2_000_000_000), pod("web"), pod("batch", -5), pod("proxy", 2_000_001_000)];
  const times = { all: 30_000, critical: 10_000 };
  expect(names(shutdownPhases(pods, times))).toEqual(["web,batch within 20000", "dns,proxy within 10000"]);
  expect(names(shutdownPhases([pod("web")], times))).toEqual(["web within 20000"]);
  expect(shutdownPhases([{ ...pod("done"), status: { phase: "Succeeded" } }], times)).toEqual([]);
});

test("a pod gets no more time than its phase, and no more than it asked for", () => {
  expect(endedByShutdown(samplePod(), 20_000).graceSeconds).toBe(20);
  expect(endedByShutdown(samplePod({ terminationGracePeriodSeconds: 5 }), 20_000).graceSeconds).toBe(5);
});
