import { expect, test } from "vitest";
import { Metrics } from "../lib/metrics.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { measuredStore } from "./measured.ts";
import { openMemoryStore } from "./memory.ts";

test("a store tells what it was asked for, by operation, group and resource", async () => {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  await using store = measuredStore(openMemoryStore({ clock }), { clock, metrics });
  const value = new Uint8Array([1]);
  const made = await store.commit({ key: "/registry/apps/deployments/default/web", value, expected: 0n });
  await store.commit({ key: "/registry/pods/default/p", value, expected: 0n });
  await store.commit({ key: "/registry/apps/deployments/default/web", value, expected: made.ok ? made.revision : 0n });
  await store.commit({ key: "/registry/example.com/widgets/w", value: null, expected: 7n });
  await store.read({ start: "/registry/pods/", end: "/registry/pods0" });
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("etcd_requests_total"));
  expect(lines.map((line) => line.replace("etcd_requests_total", ""))).toEqual([
    '{operation="create",group="apps",resource="deployments"} 1',
    '{operation="create",group="",resource="pods"} 1',
    '{operation="update",group="apps",resource="deployments"} 1',
    '{operation="delete",group="example.com",resource="widgets"} 1',
    '{operation="list",group="",resource="pods"} 1',
  ]);
});
