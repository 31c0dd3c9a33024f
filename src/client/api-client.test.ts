import { describe, expect, test } from "vitest";
import type { KubeObject } from "../machinery/object.ts";
import { createClient } from "./api-client.ts";
import { thing, things } from "./testing/scripted-client.ts";
import type { Transport, TransportRequest, WatchEvent } from "./transport.ts";

const nodes = { group: "", version: "v1", kind: "Node", plural: "nodes", namespaced: false };
const sets = { group: "apps", version: "v1", kind: "Set", plural: "sets", namespaced: true };
const key = { namespace: "default", name: "a" };

function setUp(answer: { status?: number; value?: unknown; events?: readonly WatchEvent[] } = {}) {
  const requests: TransportRequest[] = [];
  const transport: Transport = {
    send: async (request) => {
      requests.push(request);
      return {
        status: answer.status ?? 200,
        headers: {},
        value: async () => answer.value ?? {},
        async *events() {
          yield* answer.events ?? [];
        },
        async *bytes() {},
      };
    },
    async [Symbol.asyncDispose]() {},
  };
  const client = createClient(transport, { fieldManager: "tester" });
  const said = () => {
    const { method, path, body, headers } = requests.at(-1)!;
    return { method, path, ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) };
  };
  return { client, said };
}

describe("each verb is the right call", () => {
  const object = thing("a", 7);
  const { apiVersion: _a, kind: _k, ...bare } = object;
  test.each([
    {
      name: "get",
      call: ({ client }: ReturnType<typeof setUp>) => client.get(sets, key, { resourceVersion: "0" }),
      said: { method: "GET", path: "/apis/apps/v1/namespaces/default/sets/a?resourceVersion=0" },
    },
    {
      name: "get of a kind without namespaces",
      call: ({ client }: ReturnType<typeof setUp>) => client.get(nodes, { name: "n1" }),
      said: { method: "GET", path: "/api/v1/nodes/n1" },
    },
    {
      name: "list, with what selects escaped",
      call: ({ client }: ReturnType<typeof setUp>) =>
        client.list(things, { namespace: "x", labelSelector: "a in (b,c)", limit: 5, continue: "t=" }),
      said: {
        method: "GET",
        path: "/api/v1/namespaces/x/things?labelSelector=a%20in%20(b%2Cc)&limit=5&continue=t%3D",
      },
    },
    {
      name: "list, of the metadata alone",
      call: ({ client }: ReturnType<typeof setUp>) => client.list(things, { namespace: "x", metadataOnly: true }),
      said: {
        method: "GET",
        path: "/api/v1/namespaces/x/things",
        headers: { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" },
      },
    },
    {
      name: "create, adding kind and version",
      call: ({ client }: ReturnType<typeof setUp>) => client.create(things, bare as never, { dryRun: true }),
      said: {
        method: "POST",
        path: "/api/v1/namespaces/default/things?dryRun=All&fieldManager=tester",
        body: { ...bare, apiVersion: "v1", kind: "Thing" },
      },
    },
    {
      name: "update of the status",
      call: ({ client }: ReturnType<typeof setUp>) => client.updateStatus(things, object),
      said: {
        method: "PUT",
        path: "/api/v1/namespaces/default/things/a/status?fieldManager=tester",
        body: object,
      },
    },
    {
      name: "strategic patch of a subresource",
      call: ({ client }: ReturnType<typeof setUp>) =>
        client.patch(things, key, { type: "strategic", body: { x: 1 } }, { subresource: "status" }),
      said: {
        method: "PATCH",
        path: "/api/v1/namespaces/default/things/a/status?fieldManager=tester",
        body: { x: 1 },
        headers: { "content-type": "application/strategic-merge-patch+json" },
      },
    },
    {
      name: "apply, under its own manager",
      call: ({ client }: ReturnType<typeof setUp>) =>
        client.patch(things, key, { type: "apply", body: {}, fieldManager: "other", force: true }),
      said: {
        method: "PATCH",
        path: "/api/v1/namespaces/default/things/a?fieldManager=other&force=true",
        body: {},
        headers: { "content-type": "application/apply-patch+yaml" },
      },
    },
    {
      name: "delete with preconditions",
      call: ({ client }: ReturnType<typeof setUp>) =>
        client.delete(things, key, { gracePeriodSeconds: 0, preconditions: { uid: "u" } }),
      said: {
        method: "DELETE",
        path: "/api/v1/namespaces/default/things/a",
        body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0, preconditions: { uid: "u" } },
      },
    },
    {
      name: "delete of a collection",
      call: ({ client }: ReturnType<typeof setUp>) => client.deleteCollection(things, { namespace: "x" }),
      said: {
        method: "DELETE",
        path: "/api/v1/namespaces/x/things",
        body: { apiVersion: "v1", kind: "DeleteOptions" },
      },
    },
    {
      name: "a subresource that is created",
      call: ({ client }: ReturnType<typeof setUp>) => client.createSubresource(things, key, "eviction", { e: 1 }),
      said: {
        method: "POST",
        path: "/api/v1/namespaces/default/things/a/eviction?fieldManager=tester",
        body: { e: 1 },
      },
    },
  ])("$name", async ({ call, said }) => {
    const set = setUp();
    await call(set);
    expect(set.said()).toEqual(said);
  });
});

test("items of a list come with kind and apiVersion, which the server leaves out", async () => {
  const { client } = setUp({ value: { metadata: { resourceVersion: "4" }, items: [{ metadata: { name: "a" } }] } });
  const list = await client.list<KubeObject>(things);
  expect(list.items[0]).toEqual({ apiVersion: "v1", kind: "Thing", metadata: { name: "a" } });
});

test("a watch gives the events, and throws what an ERROR event says", async () => {
  const gone = { kind: "Status", reason: "Expired", message: "too old resource version", code: 410 };
  const events = [
    { type: "ADDED", object: thing("a", 1) },
    { type: "ERROR", object: gone },
  ] as const;
  const { client, said } = setUp({ events });
  const seen: string[] = [];
  const follow = async () => {
    const watch = client.watch(things, { resourceVersion: "7", allowWatchBookmarks: true, timeoutSeconds: 300 });
    for await (const { type } of watch) seen.push(type);
  };
  await expect(follow()).rejects.toMatchObject({ reason: "Expired", code: 410 });
  expect(seen).toEqual(["ADDED"]);
  expect(said().path).toBe("/api/v1/things?resourceVersion=7&watch=true&allowWatchBookmarks=true&timeoutSeconds=300");
});

describe("a refusal", () => {
  test.each([
    {
      name: "is the server's Status",
      answer: { status: 409, value: { kind: "Status", reason: "AlreadyExists", message: "there", code: 409 } },
      thrown: { name: "StatusError", reason: "AlreadyExists", code: 409, message: "there" },
    },
    {
      name: "is unavailability when something in between says 503",
      answer: { status: 503, value: "no upstream" },
      thrown: { name: "Fault", code: "unavailable" },
    },
    {
      name: "without a Status keeps the code",
      answer: { status: 418, value: "teapot" },
      thrown: { name: "StatusError", reason: "", code: 418 },
    },
  ])("$name", async ({ answer, thrown }) => {
    const { client } = setUp(answer);
    await expect(client.get(things, key)).rejects.toMatchObject(thrown);
  });
});
