import { expect, test } from "vitest";
import type { Event } from "../api/generated/core-v1.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { Client } from "./client.ts";
import { createEventRecorder } from "./event-recorder.ts";
import { thing } from "./testing/scripted-client.ts";

function setUp() {
  const clock = new VirtualClock();
  const events = new Map<string, Event>();
  let fault: unknown;
  const client = {
    create: async (_kind: unknown, event: Event) => {
      if (fault) throw fault;
      events.set(event.metadata.name, event);
      return event;
    },
    patch: async (_kind: unknown, { name }: { name: string }, { body }: { body: Partial<Event> }) => {
      const known = events.get(name);
      if (!known) throw new StatusError("NotFound", "gone");
      events.set(name, { ...known, ...body });
    },
  } as unknown as Client;
  const recorder = createEventRecorder({
    client,
    clock,
    random: seededRandom(1),
    log: silentLog,
    source: { component: "kubelet", host: "n1" },
  });
  return {
    clock,
    recorder,
    events,
    all: () => [...events.values()].map(({ message, count }) => `${message} x${count}`),
    refuse: (error: unknown) => {
      fault = error;
    },
  };
}
const pod = { ...thing("web", 7), kind: "Pod" };

test("an event names its object, its source and its time", async () => {
  const { recorder, events } = setUp();
  recorder.record(pod, "Warning", "BackOff", "Back-off restarting", "spec.containers{web}");
  await recorder.flush();
  const [event] = events.values();
  expect(event).toMatchObject({
    involvedObject: {
      apiVersion: "v1",
      kind: "Pod",
      namespace: "default",
      name: "web",
      uid: "uid-web",
      resourceVersion: "7",
      fieldPath: "spec.containers{web}",
    },
    type: "Warning",
    reason: "BackOff",
    message: "Back-off restarting",
    count: 1,
    source: { component: "kubelet", host: "n1" },
    reportingComponent: "kubelet",
    reportingInstance: "n1",
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
  });
  expect(event?.metadata.namespace).toBe("default");
  expect(event?.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
});

test("an object without a namespace has its events in default", async () => {
  const { recorder, events } = setUp();
  const { namespace: _, ...metadata } = pod.metadata;
  recorder.record({ ...pod, kind: "Node", metadata }, "Normal", "NodeReady", "ready");
  await recorder.flush();
  const [event] = events.values();
  expect(event?.metadata.namespace).toBe("default");
  expect(event?.involvedObject).not.toHaveProperty("namespace");
});

test("the same again raises the count and the last time of the first", async () => {
  const { clock, recorder, events, all } = setUp();
  recorder.record(pod, "Normal", "Pulled", "pulled");
  clock.advance(60_000);
  recorder.record(pod, "Normal", "Pulled", "pulled");
  recorder.record(pod, "Normal", "Started", "started");
  await recorder.flush();
  expect(all()).toEqual(["pulled x2", "started x1"]);
  expect([...events.values()][0]?.lastTimestamp).toBe("2026-01-01T00:01:00Z");
});

test("an event that the server forgot is told anew", async () => {
  const { recorder, events, all } = setUp();
  recorder.record(pod, "Normal", "Pulled", "pulled");
  await recorder.flush();
  events.clear();
  recorder.record(pod, "Normal", "Pulled", "pulled");
  await recorder.flush();
  expect(all()).toEqual(["pulled x1"]);
});

test("from the tenth different message of one reason on, they become one event", async () => {
  const { recorder, all } = setUp();
  for (let index = 1; index <= 13; index += 1) recorder.record(pod, "Warning", "Failed", `try ${index}`);
  await recorder.flush();
  expect(all()).toHaveLength(10);
  expect(all().at(-1)).toBe("(combined from similar events): try 13 x4");
});

test("an object that talks too much is cut short, and may speak again after a while", async () => {
  const { clock, recorder, all } = setUp();
  for (let index = 0; index < 40; index += 1) recorder.record(pod, "Normal", "Same", "again");
  await recorder.flush();
  expect(all()).toEqual(["again x25"]);
  clock.advance(300_000);
  recorder.record(pod, "Normal", "Same", "again");
  recorder.record(pod, "Normal", "Same", "again");
  await recorder.flush();
  expect(all()).toEqual(["again x26"]);
});

test("a refused event is no fault of its teller", async () => {
  const { recorder, refuse, all } = setUp();
  refuse(new StatusError("Forbidden", "terminating"));
  recorder.record(pod, "Normal", "Pulled", "pulled");
  await recorder.flush();
  refuse(undefined);
  recorder.record(pod, "Normal", "Pulled", "pulled");
  await recorder.flush();
  expect(all()).toEqual(["pulled x1"]);
});
