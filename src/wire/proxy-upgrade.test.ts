import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { faultCode } from "../lib/fault.ts";
import { connectExec, connectExecWebSocket } from "./exec-client.ts";
import { acceptExec, streamSelection } from "./exec-server.ts";
import { connectPortForward, connectPortForwardTunnel } from "./port-forward-client.ts";
import { acceptPortForward } from "./port-forward-server.ts";
import { type ProxyOutcome, type ProxyTarget, proxyUpgrade } from "./proxy-upgrade.ts";
import { drainInto, readText } from "./pump.ts";
import { upgradeRefusal } from "./upgrade-client.ts";
import { serveUpgrades, type UpgradeServer } from "./upgrade-fixture.ts";

interface Proxy extends UpgradeServer {
  readonly outcome: Promise<ProxyOutcome>;
}

async function serveProxy(port: number, changes: Partial<ProxyTarget> = {}): Promise<Proxy> {
  const { promise: outcome, resolve } = Promise.withResolvers<ProxyOutcome>();
  const server = await serveUpgrades(async (req, socket, head) => {
    const target = {
      path: req.url ?? "/",
      connect: async () => connect({ port, host: "127.0.0.1", allowHalfOpen: true }),
      ...changes,
    };
    resolve(await proxyUpgrade(req, socket, head, target));
  });
  return Object.assign(server, { outcome });
}

