import { expect, test } from "vitest";
import type { HttpHandler } from "../http-message.ts";
import { frameFlag, frameType, setting, usualFrameSize, usualWindow } from "./protocol.ts";
import { frame, get, post, RawClient, settings, words } from "./raw-client-fixture.ts";

const { endStream } = frameFlag;
const open = (stream: number, bytes: number) => frame(frameType.windowUpdate, 0, stream, words(bytes));
const dataOf = (client: RawClient, stream: number) =>
  client.frames
    .filter((one) => one.type === frameType.data && one.stream === stream)
    .reduce((sum, one) => sum + one.payload.length, 0);

const large = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index & 255));
const answerLarge: HttpHandler = async () => ({ status: 200, body: large });

test("an answer stops at the stream's window and goes on when it opens", async () => {
  await using client = new RawClient(answerLarge);
  client.greet().send(open(0, 10_000_000), get(1));
  await client.settled();
  expect(dataOf(client, 1)).toBe(usualWindow);
  client.send(open(1, 1000));
  await client.settled();
  expect(dataOf(client, 1)).toBe(usualWindow + 1000);
  client.send(open(1, 1_000_000));
  expect((await client.body(1)).equals(large)).toBe(true);
});

test("streams share the connection's window in turns", async () => {
  await using client = new RawClient(answerLarge);
  client.greet(settings([setting.initialWindowSize, 1_000_000])).send(get(1), get(3));
  await client.settled();
  expect(dataOf(client, 1) + dataOf(client, 3)).toBe(usualWindow);
  client.send(open(0, 4 * usualFrameSize));
  await client.settled();
  expect(dataOf(client, 3)).toBeGreaterThanOrEqual(2 * usualFrameSize);
  client.send(open(0, 1_000_000));
  expect((await client.body(1)).equals(large)).toBe(true);
});

test("a window that shrinks below what was sent stays shut until it is made up for", async () => {
  await using client = new RawClient(answerLarge);
  client.greet().send(open(0, 10_000_000), get(1));
  await client.settled();
  client.send(settings([setting.initialWindowSize, 1000]), open(1, usualWindow - 1000));
  await client.settled();
  expect(dataOf(client, 1)).toBe(usualWindow);
  client.send(open(1, 7));
  await client.settled();
  expect(dataOf(client, 1)).toBe(usualWindow + 7);
});

test("what makes an answer is not asked for more than the client takes", async () => {
  let made = 0;
  await using client = new RawClient(async () => ({
    status: 200,
    body: (async function* () {
      for (; made < 100; made += 1) yield Buffer.alloc(usualWindow);
    })(),
  }));
  client.greet().send(open(0, 2 ** 30), get(1));
  await client.settled();
  expect(made).toBe(1);
  client.send(open(1, usualWindow));
  await client.settled();
  expect(made).toBe(2);
});

test("answers wait where they come from while the client reads nothing", async () => {
  let made = 0;
  await using client = new RawClient(async () => ({
    status: 200,
    body: (async function* () {
      for (; made < 1000; made += 1) yield Buffer.alloc(10_000);
    })(),
  }));
  client.greet(settings([setting.initialWindowSize, 2 ** 31 - 1])).send(open(0, 2 ** 30));
  await client.settled();
  client.socket.pause();
  client.send(get(1));
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(100);
  client.socket.resume();
  expect((await client.body(1)).length).toBe(10_000_000);
});

const limits = { streamWindow: 1000, connectionWindow: 3000 };
const bytes = (count: number, stream: number, flags = 0) => frame(frameType.data, flags, stream, Buffer.alloc(count));

test("the windows open as a body is read, not as it comes", async () => {
  const start = Promise.withResolvers<void>();
  await using client = new RawClient(async (request) => {
    await start.promise;
    return { status: 200, body: String((await request.body(10_000)).length) };
  }, limits);
  client.greet().send(post(1), bytes(600, 1));
  await client.settled();
  const updates = () => client.frames.filter(({ type, stream }) => type === frameType.windowUpdate && stream === 1);
  expect(updates()).toEqual([]);
  start.resolve();
  expect((await client.of(frameType.windowUpdate, 1))?.payload.readUInt32BE()).toBe(600);
  client.send(bytes(1000, 1, endStream));
  expect((await client.body(1)).toString()).toBe("1600");
});

test.each([
  { what: "one stream", sent: [post(1), bytes(1001, 1)], verdict: "RST_STREAM 1 flowControlError" },
  {
    what: "the connection",
    sent: [...[1, 3, 5].flatMap((id) => [post(id), bytes(1000, id)]), post(7), bytes(1, 7)],
    verdict: "GOAWAY flowControlError",
  },
])("more than the window of $what holds is refused", async ({ sent, verdict }) => {
  await using client = new RawClient(() => new Promise(() => {}), { streamWindow: 1000, connectionWindow: 3000 });
  client.greet().send(...sent);
  expect(await client.verdict()).toBe(verdict);
});

test("what nobody read of a stream that ended is given back to the connection", async () => {
  await using client = new RawClient(() => new Promise(() => {}), limits);
  client.greet();
  for (const id of [1, 3, 5, 7, 9, 11]) {
    client.send(post(id), bytes(1000, id), frame(frameType.rstStream, 0, id, words(8)));
    await client.settled();
  }
  expect(client.frames.some(({ type }) => type === frameType.goAway)).toBe(false);
});

test("padding does not use up a window for good", async () => {
  await using client = new RawClient(
    async (request) => ({ status: 200, body: String((await request.body(9)).length) }),
    limits,
  );
  client.greet().send(post(1));
  for (let round = 0; round < 20; round += 1) {
    client.send(frame(frameType.data, frameFlag.padded, 1, Buffer.concat([Buffer.from([200]), Buffer.alloc(200)])));
    await client.settled();
  }
  client.send(bytes(1, 1, endStream));
  expect((await client.body(1)).toString()).toBe("1");
});
