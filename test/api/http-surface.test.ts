import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { errorsOnly, fuzzHttp, sendRaw } from "./fuzz/http.ts";
import { Dice } from "./fuzz/random-values.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** A server on a real port keeps its head, whatever comes. */
const errors: string[] = [];
let server: LiveServer;

beforeAll(async () => {
  server = await startLiveServer({ log: errorsOnly(errors) });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const host = "Host: localhost\r\n";
const path = "/api/v1/namespaces/default/configmaps";
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
const post = (body: string | Uint8Array, type = "application/json", more = "") => [
  `POST ${path}?dryRun=All${more} HTTP/1.1\r\n${host}Connection: close\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`,
  body,
];

async function isWell(): Promise<void> {
  expect(await sendRaw(server, [`GET /readyz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`])).toMatch(/ok$/);
  expect(errors.splice(0)).toEqual([]);
}

test("requests of every shape are answered, none with a fault of the server", async () => {
  const { requests, statuses } = await fuzzHttp(server, errors, { seed: 1, ms: 3000 });
  expect(requests).toBeGreaterThan(0);
  expect(statuses.get(0) ?? 0).toBe(0);
  await isWell();
});

test("bytes that are no HTTP end their connection and nothing else", async () => {
  await Promise.all(
    Array.from({ length: 40 }, (_, round) => {
      const dice = new Dice(5, round);
      const start = dice.one([
        "",
        "GET / HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        `POST ${path} HTTP/1.1\r\n`,
      ]);
      return sendRaw(server, [start, dice.random.bytes(dice.below(3000))], { quietMs: 300 });
    }),
  );
  await isWell();
});

test.each([
  {
    name: "headers without end",
    request: [`GET / HTTP/1.1\r\n${host}${"X-A: b\r\n".repeat(150_000)}\r\n`],
    status: 431,
  },
  {
    name: "one endless header",
    request: [`GET / HTTP/1.1\r\n${host}X-A: ${"b".repeat(1_100_000)}\r\n\r\n`],
    status: 431,
  },
  { name: "an endless path", request: [`GET /${"a".repeat(1_100_000)} HTTP/1.1\r\n${host}\r\n`], status: 431 },
  {
    name: "two lengths that differ",
    request: [`POST ${path} HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 40\r\n\r\n{}{}`],
    status: 400,
  },
  {
    name: "a length and chunks at once",
    request: [`POST ${path} HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    status: 400,
  },
  { name: "a path that is no URL", request: [`GET //%zz/%00/..%2f?%%% HTTP/1.1\r\n${host}\r\n`], status: 404 },
  { name: "a body over the limit", request: post(`{"data":{"a":"${"x".repeat(3 * 1024 * 1024)}"}}`), status: 413 },
  { name: "brackets without end", request: post("[".repeat(1_000_000)), status: 400 },
  {
    name: "objects in objects without end",
    request: post(`${'{"a":'.repeat(300_000)}1${"}".repeat(300_000)}`),
    status: 400,
  },
  {
    name: "a number too large for anything",
    request: post('{"metadata":{"name":"a","generation":1e999}}'),
    status: 400,
  },
  { name: "bytes that are no UTF-8", request: post(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), status: 400 },
  { name: "nothing", request: post(""), status: 400 },
  { name: "a list", request: post("[]"), status: 400 },
  { name: "null", request: post("null"), status: 400 },
  {
    name: "YAML that multiplies itself",
    request: post(
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, at) => `b${at}: &b${at} [${`*${at ? `b${at - 1}` : "a"},`.repeat(9)}x]`).join("\n")}\n`,
      "application/yaml",
    ),
    status: 400,
  },
  {
    name: "protobuf that is none",
    request: post("k8s\0\u00ff\u00ff\u00ff", "application/vnd.kubernetes.protobuf"),
    status: 400,
  },
  { name: "a content type that nobody reads", request: post("{}", "text/html"), status: 415 },
  {
    name: "a field twice, strictly read",
    request: post('{"metadata":{"name":"a","name":"b"}}', "application/json", "&fieldValidation=Strict"),
    status: 400,
  },
  {
    name: "members named __proto__ and constructor",
    request: post('{"metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}'),
    status: 201,
  },
])("$name: answered with $status", async ({ request, status }) => {
  const answer = await sendRaw(server, request, { quietMs: 8000 });
  expect(statusOf(answer), answer.slice(0, 500)).toBe(status);
  expect(({} as { x?: unknown }).x).toBeUndefined();
  await isWell();
});

test("members named as JavaScript's own keep their values", async () => {
  const answer = await sendRaw(
    server,
    post('{"metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}'),
  );
  expect(answer).toContain('"data":{"__proto__":"x","constructor":"y"}');
});

test("many bodies that never end do not keep others waiting", async () => {
  const slow = Array.from({ length: 200 }, () => {
    const { port, ca, admin } = server;
    const socket = connectTls({
      host: "127.0.0.1",
      port,
      ca,
      cert: admin.cert,
      key: admin.key,
      ALPNProtocols: ["http/1.1"],
    });
    socket.on("error", () => {});
    socket.write(
      `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"metadata"`,
    );
    return socket;
  });
  await systemClock.sleep(200);
  await isWell();
  for (const socket of slow) socket.destroy();
  await isWell();
});

test("what was refused leaves no memory behind", async () => {
  const collect = (globalThis as { readonly gc?: () => void }).gc;
  const used = () => {
    collect?.();
    return process.memoryUsage().heapUsed;
  };
  const rounds = async (seed: number) => {
    for (let round = 0; round < 30; round++) {
      const text = new Dice(seed, round).random.next().toString(36).repeat(40_000);
      await sendRaw(server, post(`{"spec":{"a":"${text}"},"${text.slice(0, 1000)}":1`), { quietMs: 4000 });
      await sendRaw(server, [
        `GET /api/v1/pods?labelSelector=${text.slice(0, 8000)}! HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
      ]);
      await sendRaw(server, [`GET /apis/${text.slice(0, 8000)} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`]);
    }
  };
  await rounds(1);
  const before = used();
  await rounds(2);
  // Each such round sends some 15 MB; a tenth of that is far more than noise.
  expect(used() - before).toBeLessThan(collect ? 8_000_000 : 64_000_000);
  await isWell();
}, 60_000);
