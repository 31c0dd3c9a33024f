import { decode, encode, type Packet, RECURSION_DESIRED, TRUNCATED_RESPONSE } from "dns-packet";
import { afterEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { openListeningPairs } from "../machine/sockets.ts";
import { Forwarder } from "./forwarder.ts";
import { parseQuery } from "./wire.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A name server on UDP and TCP that says what it is told to say. */
async function upstream(
  say: (asked: { readonly name: string; readonly tcp: boolean; readonly query: Packet }) => Partial<Packet> | undefined,
) {
  const asked: string[] = [];
  const reply = (message: Buffer, tcp: boolean) => {
    const query = decode(message);
    const { name } = query.questions![0]!;
    asked.push(`${tcp ? "tcp" : "udp"} ${name}`);
    const said = say({ name, tcp, query });
    return said && encode({ id: query.id, questions: query.questions, type: "response", ...said });
  };
  const [pair] = await openListeningPairs(["127.0.0.1"], 0);
  const { port, udp, tcp } = pair!;
  udp.on("message", (message, from) => {
    const said = reply(message, false);
    if (said) udp.send(said, from.port, from.address);
  });
  tcp.on("connection", (socket) => {
    socket.on("data", (chunk: Buffer) => {
      const said = reply(chunk.subarray(2), true)!;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(said.length);
      socket.end(Buffer.concat([length, said]));
    });
  });
  closers.push(
    () => udp.close(),
    () => tcp.close(),
  );
  return { address: "127.0.0.1", port, asked };
}

function clockAt(time: { now: number }): Clock {
  return { ...systemClock, monotonic: () => time.now };
}

function forwarder(
  upstreams: readonly { readonly address: string; readonly port: number }[],
  clock: Clock,
  stubDomains = {},
) {
  const made = new Forwarder({ upstreams, stubDomains, clock, random: seededRandom(3), patience: 500 });
  const ask = async (name: string, id = 7) => {
    const message = encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [{ type: "A", name }] });
    const reply = await made.ask(message, parseQuery(message)!);
    return reply && decode(reply);
  };
  return { ask, use: made.use.bind(made) };
}

const address = (name: string, ttl: number): Partial<Packet> => ({
  answers: [{ type: "A", name, data: "192.0.2.1", ttl }],
});

describe("asking outside", () => {
  test("keeps an answer while it lasts, with the time left and the asker's id", async () => {
    const time = { now: 0 };
    const server = await upstream(({ name }) => address(name, 20));
    const { ask } = forwarder([server], clockAt(time));
    await ask("a.test");
    time.now = 15_000;
    const again = await ask("a.test", 99);
    expect(again?.id).toBe(99);
    expect(again?.answers).toMatchObject([{ data: "192.0.2.1", ttl: 5 }]);
    expect(server.asked).toHaveLength(1);
    time.now = 20_000;
    await ask("a.test");
    expect(server.asked).toHaveLength(2);
  });

  test("keeps nothing for longer than half a minute", async () => {
    const time = { now: 0 };
    const server = await upstream(({ name }) => address(name, 86_400));
    const { ask } = forwarder([server], clockAt(time));
    await ask("a.test");
    time.now = 29_000;
    await ask("a.test");
    expect(server.asked).toHaveLength(1);
    time.now = 30_000;
    await ask("a.test");
    expect(server.asked).toHaveLength(2);
  });

  test("remembers an absence for as long as its authority says, and forgets troubles at once", async () => {
    const time = { now: 0 };
    const soa = { mname: "ns.test", rname: "x.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 4 };
    const server = await upstream(({ name }) =>
      name === "gone.test"
        ? { flags: 3, authorities: [{ type: "SOA", name: "test", ttl: 100, data: soa }] }
        : { flags: 2 },
    );
    const { ask } = forwarder([server], clockAt(time));
    for (const now of [0, 3000, 4000]) {
      time.now = now;
      expect(await ask("gone.test")).toMatchObject({ rcode: "NXDOMAIN" });
    }
    expect(server.asked).toHaveLength(2);
    await ask("bad.test");
    await ask("bad.test");
    expect(server.asked).toHaveLength(4);
  });

  test("asks once for many who ask the same at the same time", async () => {
    const server = await upstream(({ name }) => address(name, 20));
    const { ask } = forwarder([server], clockAt({ now: 0 }));
    const replies = await Promise.all([1, 2, 3].map((id) => ask("a.test", id)));
    expect(replies.map((reply) => reply?.id)).toEqual([1, 2, 3]);
    expect(server.asked).toHaveLength(1);
  });

  test("gets an answer that was cut short whole, over TCP", async () => {
    const server = await upstream(({ name, tcp }) => (tcp ? address(name, 20) : { flags: TRUNCATED_RESPONSE }));
    const reply = await forwarder([server], clockAt({ now: 0 })).ask("big.test");
    expect(reply?.answers).toHaveLength(1);
    expect(server.asked).toEqual(["udp big.test", "tcp big.test"]);
  });

  test("asks other servers when it is told to, and forgets what the former said", async () => {
    const first = await upstream(({ name }) => address(name, 60));
    const second = await upstream(({ name }) => ({ answers: [{ type: "A", name, data: "192.0.2.2", ttl: 60 }] }));
    const { ask, use } = forwarder([first], systemClock);
    expect((await ask("a.test"))?.answers).toMatchObject([{ data: "192.0.2.1" }]);
    use({ upstreams: [], stubDomains: { test: [second] } });
    expect((await ask("a.test"))?.answers).toMatchObject([{ data: "192.0.2.2" }]);
  });

  test("sends single domains to servers of their own", async () => {
    const general = await upstream(({ name }) => address(name, 20));
    const own = await upstream(({ name }) => address(name, 20));
    const { ask } = forwarder([general], clockAt({ now: 0 }), { "corp.test": [own] });
    await ask("db.corp.test");
    await ask("notcorp.test");
    expect(own.asked).toEqual(["udp db.corp.test"]);
    expect(general.asked).toEqual(["udp notcorp.test"]);
  });
});
