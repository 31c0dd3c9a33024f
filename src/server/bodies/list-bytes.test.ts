import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { typeOfKind } from "../../api/type-info.ts";
import { decodeProtobuf } from "../../machinery/codec-protobuf.ts";
import { partsOf } from "../../wire/byte-source.ts";
import { compressed } from "../compression.ts";
import { admin, openServerFixture, type ServerFixture } from "../server-fixture.ts";

const path = "/api/v1/namespaces/default/configmaps";

async function withConfigMaps(count: number): Promise<ServerFixture> {
  const fixture = await openServerFixture();
  // Lengths are of all kinds, one longer than any part.
  const data = (at: number) => ({ text: "é".repeat(at === 5 ? 300_000 : (at * 997) % 4_000) });
  await fixture.make(
    ...Array.from({ length: count }, (_, at) => [path, { metadata: { name: `c-${at}` }, data: data(at) }] as const),
  );
  return fixture;
}

async function listOf({ server }: ServerFixture, query = "", headers: Readonly<Record<string, string>> = {}) {
  const { signal } = new AbortController();
  const request = {
    method: "GET",
    path: `${path}${query}`,
    headers,
    body: { kind: "none" },
    identity: admin,
    signal,
  };
  const { body } = await server.handle(request as Parameters<typeof server.handle>[0]);
  if (body.kind !== "object") throw new Error(`the body is ${body.kind}`);
  return { value: body.value(), bytes: body.bytes() };
}

const json = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown;

test("a small list is one array, and an empty one too", async () => {
  await using fixture = await withConfigMaps(3);
  for (const query of ["", "?labelSelector=none"]) {
    const { value, bytes } = await listOf(fixture, query);
    expect(json(bytes as Uint8Array)).toEqual({ ...(value as object), items: expect.anything() });
  }
  const { value, bytes } = await listOf(fixture);
  const { items } = json(bytes as Uint8Array) as { items: readonly object[] };
  const plain = (value as { items: readonly Record<string, unknown>[] }).items;
  expect(items).toEqual(plain.map(({ kind: _kind, apiVersion: _version, ...rest }) => rest));
});

test("a large list made as it is sent is the same list, whatever the parts", async () => {
  await using fixture = await withConfigMaps(150);
  const { value, bytes } = await listOf(fixture);
  if (bytes instanceof Uint8Array) throw new Error("the list is small");
  const whole = Buffer.concat([...partsOf(bytes)]);
  const plain = value as { items: readonly Record<string, unknown>[] };
  const items = plain.items.map(({ kind: _kind, apiVersion: _version, ...rest }) => rest);
  expect(json(whole)).toEqual({ ...plain, items });
  for (const size of [1, 7, 4_099, whole.length, whole.length + 1]) {
    const { bytes: again } = await listOf(fixture);
    if (again instanceof Uint8Array) throw new Error("the list is small");
    const parts: Buffer[] = [];
    for (let filled = size; filled === size; ) {
      const part = Buffer.alloc(size);
      filled = again.readInto(part);
      parts.push(part.subarray(0, filled));
    }
    expect(Buffer.concat(parts).equals(whole)).toBe(true);
  }
});

test("a large list in protobuf is the same list", async () => {
  await using fixture = await withConfigMaps(150);
  const { value, bytes } = await listOf(fixture, "", { accept: "application/vnd.kubernetes.protobuf" });
  if (bytes instanceof Uint8Array) throw new Error("the list is small");
  const type = typeOfKind({ group: "", version: "v1", kind: "ConfigMapList" });
  const decoded = decodeProtobuf(Buffer.concat([...partsOf(bytes)]), () => type);
  const plain = value as { items: readonly Record<string, unknown>[] };
  const items = plain.items.map(({ kind: _kind, apiVersion: _version, ...rest }) => rest);
  expect(decoded).toEqual({ ...plain, items });
});

test("compressed as it is sent, it is the same list", async () => {
  await using fixture = await withConfigMaps(150);
  const { bytes } = await listOf(fixture);
  const { bytes: plain } = await listOf(fixture);
  if (bytes instanceof Uint8Array || plain instanceof Uint8Array) throw new Error("the list is small");
  const answer = await compressed({ status: 200, headers: {} }, bytes, { "accept-encoding": "gzip" });
  expect(answer.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
  const packed = Buffer.concat(await Array.fromAsync(answer.body as AsyncIterable<Uint8Array>));
  expect(packed.length).toBeLessThan(200_000);
  expect(gunzipSync(packed).equals(Buffer.concat([...partsOf(plain)]))).toBe(true);
});

test("what is not long is not compressed", async () => {
  await using fixture = await withConfigMaps(5);
  const { bytes } = await listOf(fixture);
  const asked = { "accept-encoding": "gzip" };
  const answer = await compressed({ status: 200, headers: {} }, bytes, asked);
  expect(answer.headers).toEqual({});
  const source = (await listOf(fixture)).bytes;
  expect(Buffer.from(answer.body as Uint8Array)).toEqual(
    source instanceof Uint8Array ? source : Buffer.concat([...partsOf(source)]),
  );
});

test("whoever leaves amid a compressed answer leaves nothing waiting", async () => {
  await using fixture = await withConfigMaps(150);
  const { bytes } = await listOf(fixture);
  const answer = await compressed({ status: 200, headers: {} }, bytes, { "accept-encoding": "gzip" });
  const iterator = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  expect((await iterator.next()).done).toBe(false);
  await iterator.return?.();
  expect((await iterator.next()).done).toBe(true);
});
