import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { httpTransport } from "./http-transport.ts";
import type { Transport } from "./transport.ts";

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

type Answer = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>, body: string) => void;

async function setUp(
  answer: Answer,
): Promise<{ transport: Transport; sessions: Set<ServerHttp2Session>; server: Http2Server }> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", async (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    answer(stream, headers, Buffer.concat(chunks).toString());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = httpTransport({ server: `http://127.0.0.1:${port}`, token: () => "secret", userAgent: "tester" });
  opened.push({
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  opened.push(transport);
  return { transport, sessions, server };
}
const json = { ":status": 200, "content-type": "application/json" };

test("a call carries method, path, body, token and agent, and its JSON answer is decoded", async () => {
  let seen: unknown;
  const { transport } = await setUp((stream, headers, body) => {
    seen = {
      method: headers[":method"],
      path: headers[":path"],
      type: headers["content-type"],
      authorization: headers.authorization,
      agent: headers["user-agent"],
      body,
    };
    stream.respond({ ...json, ":status": 201, "x-kind": "a" });
    stream.end('{"made":true}');
  });
  const answer = await transport.send({ method: "POST", path: "/api/v1/things?a=b", body: { a: 1 } });
  expect(answer.status).toBe(201);
  expect(answer.headers).toMatchObject({ "x-kind": "a" });
  expect(await answer.value()).toEqual({ made: true });
  expect(seen).toEqual({
    method: "POST",
    path: "/api/v1/things?a=b",
    type: "application/json",
    authorization: "Bearer secret",
    agent: "tester",
    body: '{"a":1}',
  });
});

test("an answer of any status is a value, and one that is not JSON is text", async () => {
  const { transport } = await setUp((stream) => {
    stream.respond({ ":status": 502, "content-type": "text/plain" });
    stream.end("bad gateway");
  });
  const answer = await transport.send({ method: "GET", path: "/" });
  expect(answer.status).toBe(502);
  expect(await answer.value()).toBe("bad gateway");
});

test("many calls share one connection", async () => {
  const { transport, sessions } = await setUp((stream) => {
    stream.respond(json);
    stream.end("{}");
  });
  await Promise.all(
    Array.from({ length: 20 }, async () => (await transport.send({ method: "GET", path: "/" })).value()),
  );
  expect(sessions.size).toBe(1);
});

test("a watch's events come one by one, however the bytes are cut", async () => {
  const { transport } = await setUp(async (stream) => {
    stream.respond(json);
    for (const piece of ['{"type":"ADD', 'ED","object":{"n":1}}\n{"type":"MODIFIED","object":{"n":"ü"}}\n', "\n"]) {
      stream.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
  });
  const answer = await transport.send({ method: "GET", path: "/?watch=true" });
  expect(await Array.fromAsync(answer.events())).toEqual([
    { type: "ADDED", object: { n: 1 } },
    { type: "MODIFIED", object: { n: "ü" } },
  ]);
});

test("giving up a watch ends it without an error, even in the middle of a line, and tells the server", async () => {
  let closed = false;
  const { transport } = await setUp((stream) => {
    stream.respond(json);
    stream.write('{"type":"ADDED","object":{}}\n{"type":"MOD');
    stream.on("close", () => {
      closed = true;
    });
  });
  const stop = new AbortController();
  const answer = await transport.send({ method: "GET", path: "/?watch=true", signal: stop.signal });
  const seen: unknown[] = [];
  for await (const event of answer.events()) {
    seen.push(event.type);
    stop.abort();
  }
  expect(seen).toEqual(["ADDED"]);
  await expect.poll(() => closed).toBe(true);
});

test("leaving a watch's loop closes the stream", async () => {
  let closed = false;
  const { transport } = await setUp((stream) => {
    stream.respond(json);
    stream.write('{"type":"ADDED","object":{}}\n');
    stream.on("close", () => {
      closed = true;
    });
  });
  const answer = await transport.send({ method: "GET", path: "/?watch=true" });
  for await (const _ of answer.events()) break;
  await expect.poll(() => closed).toBe(true);
});

test("a call given up before its answer is a fault of code aborted", async () => {
  const { transport } = await setUp(() => {});
  const stop = new AbortController();
  const call = transport.send({ method: "GET", path: "/", signal: stop.signal });
  setImmediate(() => stop.abort());
  await expect(call).rejects.toMatchObject({ code: "aborted" });
  await expect(transport.send({ method: "GET", path: "/", signal: stop.signal })).rejects.toMatchObject({
    code: "aborted",
  });
});

test("nobody there is a fault of code unavailable", async () => {
  const transport = httpTransport({ server: "http://127.0.0.1:1" });
  opened.push(transport);
  await expect(transport.send({ method: "GET", path: "/" })).rejects.toMatchObject({ code: "unavailable" });
});

test("a connection that breaks under an answer is a fault, and the next call opens another", async () => {
  let calls = 0;
  const { transport, sessions } = await setUp((stream) => {
    calls += 1;
    stream.respond(json);
    if (calls === 1) {
      stream.write('{"half":');
      setImmediate(() => stream.session?.destroy());
    } else stream.end("{}");
  });
  const broken = await transport.send({ method: "GET", path: "/" });
  await expect(broken.value()).rejects.toMatchObject({ code: "unavailable" });
  const next = await transport.send({ method: "GET", path: "/" });
  expect(await next.value()).toEqual({});
  expect(sessions.size).toBe(1);
});

test("after closing no call is made", async () => {
  const { transport } = await setUp(() => {});
  await transport[Symbol.asyncDispose]();
  await expect(transport.send({ method: "GET", path: "/" })).rejects.toMatchObject({ code: "closed" });
});
