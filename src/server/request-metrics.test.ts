import { afterAll, beforeAll, expect, test } from "vitest";
import { admin, openServerFixture, type ServerFixture } from "./server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const lines = async (name: string, ...parts: readonly string[]) =>
  (await fixture.call("GET", "/metrics")).text
    .split("\n")
    .filter((line) => line.startsWith(name) && parts.every((part) => line.includes(part)));

test("objects are counted by resource, under today's name and the one before", async () => {
  const maps = "/api/v1/namespaces/default/configmaps";
  await fixture.make([maps, { metadata: { name: "a" } }], [maps, { metadata: { name: "b" } }]);
  await fixture.call("GET", maps);
  const [today] = await lines('apiserver_resource_objects{group="",resource="configmaps"}');
  expect(Number(today?.split(" ")[1])).toBeGreaterThanOrEqual(2);
  expect(await lines('apiserver_storage_objects{resource="clusterroles.rbac.authorization.k8s.io"}')).toHaveLength(1);
});

test("objects are counted that nobody has read, and questions are not objects", async () => {
  const crons = "/apis/batch/v1/namespaces/default/cronjobs";
  const podSpec = { restartPolicy: "Never", containers: [{ name: "a", image: "a" }] };
  const spec = { schedule: "0 0 * * *", jobTemplate: { spec: { template: { spec: podSpec } } } };
  // What is counted in the store is counted once a minute.
  await using fresh = await openServerFixture();
  await fresh.make([crons, { metadata: { name: "nightly" }, spec }]);
  const { text } = await fresh.call("GET", "/metrics");
  expect(text).toContain('apiserver_resource_objects{group="batch",resource="cronjobs"} 1\n');
  expect(text).toContain('apiserver_storage_objects{resource="daemonsets.apps"} 0\n');
  expect(text).not.toContain('resource="tokenreviews"');
});

test("answers to reads are measured, those to writes are not", async () => {
  await fixture.call("GET", "/api/v1/namespaces/default/configmaps");
  const counts = await lines("apiserver_response_sizes_count", 'resource="configmaps"');
  expect(counts).toHaveLength(1);
  expect(counts[0]).toContain('verb="LIST"');
  expect(counts[0]).toContain('scope="namespace",component="apiserver"');
});

test("a watch is open until its caller goes, and its events are counted", async () => {
  const ended = new AbortController();
  const response = await fixture.server.handle({
    method: "GET",
    path: "/api/v1/secrets?watch=true&resourceVersion=0",
    headers: {},
    body: { kind: "none" },
    identity: admin,
    signal: ended.signal,
  });
  if (response.body.kind !== "events") throw new Error("no watch");
  const events = response.body.events[Symbol.asyncIterator]();
  const next = events.next();
  const open = async () => (await lines("apiserver_longrunning_requests", 'verb="WATCH"', 'resource="secrets"'))[0];
  expect(await open()).toMatch(/ 1$/);
  await fixture.make(["/api/v1/namespaces/default/secrets", { metadata: { name: "s" } }]);
  expect((await next).value).toHaveLength(1);
  expect(await lines("apiserver_watch_events_total", 'resource="secrets"')).toEqual([
    'apiserver_watch_events_total{group="",version="v1",resource="secrets"} 1',
  ]);
  ended.abort();
  await events.return?.();
  expect(await open()).toMatch(/ 0$/);
});
