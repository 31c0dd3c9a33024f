import { expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import { Fault } from "../../lib/fault.ts";
import { silentLog } from "../../lib/log.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { dawn, samplePod } from "../testing/samples.ts";
import { apiPods } from "./pod-store.ts";
import { StatusWriter } from "./status-writer.ts";

/** A writer for a pod in a make-believe API, of which nobody else tells it news. */
function openWriter() {
  const clock = new VirtualClock(dawn);
  const api = new FakeApi({ clock });
  const { metadata, ...rest } = samplePod();
  let known = api.put(Pod, { ...rest, metadata: { name: metadata.name, uid: metadata.uid } });
  const stop = new AbortController();
  const take = (pod: Pod) => {
    known = pod;
  };
  const writer = new StatusWriter({
    pods: apiPods(api.client),
    clock,
    log: silentLog,
    pod: () => known,
    stored: take,
    changed: take,
    signal: stop.signal,
  });
  const settled = async () => {
    for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    api,
    stop,
    writer,
    tell: (message: string) => writer.report(({ status }) => ({ ...status, message })),
    told: () => api.get(Pod, "web")?.status?.message,
    pass: (ms: number) => clock.pass(ms, settled),
  };
}

test("the newest status is told, and what was overtaken is not", async () => {
  const { api, tell, told, writer } = openWriter();
  for (const message of ["one", "two", "three"]) tell(message);
  await writer.settled();
  expect(told()).toBe("three");
  expect(api.writes).toHaveLength(2);
});

test("a status that others get in the way of again and again is told in the end", async () => {
  const { api, tell, told, pass } = openWriter();
  let left = 12;
  api.before = (call) => {
    if (!call.startsWith("updateStatus") || left-- <= 0) return;
    api.change(Pod, "web", (pod) => ({ ...pod, spec: { ...pod.spec, priority: left } }));
  };
  tell("here");
  await pass(10_000);
  expect(told()).toBe("here");
  expect(api.get(Pod, "web")?.spec.priority).toBe(0);
});

test("a status is told when the API is back", async () => {
  const { api, tell, told, pass } = openWriter();
  api.before = () => {
    throw new Fault("unavailable", "no route");
  };
  tell("here");
  await pass(60_000);
  expect(told()).toBeUndefined();
  api.before = undefined;
  await pass(10_000);
  expect(told()).toBe("here");
});

test("a status of a pod that is gone, or another of its name, is not told", async () => {
  const { api, tell, writer } = openWriter();
  api.remove(Pod, "web");
  tell("here");
  await writer.settled();
  const { metadata, ...rest } = samplePod();
  api.put(Pod, { ...rest, metadata: { name: metadata.name, uid: "uid-other" } });
  tell("here");
  await writer.settled();
  expect(api.get(Pod, "web")?.status?.message).toBeUndefined();
});

test("giving up ends the waiting for an API that is away", async () => {
  const { api, tell, writer, stop, pass } = openWriter();
  api.before = () => {
    throw new Fault("unavailable", "no route");
  };
  tell("here");
  await pass(1000);
  stop.abort();
  await writer.settled();
  expect(api.writes).toEqual([]);
});
