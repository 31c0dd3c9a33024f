import { expect, test } from "vitest";
import { faultCode } from "../../lib/fault.ts";
import { frameType } from "./protocol.ts";
import { frame, get, post, RawClient } from "./raw-client-fixture.ts";

test("a server that closes says so, lets an answer be finished, and takes no more requests", async () => {
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  let requests = 0;
  await using client = new RawClient(async () => {
    requests += 1;
    begun.resolve();
    await finish.promise;
    return { status: 200, body: "finished" };
  });
  client.greet().send(get(1));
  await begun.promise;
  const closed = client.server[Symbol.asyncDispose]();
  const goAway = await client.of(frameType.goAway);
  expect([goAway?.payload.readUInt32BE(0), goAway?.payload.readUInt32BE(4)]).toEqual([1, 0]);
  client.send(get(3), post(5), frame(frameType.data, 1, 5, "late"));
  await client.settled();
  finish.resolve();
  expect((await client.body(1)).toString()).toBe("finished");
  expect(requests).toBe(1);
  client.socket.destroy();
  await closed;
});

test("a watch does not keep a server from closing", async () => {
  const aborted = Promise.withResolvers<void>();
  await using client = new RawClient(async ({ signal }) => ({
    status: 200,
    body: (async function* () {
      yield Buffer.from("event");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted.resolve();
    })(),
  }));
  client.greet().send(get(1));
  await client.of(frameType.data);
  const closed = client.server[Symbol.asyncDispose]();
  await aborted.promise;
  client.socket.destroy();
  await closed;
});

test("a request that does not end in time is cut when the server closes", async () => {
  const begun = Promise.withResolvers<void>();
  await using client = new RawClient(() => {
    begun.resolve();
    return new Promise(() => {});
  });
  client.greet().send(post(1));
  await begun.promise;
  const closed = client.server[Symbol.asyncDispose]();
  client.clock.advance(2000);
  await closed;
});

test("answers bear the date", async () => {
  await using client = new RawClient(async () => ({ status: 204 }));
  client.greet().send(get(1));
  const headers = await client.of(frameType.headers);
  expect(headers?.payload.toString("latin1")).toContain("Thu, 01 Jan 2026 00:00:00 GMT");
});

test("no bytes make the server fail", async () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  for (let round = 0; round < 300; round += 1) {
    await using client = new RawClient(async (request) => ({ status: 200, body: await request.body(100) }));
    client.greet();
    for (let count = 0; count < 20; count += 1) {
      const payload = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
      client.send(random(3) === 0 ? get(2 * random(20) + 1) : frame(random(10), random(256), random(12), payload));
    }
    await client.settled();
    const clientsDoing = new Set<unknown>(["aborted", "exhausted"]);
    expect(client.faults.filter((fault) => !clientsDoing.has(faultCode(fault)))).toEqual([]);
  }
});
