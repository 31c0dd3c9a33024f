import { connect as connectH2, type OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EngineFixture } from "../testing/engine-fixture.ts";
import { planFor, to } from "../testing/objects.ts";
import type { EngineLimits } from "./limits.ts";

let fixture: EngineFixture;
let seen: string[];
let upgrades: (string | undefined)[];
const start = async (limits: Partial<EngineLimits> = {}) => {
  seen = [];
  upgrades = [];
  fixture = await EngineFixture.open({ limits });
  const endpoint = await fixture.serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    upgrades.push(request.headers.upgrade);
    request.resume();
    response.end("seen");
  });
  const { table } = planFor({ defaultBackend: to("a") }, { a: [endpoint] });
  fixture.engine.apply({ table, certificates: new Map() });
};
/** Limits that would disturb the other tests on a busy machine. */
const startImpatient = async (limits: Partial<EngineLimits>) => {
  await fixture[Symbol.asyncDispose]();
  await start(limits);
};
beforeEach(() => start());
afterEach(() => fixture[Symbol.asyncDispose]());

const hidden = "GET /hidden HTTP/1.1\r\nHost: x.com\r\n\r\n";

// Each could be read as one request by the proxy and as two by the back end.
test.each([
  ["a length and chunks", `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`],
  ["two lengths", `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`],
  ["a length with a sign", `Content-Length: +5\r\n\r\nhello${hidden}`],
  ["chunks that are not last", `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`],
  ["chunks under another name", `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`],
  ["a space before the colon", `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`],
  ["a folded line", `X: a\r\n Content-Length: 5\r\n\r\nhello${hidden}`],
  ["a bare line feed", `X: a\nContent-Length: 5\r\n\r\nhello${hidden}`],
  ["a chunk's size that is no number", `Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n${hidden}`],
  ["two hosts", `Host: other.com\r\n\r\n${hidden}`],
  ["an upgrade with a body", `Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello${hidden}`],
])("%s is refused, and what is behind it never arrives", async (_, rest) => {
  const said = await fixture.raw(`POST /shown HTTP/1.1\r\nHost: x.com\r\n${rest}`);
  expect(said).toMatch(/^HTTP\/1.1 400 /);
  expect(seen).not.toContain("GET /hidden");
});

test("a head that is too large is refused", async () => {
  const said = await fixture.raw(`GET / HTTP/1.1\r\nHost: x.com\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`);
  expect(said).toMatch(/^HTTP\/1.1 431 /);
  expect(seen).toEqual([]);
});

test("a client that never ends its head is let go", async () => {
  await startImpatient({ headerTime: 200 });
  const said = await fixture.raw("GET / HTTP/1.1\r\nHost: x.com\r\nX-Slow: ");
  expect(said).toMatch(/^HTTP\/1.1 408 /);
});

test("a client that never ends its body is let go, and the request is answered for", async () => {
  await startImpatient({ clientIdle: 600, answerTime: 300 });
  const said = await fixture.raw("POST / HTTP/1.1\r\nHost: x.com\r\nContent-Length: 100\r\n\r\nhalf");
  // The back end may have answered before the body was complete.
  expect(said).toMatch(/^HTTP\/1.1 (200|504) /);
});

test("TRACE is refused: it would show what others put into the request", async () => {
  expect((await fixture.ask({ method: "TRACE" })).status).toBe(405);
});

test("a whole URL as target goes by its own host", async () => {
  const said = await fixture.raw("GET http://y.com/inside HTTP/1.1\r\nHost: x.com\r\nConnection: close\r\n\r\n");
  expect(said).toMatch(/^HTTP\/1.1 200 /);
  expect(seen).toEqual(["GET /inside"]);
});

test("an upgrade to another HTTP is not passed on: behind it nobody would look at what is asked", async () => {
  const said = await fixture.raw(
    "GET /plain HTTP/1.1\r\nHost: x.com\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  );
  expect(said).toMatch(/^HTTP\/1.1 200 /);
  expect(upgrades).toEqual([undefined]);
});

describe("over HTTP/2", () => {
  const status = async (headers: OutgoingHttpHeaders) => {
    const client = connectH2(`https://127.0.0.1:${fixture.engine.httpsPort}`, { rejectUnauthorized: false });
    const { promise, resolve } = Promise.withResolvers<number | string>();
    client.on("error", () => resolve("hung up"));
    const stream = client.request({ ":authority": "x.com", ...headers });
    stream.on("response", (answer) => resolve(Number(answer[":status"])));
    stream.on("error", () => resolve("refused"));
    stream.on("close", () => resolve("refused"));
    stream.resume();
    const seenStatus = await promise;
    client.destroy();
    return seenStatus;
  };

  test.each([
    ["two hosts", { host: "other.com" }],
    ["a length that is none", { "content-length": "5, 6", ":method": "POST" }],
    ["a host that is none", { ":authority": "a b" }],
  ])("%s are refused", async (_, headers) => {
    expect(await status(headers)).not.toBe(200);
    expect(seen).toEqual([]);
  });

  test("a head that is too large is refused, and others are still served", async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, "y".repeat(1000)]));
    expect(await status(many)).not.toBe(200);
    expect(seen).toEqual([]);
    expect(await status({})).toBe(200);
  });
});

test("what speaks no TLS on the port for HTTPS is hung up on", async () => {
  const socket = connect(fixture.engine.httpsPort, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
  await new Promise((resolve) =>
    socket
      .on("close", resolve)
      .on("error", () => {})
      .resume(),
  );
  expect((await fixture.ask({ secure: true })).status).toBe(200);
});
