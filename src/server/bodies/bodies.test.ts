import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string, data: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

describe("forms", () => {
  test.each([
    { agent: "curl/8.5.0", path: `${maps}/absent`, indented: true },
    { agent: "Mozilla/5.0 (X11; Linux x86_64)", path: `${maps}/absent`, indented: true },
    { agent: "curl/8.5.0", path: `${maps}/absent?pretty=false`, indented: false },
    { agent: "kubectl/v1.35.0", path: `${maps}/absent`, indented: false },
    { agent: "kubectl/v1.35.0", path: `${maps}/absent?pretty=1`, indented: true },
  ])("an error is made for eyes or not: $agent, $path", async ({ agent, path, indented }) => {
    const { status, text } = await fixture.call("GET", path, { headers: { "user-agent": agent } });
    expect(status).toBe(404);
    expect(text.startsWith('{\n  "kind": "Status",')).toBe(indented);
  });

  test.each([
    { agent: "curl/8.5.0", path: "/api", first: '{\n  "kind": "APIVersions",' },
    { agent: "curl/8.5.0", path: "/apis", first: '{\n  "kind": "APIGroupList",' },
    { agent: "curl/8.5.0", path: "/apis/apps", first: '{\n  "kind": "APIGroup",' },
    { agent: "curl/8.5.0", path: "/api/v1", first: '{\n  "kind": "APIResourceList",' },
    { agent: "curl/8.5.0", path: "/apis/apps?pretty=false", first: '{"kind":"APIGroup",' },
    { agent: "kubectl/v1.35.0", path: "/apis/apps", first: '{"kind":"APIGroup",' },
    { agent: "kubectl/v1.35.0", path: "/apis/apps?pretty=true", first: '{\n  "kind": "APIGroup",' },
    { agent: "kubectl/v1.35.0", path: "/version", first: '{\n  "major": "1",' },
    { agent: "kubectl/v1.35.0", path: "/", first: '{\n  "paths": [\n' },
  ])("what the server says of itself is made for eyes or not: $agent, $path", async ({ agent, path, first }) => {
    const { status, text } = await fixture.call("GET", path, { headers: { "user-agent": agent } });
    expect(status).toBe(200);
    expect(text.slice(0, first.length)).toBe(first);
  });

  test("a table has the columns of its kind, and rows with metadata", async () => {
    await fixture.make([maps, configMap("tabled", { a: "1" })]);
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
    const { body } = await fixture.call("GET", `${maps}/tabled`, { headers });
    expect(body.kind).toBe("Table");
    expect((body.columnDefinitions as unknown as { name: string }[]).map(({ name }) => name)).toEqual([
      "Name",
      "Data",
      "Age",
    ]);
    const [row] = body.rows as unknown as { cells: unknown[]; object: { kind: string } }[];
    expect(row?.cells.slice(0, 2)).toEqual(["tabled", 1]);
    expect(row?.object.kind).toBe("PartialObjectMetadata");
  });

  test("a watch as a table defines its columns once", async () => {
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
    await fixture.make([maps, configMap("w1")], [maps, configMap("w2")]);
    const answer = await fixture.call("GET", `${maps}?watch=1&timeoutSeconds=1`, { headers });
    const events = answer.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.length).toBeGreaterThanOrEqual(2);
    expect(events[0].object.columnDefinitions).toHaveLength(3);
    expect(events[1].object.columnDefinitions).toBeNull();
  });

  test("an object goes in as protobuf and comes back the same", async () => {
    const protobuf = "application/vnd.kubernetes.protobuf";
    await fixture.make([maps, configMap("proto", { a: "1" })]);
    const { bytes, headers } = await fixture.call("GET", `${maps}/proto`, { headers: { accept: protobuf } });
    expect(headers["content-type"]).toBe(protobuf);
    const put = await fixture.call("PUT", `${maps}/proto`, { body: bytes, headers: { "content-type": protobuf } });
    expect(put.body.data).toEqual({ a: "1" });
    const list = await fixture.call("GET", maps, { headers: { accept: protobuf } });
    expect(Buffer.from(list.bytes.subarray(0, 4)).toString()).toBe("k8s\0");
  });

  test("a key that stands twice in YAML is told by its line, or refused when asked strictly", async () => {
    const headers = { "content-type": "application/yaml" };
    const body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\nnope: 1\ndata:\n  a: one\n  a: two\n";
    const refused = await fixture.call("POST", `${maps}?fieldValidation=Strict`, { body, headers });
    expect(refused.body.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 7: key "a" already set in map, unknown field "nope"',
    );
    const warned = await fixture.call("POST", maps, { body, headers });
    expect(warned.headers.warning).toEqual([
      '299 - "line 7: key \\"a\\" already set in map"',
      '299 - "unknown field \\"nope\\""',
    ]);
    expect(warned.body.data).toEqual({ a: "two" });
  });

  test("YAML is read and written", async () => {
    const yaml = "application/yaml";
    const body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yml}\ndata: {a: 'yes'}\n";
    expect((await fixture.call("POST", maps, { body, headers: { "content-type": yaml } })).body.data).toEqual({
      a: "yes",
    });
    const { text } = await fixture.call("GET", `${maps}/yml`, { headers: { accept: yaml } });
    expect(text).toContain('data:\n  a: "yes"\nkind: ConfigMap\n');
  });

  test.each([
    ["a form that nobody writes", "GET", { accept: "text/csv" }, undefined, 406, "406: Not Acceptable"],
    [
      "a body of an unknown form",
      "POST",
      { "content-type": "text/csv" },
      "a",
      415,
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    ],
    [
      "an empty body",
      "POST",
      {},
      "",
      400,
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    ],
    [
      "another kind's body",
      "POST",
      {},
      '{"apiVersion":"v1","kind":"Secret"}',
      400,
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    ],
    [
      "a method that a collection does not have",
      "PUT",
      {},
      "{}",
      405,
      "the server does not allow this method on the requested resource",
    ],
  ])("%s is refused", async (_, method, headers, body, status, message) => {
    const answer = await fixture.call(method, maps, {
      headers: headers as Record<string, string>,
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(status);
    expect(answer.body.message).toBe(message);
  });

  test("unknown fields are dropped with a warning, or refused when asked strictly", async () => {
    const body = { ...configMap("strict"), nope: 1 };
    const warned = await fixture.call("POST", `${maps}?dryRun=All`, { body });
    expect(warned.headers.warning).toEqual(['299 - "unknown field \\"nope\\""']);
    const refused = await fixture.call("POST", `${maps}?fieldValidation=Strict`, { body });
    expect(refused.body.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "nope"',
    );
  });
});
