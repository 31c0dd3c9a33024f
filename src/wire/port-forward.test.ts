import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Fault, faultCode } from "../lib/fault.ts";
import {
  connectPortForward,
  connectPortForwardChannels,
  connectPortForwardTunnel,
  type PortForwardClient,
  type RemoteConnection,
} from "./port-forward-client.ts";
import {
  type AcceptPortForwardOptions,
  acceptPortForward,
  type PortForwardHandler,
  type PortForwardSession,
} from "./port-forward-server.ts";
import { drainInto, finish, readText } from "./pump.ts";
import { SpdySession } from "./spdy-session.ts";
import { openSpdyConnection, upgradeRefusal } from "./upgrade-client.ts";
import { serveUpgrades, type UpgradeServer } from "./upgrade-fixture.ts";
import { openWebSocket } from "./websocket-upgrade.ts";

interface ForwardServer extends UpgradeServer {
  /** The first session, or the code of the fault that kept it from being. */
  readonly session: Promise<PortForwardSession | string>;
}

async function serveForward(handler: PortForwardHandler, options?: AcceptPortForwardOptions): Promise<ForwardServer> {
  const { promise: session, resolve } = Promise.withResolvers<PortForwardSession | string>();
  const server = await serveUpgrades(async (req, socket, head) => {
    try {
      resolve(await acceptPortForward(req, socket, head, handler, options));
    } catch (error) {
      resolve(faultCode(error) ?? String(error));
    }
  });
  return Object.assign(server, { session });
}

async function closeCode(server: ForwardServer): Promise<string | undefined> {
  const session = await server.session;
  return typeof session === "string" ? session : (await session.closed)?.code;
}

const echo: PortForwardHandler = async ({ data }) => {
  await drainInto(data, data);
  await finish(data);
};

/** Says its port and what it was told once that has ended. */
const answer: PortForwardHandler = async ({ port, data }) => {
  const said = await readText(data, 1 << 20);
  data.write(`${port}: ${said}`);
};

async function ask({ data }: RemoteConnection, question: string): Promise<string> {
  data.end(question);
  return await readText(data, 1 << 20);
}

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}

async function sendAndReceive(data: Duplex, sent: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let received = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  data.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    received += chunk.length;
    if (received >= sent.length) resolve();
  });
  data.write(sent);
  await promise;
  return Buffer.concat(chunks);
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

const clients = [
  { client: "SPDY", connect: connectPortForward },
  { client: "SPDY in a WebSocket", connect: connectPortForwardTunnel },
];