/** A TCP server that gives its connections to the test. */
async function serveTcp(onSocket: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function serveHttp(
  handle: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const upgradeRequest = "GET /deep?x=1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n";

describe("passing an upgrade on", () => {
  test.each([
    { client: "SPDY", run: connectExec },
    { client: "WebSocket", run: connectExecWebSocket },
  ])("exec works over $client through it", async ({ run }) => {
    await using node = await serveUpgrades(async (req, socket, head) => {
      const wanted = streamSelection(new URL(req.url ?? "", "http://host").searchParams);
      const session = await acceptExec(req, socket, head, wanted);
      await drainInto(session.stdin!, session.stdout!);
      await session.exit({ kind: "exited", code: 9 });
    });
    await using proxy = await serveProxy(node.port);
    const stdout = new PassThrough();
    const said = readText(stdout, 100);
    const streams = { stdin: Readable.from([Buffer.from("to the node and back")]), stdout };
    const status = await run({ url: `${proxy.url}/exec?stdin=1&stdout=1` }, streams);
    stdout.end();
    expect([status, await said]).toEqual([{ kind: "exited", code: 9 }, "to the node and back"]);
    expect(await proxy.outcome).toEqual({ kind: "upgraded", error: undefined });
  });

  test.each([
    { client: "SPDY", open: connectPortForward },
    { client: "a tunnel", open: connectPortForwardTunnel },
  ])("port-forward works over $client through it", async ({ open }) => {
    await using node = await serveUpgrades((req, socket, head) =>
      acceptPortForward(req, socket, head, ({ data }) => drainInto(data, data)),
    );
    await using proxy = await serveProxy(node.port);
    const client = await open({ url: proxy.url });
    const { data } = await client.open(80);
    data.end("there and back");
    expect(await readText(data, 100)).toBe("there and back");
    await client.close();
    expect(await proxy.outcome).toEqual({ kind: "upgraded", error: undefined });
  });

  test("the target sees the client's headers, without its credentials and with the changes", async () => {
    const { promise: seen, resolve } = Promise.withResolvers<IncomingMessage>();
    await using node = await serveUpgrades(async (req, socket) => {
      resolve(req);
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    await using proxy = await serveProxy(node.port, {
      path: "/exec/ns/pod?command=ls",
      headers: { Host: "node:10250", "X-Remote-User": "jane", "X-Drop": null },
    });
    const socket = connect(proxy.port, "127.0.0.1");
    socket.write(`${upgradeRequest}Authorization: Bearer secret\r\nX-Drop: me\r\nX-Keep: a\r\nX-Keep: b\r\n\r\n`);
    socket.resume();
    const req = await seen;
    expect(req.url).toBe("/exec/ns/pod?command=ls");
    expect(req.headers).toEqual({
      host: "node:10250",
      connection: "Upgrade",
      upgrade: "echo",
      "x-keep": "a, b",
      "x-remote-user": "jane",
    });
    socket.destroy();
  });

  test("an answer that is no upgrade goes back with status, headers and body", async () => {
    await using node = await serveHttp((_req, res) => {
      res.writeHead(403, { "content-type": "application/json", "x-extra": "yes" });
      res.write('{"kind":');
      res.end('"Status"}');
    });
    await using proxy = await serveProxy(node.port);
    const error = await connectExec({ url: `${proxy.url}/?stdout=1` }, { stdout: new PassThrough() }).then(
      String,
      (fault: unknown) => fault,
    );
    expect(upgradeRefusal(error)).toEqual({ status: 403, body: '{"kind":"Status"}' });
    expect(await proxy.outcome).toEqual({ kind: "answered", status: 403 });
  });

  test("a target that cannot be reached is answered with 502", async () => {
    await using proxy = await serveProxy(1, {
      connect: async () => {
        throw new Error("no route to the node");
      },
    });
    const error = await connectExec({ url: proxy.url }, { stdout: new PassThrough() }).then(
      String,
      (fault: unknown) => fault,
    );
    expect(upgradeRefusal(error)).toEqual({ status: 502, body: "error dialing backend: no route to the node\n" });
    expect((await proxy.outcome).kind).toBe("unreachable");
  });

  test("a target that hangs up instead of answering is answered with 502", async () => {
    await using node = await serveTcp((socket) => socket.end());
    await using proxy = await serveProxy(node.port);
    const error = await connectExec({ url: proxy.url }, { stdout: new PassThrough() }).then(
      String,
      (fault: unknown) => fault,
    );
    expect(upgradeRefusal(error)?.status).toBe(502);
  });

  test("a target that talks nonsense is answered with 502", async () => {
    await using node = await serveTcp((socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
    await using proxy = await serveProxy(node.port);
    const error = await connectExec({ url: proxy.url }, { stdout: new PassThrough() }).then(String, faultCode);
    expect(error).toBe("unavailable");
    expect((await proxy.outcome).kind).toBe("unreachable");
  });

  test("a half-close travels, and the answer still comes back", async () => {
    await using node = await serveTcp((socket) => {
      socket.once("data", () => {
        socket.write(switching);
        void readText(socket, 1000).then((said) => socket.end(`heard ${said}`));
      });
    });
    await using proxy = await serveProxy(node.port);
    const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.write(`${upgradeRequest}\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toBe(switching);
    socket.end("everything");
    expect(await readText(socket, 1000)).toBe("heard everything");
    expect(await proxy.outcome).toEqual({ kind: "upgraded", error: undefined });
  });

  test("bytes that come right behind the heads are not lost, either way", async () => {
    await using node = await serveTcp((socket) => {
      const chunks: string[] = [];
      socket.on("data", (chunk: Buffer) => {
        if (chunks.length === 0) socket.write(`${switching}early answer;`);
        chunks.push(chunk.toString());
        if (chunks.join("").includes("early question")) socket.end("got it");
      });
    });
    await using proxy = await serveProxy(node.port);
    const socket = connect({ port: proxy.port, host: "127.0.0.1" });
    socket.write(`${upgradeRequest}\r\nearly question`);
    expect(await readText(socket, 1000)).toBe(`${switching}early answer;got it`);
  });

  test.each([
    { name: "the client", cut: (client: Socket, _node: Socket) => client.resetAndDestroy() },
    { name: "the target", cut: (_client: Socket, node: Socket) => node.resetAndDestroy() },
  ])("when $name breaks the connection, the other side is closed", async ({ cut }) => {
    const { promise: connected, resolve } = Promise.withResolvers<Socket>();
    await using node = await serveTcp((socket) => {
      socket.once("data", () => {
        socket.write(switching);
        socket.resume();
        resolve(socket);
      });
    });
    await using proxy = await serveProxy(node.port);
    const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("error", () => {});
    client.write(`${upgradeRequest}\r\n`);
    await once(client, "data");
    client.resume();
    const far = await connected;
    const other = Promise.race([once(client, "close"), once(far, "close")]);
    cut(client, far);
    await other;
    const outcome = await proxy.outcome;
    expect(outcome.kind === "upgraded" && outcome.error).toBeInstanceOf(Error);
  });

  test("a client that hangs up while the target is thinking frees the target", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<Socket>();
    await using node = await serveTcp((socket) => {
      socket.once("data", () => resolve(socket));
    });
    await using proxy = await serveProxy(node.port);
    const client = connect({ port: proxy.port, host: "127.0.0.1" });
    client.write(`${upgradeRequest}\r\n`);
    const far = await asked;
    far.resume();
    client.resetAndDestroy();
    expect((await proxy.outcome).kind).toBe("unreachable");
  });
});
