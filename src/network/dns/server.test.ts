import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";
import { type DecodedPacket, decode, encode, type Packet, type Question, RECURSION_DESIRED } from "dns-packet";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { seededRandom } from "../../lib/random.ts";
import { openListeningPairs } from "../machine/sockets.ts";
import { Forwarder, type Upstream } from "./forwarder.ts";
import { openDnsServer } from "./server.ts";
import { Zone } from "./zone.ts";

const random = seededRandom(11);
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});

async function server(
  upstreams: readonly Upstream[] = [],
  whenReady?: Promise<unknown>,
): Promise<{ readonly zone: Zone; readonly dns: { readonly port: number } }> {
  const zone = new Zone({ domain: "cluster.local", serverAddresses: ["10.96.0.10"] });
  zone.setService({
    metadata: { namespace: "a", name: "web" },
    spec: { clusterIP: "10.96.1.1", ports: [{ name: "http", port: 80 }] },
  });
  zone.setService({
    metadata: { namespace: "a", name: "away" },
    spec: { type: "ExternalName", externalName: "elsewhere.test" },
  });
  zone.setService({
    metadata: { namespace: "a", name: "big" },
    spec: { clusterIP: "None", ports: [{ name: "p", port: 1 }] },
  });
  zone.setSlice({
    metadata: { namespace: "a", name: "big-1", labels: { "kubernetes.io/service-name": "big" } },
    addressType: "IPv4",
    endpoints: Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.244.0.${i + 1}`] })),
    ports: [{ name: "p", port: 1 }],
  });
  const forwarder = new Forwarder({ upstreams, clock: systemClock, random, patience: 300 });
  const sockets = await openListeningPairs(["127.0.0.1"], 0);
  const dns = openDnsServer({
    ...{ sockets, reverseRanges: ["10.96.0.0/16"], zone, forwarder },
    ...{ clock: systemClock, random, log: silentLog, ...(whenReady ? { whenReady } : {}) },
  });
  open.push(dns);
  return { zone, dns: { port: sockets[0]!.port } };
}

function question(name: string, type: Question["type"], edns?: number): Buffer {
  const additionals = edns
    ? [
        {
          type: "OPT" as const,
          name: ".",
          udpPayloadSize: edns,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ]
    : [];
  return encode({
    type: "query",
    id: Math.floor(random.next() * 65536),
    flags: RECURSION_DESIRED,
    questions: [{ type, name }],
    additionals,
  });
}

function exchange(port: number, message: Buffer): Promise<DecodedPacket & { readonly size: number }> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (reply) => {
      socket.close();
      resolve({ ...decode(reply), size: reply.length });
    });
    socket.send(message, port, "127.0.0.1");
  });
}

function exchangeTcp(
  port: number,
  messages: readonly Buffer[],
): Promise<(DecodedPacket & { readonly size: number })[]> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const replies: (DecodedPacket & { readonly size: number })[] = [];
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const length = received.readUInt16BE(0);
        replies.push({ ...decode(received.subarray(2, 2 + length)), size: length });
        received = received.subarray(2 + length);
      }
      if (replies.length === messages.length) {
        socket.destroy();
        resolve(replies);
      }
    });
    for (const message of messages) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
    }
  });
}

const code = (packet: Packet) => ("rcode" in packet ? packet.rcode : undefined);

/** A name server outside, in a test's hand. */
async function outside(
  reply: (name: string) => Partial<Packet> | undefined,
): Promise<Upstream & { readonly asked: string[] }> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (message, from) => {
    const query = decode(message);
    const name = query.questions![0]!.name;
    asked.push(name);
    const said = reply(name);
    if (said) socket.send(encode({ ...query, type: "response", additionals: [], ...said }), from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, "127.0.0.1", resolve);
  });
  open.push({
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        socket.close(resolve);
      }),
  });
  return { address: "127.0.0.1", port: socket.address().port, asked };
}

describe("name server", () => {
  test("answers over UDP with the id and the spelling of the question", async () => {
    const { dns } = await server();
    const reply = await exchange(dns.port, question("Web.A.svc.Cluster.local", "A"));
    expect(reply.questions).toMatchObject([{ name: "Web.A.svc.Cluster.local" }]);
    expect(reply.answers).toMatchObject([{ type: "A", data: "10.96.1.1", ttl: 5, name: "Web.A.svc.Cluster.local" }]);
    expect(reply.flag_aa).toBe(true);
    expect(reply.flag_ra).toBe(true);
  });

  test("lets questions wait until it knows all names", async () => {
    const ready = Promise.withResolvers<void>();
    const { dns, zone } = await server([], ready.promise);
    const late = exchange(dns.port, question("late.a.svc.cluster.local", "A"));
    // Something that is not a question is answered at once: what was sent before it has arrived.
    await exchange(dns.port, Buffer.alloc(12));
    zone.setService({ metadata: { namespace: "a", name: "late" }, spec: { clusterIP: "10.96.1.9" } });
    ready.resolve();
    expect((await late).answers).toMatchObject([{ type: "A", data: "10.96.1.9" }]);
  });

  test("answers several questions on one TCP connection", async () => {
    const { dns } = await server();
    const replies = await exchangeTcp(dns.port, [
      question("web.a.svc.cluster.local", "A"),
      question("nope.a.svc.cluster.local", "A"),
    ]);
    expect(replies.map(code).sort()).toEqual(["NOERROR", "NXDOMAIN"]);
  });

  test("gives the address along with a port's record", async () => {
    const { dns } = await server();
    const reply = await exchange(dns.port, question("_http._tcp.web.a.svc.cluster.local", "SRV"));
    expect(reply.answers).toMatchObject([{ type: "SRV", data: { port: 80, target: "web.a.svc.cluster.local" } }]);
    expect(reply.additionals).toMatchObject([{ type: "A", data: "10.96.1.1" }]);
  });

  test("marks an answer that does not fit as truncated, and gives it whole over TCP", async () => {
    const { dns } = await server();
    const plain = await exchange(dns.port, question("big.a.svc.cluster.local", "A"));
    expect(plain.flag_tc).toBe(true);
    expect(plain.size).toBeLessThanOrEqual(512);
    const extended = await exchange(dns.port, question("big.a.svc.cluster.local", "A", 4096));
    expect(extended.flag_tc).toBe(true);
    expect(extended.size).toBeGreaterThan(1100);
    expect(extended.size).toBeLessThanOrEqual(1232);
    const [whole] = await exchangeTcp(dns.port, [question("big.a.svc.cluster.local", "A")]);
    expect(whole!.answers).toHaveLength(100);
  });

  test("tells strict resolvers, as that of Node.js is, where a port's host is", async () => {
    const { dns } = await server();
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${dns.port}`]);
    expect(await resolver.resolveSrv("_http._tcp.web.a.svc.cluster.local")).toMatchObject([
      { name: "web.a.svc.cluster.local", port: 80, priority: 0, weight: 100 },
    ]);
  });

  test("compresses names but those that ports' records lead to, which may not be", async () => {
    const { dns } = await server();
    const [addresses, ports] = await exchangeTcp(dns.port, [
      question("big.a.svc.cluster.local", "A"),
      question("_p._tcp.big.a.svc.cluster.local", "SRV"),
    ]);
    expect(addresses!.size).toBe(12 + 29 + 100 * 16);
    expect(ports!.answers).toHaveLength(100);
    expect(ports!.additionals).toHaveLength(100);
    const target = "10-244-0-100.big.a.svc.cluster.local".length + 2;
    expect(ports!.size).toBeLessThan(12 + 37 + 100 * (18 + target + 16));
    expect(ports!.size).toBeGreaterThan(12 + 37 + 100 * (18 + target - 2 + 16));
  });

  test("says SERVFAIL when there is nobody outside to ask", async () => {
    const { dns } = await server();
    expect(code(await exchange(dns.port, question("example.test", "A")))).toBe("SERVFAIL");
  });

  test("asks the next server outside when the first is silent or in trouble, and keeps what it hears", async () => {
    const silent = await outside(() => undefined);
    const troubled = await outside(() => ({ flags: 2 }));
    const knowing = await outside((name) => ({ answers: [{ type: "A", name, data: "192.0.2.7", ttl: 60 }] }));
    const { dns } = await server([silent, troubled, knowing]);
    for (let i = 0; i < 3; i++) {
      const reply = await exchange(dns.port, question("example.test", "A"));
      expect(reply.answers).toMatchObject([{ data: "192.0.2.7" }]);
    }
    expect(knowing.asked.filter((name) => name === "example.test")).toHaveLength(1);
  });

  test("passes on that a name outside does not exist", async () => {
    const upstream = await outside(() => ({ flags: 3 }));
    const { dns } = await server([upstream]);
    expect(code(await exchange(dns.port, question("nope.test", "A")))).toBe("NXDOMAIN");
  });

  test("follows an external name to its addresses", async () => {
    const upstream = await outside((name) => ({ answers: [{ type: "A", name, data: "192.0.2.9", ttl: 60 }] }));
    const { dns } = await server([upstream]);
    const reply = await exchange(dns.port, question("away.a.svc.cluster.local", "A"));
    expect(reply.answers).toMatchObject([
      { type: "CNAME", name: "away.a.svc.cluster.local", data: "elsewhere.test" },
      { type: "A", name: "elsewhere.test", data: "192.0.2.9" },
    ]);
  });

  test("gives the alias alone when its target cannot be found out", async () => {
    const { dns } = await server();
    const reply = await exchange(dns.port, question("away.a.svc.cluster.local", "A"));
    expect(reply.answers).toMatchObject([{ type: "CNAME", data: "elsewhere.test" }]);
  });

  test("stops asking a server that asks us back", async () => {
    const relay = createSocket("udp4");
    await new Promise<void>((resolve) => {
      relay.bind(0, "127.0.0.1", resolve);
    });
    let relayed = 0;
    const { dns } = await server([{ address: "127.0.0.1", port: relay.address().port }]);
    const cameBack = new Promise<void>((resolve) => {
      relay.on("message", (message, from) => {
        relayed++;
        const back = createSocket("udp4");
        back.on("message", (reply) => {
          relay.send(reply, from.port, from.address, () => resolve());
          back.close();
        });
        back.send(message, dns.port, "127.0.0.1");
      });
    });
    await cameBack;
    await systemClock.sleep(50);
    const before = relayed;
    expect(code(await exchange(dns.port, question("example.test", "A")))).toBe("SERVFAIL");
    expect(relayed).toBe(before);
    relay.close();
  });

  test.each([
    { sentence: "a cut question", bytes: question("web.a.svc.cluster.local", "A").subarray(0, 20) },
    {
      sentence: "two questions",
      bytes: Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0]), Buffer.alloc(10)]),
    },
    {
      sentence: "a label that points nowhere",
      bytes: Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0xff]), Buffer.alloc(6)]),
    },
  ])("says FORMERR to $sentence, and lives", async ({ bytes }) => {
    const { dns } = await server();
    expect(code(await exchange(dns.port, Buffer.from(bytes)))).toBe("FORMERR");
    expect(code(await exchange(dns.port, question("web.a.svc.cluster.local", "A")))).toBe("NOERROR");
  });
});