describe.each(clients)("port-forward over $client", ({ connect }) => {
  test("a connection carries bytes both ways, half-closes and ends without complaint", async () => {
    await using server = await serveForward(answer);
    const client = await connect({ url: server.url });
    const connection = await client.open(8080);
    expect(await ask(connection, "hello")).toBe("8080: hello");
    expect(await connection.failure).toBe(undefined);
    await client.close();
    expect(await closeCode(server)).toBe(undefined);
  });

  test("what the handler throws is told to the client, and other connections go on", async () => {
    await using server = await serveForward(async (connection) => {
      if (connection.port === 1) throw new Fault("unavailable", "nobody listens on port 1");
      await answer(connection);
    });
    const client = await connect({ url: server.url });
    const refused = await client.open(1);
    expect(await refused.failure).toBe("nobody listens on port 1");
    expect(await readText(refused.data, 10)).toBe("");
    expect(await ask(await client.open(2), "still there")).toBe("2: still there");
    await client.close();
  });

  test("a hundred connections at once keep their bytes apart", async () => {
    await using server = await serveForward(answer);
    const client = await connect({ url: server.url });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => ask(await client.open(1000 + index), `question ${index}`)),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, index) => `${1000 + index}: question ${index}`));
    await client.close();
  });

  test("ten megabytes pass unharmed both ways", async () => {
    await using server = await serveForward(echo);
    const client = await connect({ url: server.url });
    const { data } = await client.open(80);
    const sent = pattern(10 * 1024 * 1024);
    expect(hash(await sendAndReceive(data, sent))).toBe(hash(sent));
    await client.close();
  });

  test("a cancelled connection is over for the handler", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await using server = await serveForward(async ({ data }) => {
      const closed = once(data, "close");
      resolve(await readText(data, 100));
      await closed;
    });
    const client = await connect({ url: server.url });
    const { data } = await client.open(80);
    data.write("unfinished");
    await new Promise((sent) => data.write("", sent));
    await new Promise((turn) => setTimeout(turn, 20));
    data.destroy();
    expect(await promise).toBe("unfinished");
    await client.close();
  });

  test("a client that is cut off aborts the handlers", async () => {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    await using server = await serveForward(async ({ data, signal }) => {
      resolve(await readText(data, 100).then(String, faultCode));
      expect(signal.aborted).toBe(true);
    });
    const client = await connect({ url: server.url });
    const { data } = await client.open(80);
    data.write("I was about to");
    await new Promise((sent) => data.write("", sent));
    client.destroy();
    expect(await promise).toBe("unavailable");
    expect(await closeCode(server)).toBe("unavailable");
  });

  test("a server that is cut off fails what is open", async () => {
    await using server = await serveForward(async ({ data }) => void (await once(data, "close")));
    const client = await connect({ url: server.url });
    const { data, failure } = await client.open(80);
    for (const socket of server.sockets) socket.destroy();
    expect((await client.closed)?.code).toBe("unavailable");
    expect(await readText(data, 10).then(String, faultCode)).toBe("unavailable");
    expect(await failure.then(String, faultCode)).toBe("unavailable");
    expect(await client.open(81).then(String, faultCode)).toBe("closed");
  });

  test("giving up ends the session", async () => {
    await using server = await serveForward(echo);
    const giveUp = new AbortController();
    const client: PortForwardClient = await connect({ url: server.url, signal: giveUp.signal });
    giveUp.abort();
    expect((await client.closed)?.code).toBe("aborted");
  });

  test("sessions can be chained", async () => {
    await using inner = await serveForward(answer);
    await using outer = await serveForward(async ({ port, data }) => {
      const next = await connectPortForward({ url: inner.url });
      try {
        const { data: further, failure } = await next.open(port);
        await Promise.all([
          drainInto(data, further).then(() => finish(further)),
          drainInto(further, data).then(() => finish(data)),
        ]);
        const said = await failure;
        if (said) throw new Fault("unavailable", said);
      } finally {
        await next.close();
      }
    });
    const client = await connect({ url: outer.url });
    expect(await ask(await client.open(5), "over two hops")).toBe("5: over two hops");
    await client.close();
  });
});

describe("port-forward over WebSocket channels", () => {
  test("each port has its channels, which begin with the port", async () => {
    await using server = await serveForward(async ({ port, data }) => {
      if (port === 3) throw new Fault("unavailable", "no");
      const [said] = (await once(data, "data")) as [Buffer];
      data.write(`${port}: ${said}`);
      if (port === 2) throw new Fault("unavailable", "enough");
    });
    const client = await connectPortForwardChannels({ url: server.url }, [1, 2, 3]);
    const [first, second, third] = client.connections;
    first!.data.write("one");
    second!.data.write("two");
    const said = await Promise.all([first!, second!, third!].map(({ data }) => readText(data, 100)));
    expect(said).toEqual(["1: one", "2: two", ""]);
    expect(await Promise.all(client.connections.map(({ failure }) => failure))).toEqual([undefined, "enough", "no"]);
    expect(await client.closed).toBe(undefined);
  });

  test("the base64 form says the same in text", async () => {
    await using server = await serveForward(async ({ data }) => {
      data.write("hello");
    });
    const ws = new WebSocket(`${server.url}/?port=258`, ["v4.base64.channel.k8s.io"]);
    const said: string[] = [];
    ws.on("message", (message: Buffer) => said.push(message.toString()));
    await new Promise((resolve) => ws.on("close", resolve));
    expect(said).toEqual(["0AgE=", "1AgE=", "0aGVsbG8="]);
  });

  test("ten megabytes pass unharmed both ways", async () => {
    await using server = await serveForward(echo);
    const client = await connectPortForwardChannels({ url: server.url }, [80]);
    const sent = pattern(10 * 1024 * 1024);
    expect(hash(await sendAndReceive(client.connections[0]!.data, sent))).toBe(hash(sent));
    await client.close();
  });

  test.each([
    { name: "no port", path: "/", body: 'query parameter "port" is required' },
    { name: "an empty port", path: "/?port=80,", body: 'query parameter "port" cannot be empty' },
    { name: "a port that is a word", path: "/?port=http", body: 'unable to parse "http" as a port' },
    { name: "port 0", path: "/?port=0", body: 'unable to parse "0" as a port' },
    { name: "a port beyond 65535", path: "/?port=65536", body: 'unable to parse "65536" as a port' },
  ])("$name is refused", async ({ path, body }) => {
    await using server = await serveForward(echo);
    const error = await connectPortForwardChannels({ url: `${server.url}${path}` }, []).then(
      String,
      (fault: unknown) => fault,
    );
    expect(upgradeRefusal(error)).toEqual({ status: 400, body: `${body}\n` });
    expect(await closeCode(server)).toBe("invalid");
  });
});

