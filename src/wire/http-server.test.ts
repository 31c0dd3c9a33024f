import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { faultCode } from "../lib/fault.ts";
import { type HttpHandler, openHttpServer } from "./http-server.ts";

async function ask(
  port: number,
  options: { method?: string; path?: string; body?: string },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port, method: options.method, path: options.path }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(options.body);
  });
}

const echo: HttpHandler = async (request) => ({
  status: 200,
  body: `${request.method} ${request.target} ${Buffer.from(await request.body(10)).toString()}`,
});

test("an HTTP/1.1 request reaches the handler with its body", async () => {
  await using server = await openHttpServer({ host: "127.0.0.1", port: 0, handle: echo });
  expect(await ask(server.port, { method: "POST", path: "/a?b=c", body: "hello" })).toEqual({
    status: 200,
    text: "POST /a?b=c hello",
  });
});

test("a body over the limit is refused with a fault the handler can answer", async () => {
  const handle: HttpHandler = async (request) => {
    try {
      await request.body(3);
      return { status: 200 };
    } catch (error) {
      return { status: faultCode(error) === "exhausted" ? 413 : 500 };
    }
  };
  await using server = await openHttpServer({ host: "127.0.0.1", port: 0, handle });
  expect((await ask(server.port, { method: "POST", body: "too long" })).status).toBe(413);
});

test.each([
  { bytes: 1_000_000, status: 200 },
  { bytes: 1_100_000, status: 431 },
])("$bytes bytes of headers are answered with $status", async ({ bytes, status }) => {
  const handle: HttpHandler = async ({ headers }) => ({ status: 200, body: String(headers.long?.length) });
  await using server = await openHttpServer({ host: "127.0.0.1", port: 0, handle });
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\nLong: ${"x".repeat(bytes)}\r\n\r\n`);
  expect(await text(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test("a refusal is heard by a client that says all it has to say first", async () => {
  const handle: HttpHandler = async () => ({ status: 413, body: "too large" });
  await using server = await openHttpServer({ host: "127.0.0.1", port: 0, handle });
  const socket = connect(server.port, "127.0.0.1");
  const length = 8_000_000;
  socket.write(`POST / HTTP/1.1\r\nHost: server\r\nContent-Length: ${length}\r\n\r\n`);
  await once(socket, "readable"); // the answer is there, and nobody reads it yet
  for (let sent = 0; sent < length; sent += 100_000) {
    await new Promise<void>((resolve, reject) =>
      socket.write(Buffer.alloc(100_000), (error) => (error ? reject(error) : resolve())),
    );
  }
  expect(await text(socket)).toMatch(/^HTTP\/1.1 413 [\s\S]*\r\n\r\ntoo large$/);
});

test("the body of a client that has gone already is a fault, not an endless wait", async () => {
  const outcome = Promise.withResolvers<unknown>();
  const gone = Promise.withResolvers<void>();
  const handle: HttpHandler = async (request) => {
    client.destroy();
    await gone.promise;
    await request.body(10).then(outcome.resolve, (error) => outcome.resolve(faultCode(error)));
    return { status: 200 };
  };
  await using server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    handle: (request) => {
      request.signal.addEventListener("abort", () => gone.resolve());
      return handle(request);
    },
  });
  const client = httpRequest({ host: "127.0.0.1", port: server.port, method: "POST" });
  client.on("error", () => {});
  client.write("part");
  expect(await outcome.promise).toBe("aborted");
});

test("a streamed body arrives whole", async () => {
  const handle: HttpHandler = async () => ({
    status: 200,
    body: (async function* () {
      for (const part of ["a", "b", "c"]) yield Buffer.from(part);
    })(),
  });
  await using server = await openHttpServer({ host: "127.0.0.1", port: 0, handle });
  expect((await ask(server.port, {})).text).toBe("abc");
});

test("a taken port is a fault that says so", async () => {
  await using server = await openHttpServer({ host: "127.0.0.1", port: 0, handle: echo });
  await expect(openHttpServer({ host: "127.0.0.1", port: server.port, handle: echo })).rejects.toMatchObject({
    code: "in-use",
  });
});

test("an answer made as it is sent comes whole over HTTP/1.1", async () => {
  const whole = Buffer.from(Array.from({ length: 1_500_000 }, (_, at) => (at * 7) % 64));
  let sent = 0;
  const readInto = (into: Buffer) => {
    const part = whole.copy(into, 0, sent);
    sent += part;
    return part;
  };
  await using server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    handle: async () => ({ status: 200, body: { readInto } }),
  });
  expect((await ask(server.port, {})).text).toBe(whole.toString());
});