describe("port-forward and a client that is old or wrong", () => {
  async function openSession(server: UpgradeServer): Promise<SpdySession> {
    const { socket, head } = await openSpdyConnection({ url: server.url }, ["portforward.k8s.io"]);
    return new SpdySession(socket, { role: "client", head });
  }

  test("streams without a request number pair up by their stream numbers", async () => {
    await using server = await serveForward(answer);
    const session = await openSession(server);
    await session.open({ streamtype: "error", port: "7" });
    const first = await session.open({ streamtype: "data", port: "7" });
    await session.open({ streamtype: "error", port: "8" });
    const second = await session.open({ streamtype: "data", port: "8" });
    first.end("a");
    second.end("b");
    expect([await readText(second, 10), await readText(first, 10)]).toEqual(["8: b", "7: a"]);
    await session.close();
  });

  test.each<{ name: string; headers: Record<string, string> }>([
    { name: "no port", headers: { streamtype: "data", requestid: "0" } },
    { name: "a bad port", headers: { streamtype: "data", requestid: "0", port: "70000" } },
    { name: "no type", headers: { port: "80", requestid: "0" } },
    { name: "a strange type", headers: { streamtype: "stdin", port: "80", requestid: "0" } },
  ])("a stream with $name is refused and the session lives", async ({ headers }) => {
    await using server = await serveForward(answer);
    const session = await openSession(server);
    expect(await session.open(headers).then(String, faultCode)).toBe("unavailable");
    await session.ping();
    await session.close();
  });

  test("a second stream of the same kind for one request is reset", async () => {
    await using server = await serveForward(answer);
    const session = await openSession(server);
    await session.open({ streamtype: "data", port: "80", requestid: "0" });
    const twin = await session.open({ streamtype: "data", port: "80", requestid: "0" });
    await readText(twin, 10);
    expect(twin.wasReset).toBe(true);
    await session.close();
  });

  test("an error stream whose data stream does not come is told so", async () => {
    await using server = await serveForward(answer, { streamCreationTimeoutMs: 10 });
    const session = await openSession(server);
    const error = await session.open({ streamtype: "error", port: "80", requestid: "0" });
    expect(await readText(error, 100)).toBe("timed out waiting for streams");
    await session.close();
  });

  test("streams beyond the limit are refused", async () => {
    await using server = await serveForward(async ({ data }) => void (await once(data, "close")), { maxStreams: 4 });
    const client = await connectPortForward({ url: server.url });
    await client.open(1);
    await client.open(2);
    expect(await client.open(3).then(String, faultCode)).toBe("unavailable");
    await client.close();
  });

  test("SPDY with an unknown stream protocol and WebSockets with unknown subprotocols are refused", async () => {
    await using server = await serveForward(echo);
    const spdy = await openSpdyConnection({ url: server.url }, ["v9"]).then(String, (fault: unknown) => fault);
    expect(upgradeRefusal(spdy)?.status).toBe(403);
    const req = request(`${server.url}/?port=1`, {
      headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Protocol": "v9" },
    });
    req.end();
    const [res] = (await once(req, "response")) as [{ statusCode: number }];
    expect(res.statusCode).toBe(403);
  });

  test("nonsense inside a tunnel ends the session with a fault", async () => {
    await using server = await serveForward(echo);
    const { ws } = await openWebSocket({ url: server.url }, ["SPDY/3.1+portforward.k8s.io"]);
    ws.resume();
    ws.send(Buffer.alloc(64, 0xff));
    await new Promise((resolve) => ws.on("close", resolve));
    expect(await closeCode(server)).toBe("invalid");
  });
});
