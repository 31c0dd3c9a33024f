import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { faultCode } from "../lib/fault.ts";
import { connectExec, connectExecWebSocket } from "./exec-client.ts";
import { type AcceptExecOptions, acceptExec, streamSelection } from "./exec-server.ts";
import { drainInto, readText } from "./pump.ts";
import type { ExitStatus, RemoteCommandSession, RemoteCommandStreams, TerminalSize } from "./remote-command.ts";
import { SpdySession } from "./spdy-session.ts";
import type { SpdyStream } from "./spdy-stream.ts";
import { openSpdyConnection, type UpgradeTarget, upgradeRefusal } from "./upgrade-client.ts";
import { serveUpgrades, type UpgradeServer } from "./upgrade-fixture.ts";
import { acceptSpdyUpgrade } from "./upgrade-request.ts";

type Command = (session: RemoteCommandSession) => Promise<void>;
type Connect = (target: UpgradeTarget, streams: RemoteCommandStreams) => Promise<ExitStatus>;

interface ExecServer extends UpgradeServer {
  /** What became of each accepted session: its exit, or a fault's code. */
  readonly ended: Promise<string>;
}

/** Serves one kind of command; which streams there are is told by the query, as in the API. */
async function serveExec(command: Command, options: Partial<AcceptExecOptions> = {}): Promise<ExecServer> {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const server = await serveUpgrades(async (req, socket, head) => {
    try {
      const wanted = streamSelection(new URL(req.url ?? "", "http://host").searchParams);
      await command(await acceptExec(req, socket, head, { ...wanted, ...options }));
      resolve("done");
    } catch (error) {
      resolve(faultCode(error) ?? String(error));
    }
  });
  return Object.assign(server, { ended });
}

function sink(): { readonly stream: Writable; readonly text: () => string; readonly bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks), text: () => Buffer.concat(chunks).toString() };
}

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const exited = (code: number): ExitStatus => ({ kind: "exited", code });

const clients: readonly {
  readonly client: string;
  readonly connect: Connect;
  readonly protocol: string;
  readonly halfCloses: boolean;
}[] = [
  { client: "SPDY", connect: connectExec, protocol: "v4.channel.k8s.io", halfCloses: true },
  { client: "WebSocket v5", connect: connectExecWebSocket, protocol: "v5.channel.k8s.io", halfCloses: true },
  ...["v4.channel.k8s.io", "v4.base64.channel.k8s.io"].map((protocol) => ({
    client: `WebSocket ${protocol}`,
    connect: (target: UpgradeTarget, streams: RemoteCommandStreams) =>
      connectExecWebSocket(target, streams, { protocols: [protocol] }),
    protocol,
    halfCloses: false,
  })),
];

describe.each(clients)("exec over $client", ({ connect, protocol, halfCloses }) => {
  test("output and errors arrive apart, with the exit code", async () => {
    await using server = await serveExec(async (session) => {
      expect(session.protocol).toBe(protocol);
      session.stdout?.write("out");
      session.stderr?.write("err");
      await session.exit(exited(3));
    });
    const [stdout, stderr] = [sink(), sink()];
    const status = await connect(
      { url: `${server.url}/?stdout=1&stderr=1` },
      { stdout: stdout.stream, stderr: stderr.stream },
    );
    expect([status, stdout.text(), stderr.text()]).toEqual([exited(3), "out", "err"]);
    expect(stdout.stream.writableEnded).toBe(false);
  });

  test("success, a failure in words and a failure with a reason arrive as they were given", async () => {
    const statuses: readonly ExitStatus[] = [
      exited(0),
      { kind: "failed", message: "container not found" },
      { kind: "failed", message: "no such pod", reason: "NotFound", code: 404 },
    ];
    const seen: ExitStatus[] = [];
    for (const status of statuses) {
      await using server = await serveExec((session) => session.exit(status));
      seen.push(await connect({ url: `${server.url}/?stdout=1` }, { stdout: sink().stream }));
    }
    expect(seen).toEqual([
      exited(0),
      {
        kind: "failed",
        message: "Internal error occurred: container not found",
        reason: "InternalError",
        code: 500,
      },
      { kind: "failed", message: "no such pod", reason: "NotFound", code: 404 },
    ]);
  });

  test.runIf(halfCloses)("the end of stdin reaches the command, whose answer still comes back", async () => {
    await using server = await serveExec(async (session) => {
      const said = await readText(session.stdin!, 100);
      session.stdout?.write(`you said: ${said}`);
      await session.exit(exited(0));
    });
    const stdout = sink();
    await connect(
      { url: `${server.url}/?stdin=1&stdout=1` },
      { stdin: Readable.from([Buffer.from("hello "), Buffer.from("there")]), stdout: stdout.stream },
    );
    expect(stdout.text()).toBe("you said: hello there");
  });

  test("ten megabytes pass unharmed both ways", async () => {
    const sent = pattern(10 * 1024 * 1024);
    await using server = await serveExec(async (session) => {
      let left = sent.length;
      for await (const chunk of session.stdin!.iterator({ destroyOnReturn: false })) {
        left -= (chunk as Buffer).length;
        if (!session.stdout!.write(chunk)) await new Promise((resolve) => session.stdout!.once("drain", resolve));
        if (left === 0) break;
      }
      await session.exit(exited(0));
    });
    const stdout = sink();
    const chunks = Array.from({ length: 160 }, (_, index) => sent.subarray(index * 65536, (index + 1) * 65536));
    await connect({ url: `${server.url}/?stdin=1&stdout=1` }, { stdin: Readable.from(chunks), stdout: stdout.stream });
    expect(hash(stdout.bytes())).toBe(hash(sent));
  });

  test("a client that does not read holds the command back, and gets everything once it reads", async () => {
    const chunk = Buffer.alloc(64 * 1024, 7);
    const total = 64 * 1024 * 1024;
    let written = 0;
    await using server = await serveExec(async (session) => {
      while (written < total && !session.signal.aborted) {
        written += chunk.length;
        if (!session.stdout!.write(chunk)) await new Promise((resolve) => session.stdout!.once("drain", resolve));
      }
      await session.exit(exited(0));
    });
    let received = 0;
    let release = () => {};
    const stdout = new Writable({
      write: (data: Buffer, _encoding, done) => {
        received += data.length;
        if (received > data.length) done();
        else release = done;
      },
    });
    const finished = connect({ url: `${server.url}/?stdout=1` }, { stdout });
    let before = -1;
    while (before !== written || written === 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // What the kernel's buffers hold on both sides of a loopback connection, and ours, is far below this.
    expect(written).toBeLessThan(total / 2);
    release();
    await finished;
    expect(received).toBe(total);
  });

  test("terminal sizes arrive, and a terminal has no stderr", async () => {
    await using server = await serveExec(async (session) => {
      const sizes: TerminalSize[] = [];
      for await (const size of session.resize) {
        sizes.push(size);
        session.stdout?.write(`${size.width}x${size.height};`);
        if (sizes.length === 2) break;
      }
      session.stdout?.write(session.stderr ? "stderr" : "no stderr");
      await session.exit(exited(0));
    });
    async function* resize(): AsyncGenerator<TerminalSize> {
      yield { width: 80, height: 24 };
      await new Promise((resolve) => stdout.once("data", resolve));
      yield { width: 132, height: 50 };
    }
    const stdout = new PassThrough();
    const said = readText(stdout, 1000);
    const url = `${server.url}/?stdin=1&stdout=1&stderr=1&tty=1`;
    await connect({ url }, { stdin: new PassThrough(), stdout, tty: true, resize: resize() });
    stdout.end();
    expect(await said).toBe("80x24;132x50;no stderr");
  });

  test("a client that is cut off aborts the session", async () => {
    const { promise: started, resolve } = Promise.withResolvers<void>();
    await using server = await serveExec(async (session) => {
      resolve();
      await new Promise((done) => session.signal.addEventListener("abort", done));
      expect(session.signal.reason).toBeInstanceOf(Error);
      await session.exit(exited(0));
    });
    const giveUp = new AbortController();
    const url = `${server.url}/?stdin=1&stdout=1`;
    const running = connect({ url, signal: giveUp.signal }, { stdin: new PassThrough(), stdout: sink().stream });
    running.catch(() => {});
    await started;
    giveUp.abort();
    expect(await running.then(String, faultCode)).toBe("aborted");
    expect(await server.ended).toBe("done");
  });

  test("a server that is cut off is a fault at the client", async () => {
    await using server = await serveExec(async (session) => {
      session.stdout?.write("so f");
      session.destroy();
    });
    const running = connect({ url: `${server.url}/?stdout=1` }, { stdout: sink().stream });
    expect(await running.then(String, faultCode)).toBe("unavailable");
  });

  test("a local output that breaks does not keep the command's status from arriving", async () => {
    await using server = await serveExec(async (session) => {
      session.stdout?.write("nobody reads this");
      await session.exit(exited(4));
    });
    const stdout = sink().stream;
    stdout.destroy();
    expect(await connect({ url: `${server.url}/?stdout=1` }, { stdout })).toEqual(exited(4));
  });

  test.runIf(halfCloses)("commands can be chained: one server's session is the next one's client", async () => {
    await using inner = await serveExec(async (session) => {
      await drainInto(session.stdin!, session.stdout!);
      await session.exit(exited(7));
    });
    await using outer = await serveExec(async ({ stdin, stdout, resize, signal, exit }) => {
      await exit(await connectExec({ url: `${inner.url}/?stdin=1&stdout=1`, signal }, { stdin, stdout, resize }));
    });
    const stdout = sink();
    const stdin = Readable.from([Buffer.from("through two hops")]);
    const status = await connect({ url: `${outer.url}/?stdin=1&stdout=1` }, { stdin, stdout: stdout.stream });
    expect([status, stdout.text()]).toEqual([exited(7), "through two hops"]);
  });
});

describe("exec over the older stream protocols of SPDY", () => {
  async function openStreams(server: UpgradeServer, path: string, protocol: string, types: readonly string[]) {
    const { socket, head, protocol: chosen } = await openSpdyConnection({ url: `${server.url}${path}` }, [protocol]);
    const session = new SpdySession(socket, { role: "client", head });
    const streams = await Promise.all(types.map((streamtype) => session.open({ streamtype })));
    return { session, chosen, streams };
  }

  test.each([
    { protocol: "v4.channel.k8s.io", types: ["error", "stdout", "resize"], size: "132x50", status: /"ExitCode"/ },
    { protocol: "v3.channel.k8s.io", types: ["error", "stdout", "resize"], size: "132x50", status: /exit status 3$/ },
    { protocol: "v2.channel.k8s.io", types: ["error", "stdout"], size: "none", status: /exit status 3$/ },
    { protocol: "channel.k8s.io", types: ["error", "stdout"], size: "none", status: /exit status 3$/ },
  ])("a server speaks $protocol as it was", async ({ protocol, types, size, status }) => {
    await using server = await serveExec(async (session) => {
      if (types.includes("resize")) {
        for await (const { width, height } of session.resize) {
          session.stdout?.write(`${width}x${height}`);
          break;
        }
      } else {
        session.stdout?.write("none");
      }
      await session.exit(exited(3));
    });
    const { session, chosen, streams } = await openStreams(server, "/?stdout=1&tty=1", protocol, types);
    expect(chosen).toBe(protocol);
    // Cut in the middle: the size is one object however it travels.
    streams[2]?.write('{"Width":132,');
    streams[2]?.write('"Height":50}');
    expect(await readText(streams[1]!, 100)).toBe(size);
    expect(await readText(streams[0]!, 1000)).toMatch(status);
    await session.close();
  });

  test.each([
    { protocol: "v4.channel.k8s.io", tty: true, opened: ["error", "resize", "stdout"] },
    { protocol: "v3.channel.k8s.io", tty: true, opened: ["error", "resize", "stdout"] },
    { protocol: "v2.channel.k8s.io", tty: true, opened: ["error", "stdout"] },
    { protocol: "v2.channel.k8s.io", tty: false, opened: ["error", "stderr", "stdout"] },
  ])("a client opens what $protocol has (terminal: $tty) and understands its failures", async ({
    protocol,
    tty,
    opened,
  }) => {
    const seen = new Map<string, SpdyStream>();
    await using server = await serveUpgrades(async (req, socket, head) => {
      acceptSpdyUpgrade(req, socket, [protocol]);
      const session = new SpdySession(socket, {
        role: "server",
        head,
        onStream: (stream) => {
          seen.set(stream.headers.get("streamtype") ?? "", stream);
          if (seen.size < opened.length) return;
          for (const [type, each] of seen)
            each.end(type === "error" && !protocol.startsWith("v4") ? "it broke" : undefined);
        },
      });
      if (protocol.startsWith("v4")) await session.closed;
    });
    const streams = { stdout: sink().stream, stderr: sink().stream, tty };
    const ended = await connectExec({ url: server.url }, streams).then((status) => status, faultCode);
    expect([...seen.keys()].sort()).toEqual(opened);
    expect(ended).toEqual(
      protocol.startsWith("v4")
        ? "unavailable"
        : { kind: "failed", message: "error executing remote command: it broke" },
    );
  });

  test("a server that chose what was not offered is a fault", async () => {
    await using server = await serveUpgrades(async (_req, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
      socket.resume();
    });
    const running = connectExec({ url: server.url }, { stdout: sink().stream });
    expect(await running.then(String, faultCode)).toBe("unsupported");
  });
});

describe("exec and a request or peer that is wrong", () => {
  async function refusedBy(server: UpgradeServer, path: string, headers: Record<string, string>): Promise<string> {
    return await new Promise((resolve, reject) => {
      const req = request(`${server.url}${path}`, { method: "POST", headers });
      req.on("response", (res) => {
        void readText(res, 1000).then((body) => resolve(`${res.statusCode} ${body.trim()}`));
      });
      req.on("upgrade", () => reject(new Error("was upgraded")));
      req.on("error", reject);
      req.end();
    });
  }
  const spdy = { Connection: "Upgrade", Upgrade: "SPDY/3.1" };
  const header = "X-Stream-Protocol-Version";
  const lists =
    "client supports [v9], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]";

  test.each([
    {
      name: "SPDY without a stream protocol",
      headers: spdy,
      answer: `400 unable to upgrade: ${header} is required`,
    },
    {
      name: "SPDY with only unknown stream protocols",
      headers: { ...spdy, [header]: "v9" },
      answer: `403 unable to upgrade: unable to negotiate protocol: ${lists}`,
    },
    {
      name: "something that is neither SPDY nor WebSocket",
      headers: { Connection: "Upgrade", Upgrade: "h2c", [header]: "v4.channel.k8s.io" },
      answer: "400 unable to upgrade: missing upgrade headers in request: h2c",
    },
    {
      name: "no streams at all",
      path: "/",
      headers: { ...spdy, [header]: "v4.channel.k8s.io" },
      answer: "400 you must specify at least 1 of stdin, stdout, stderr",
    },
  ])("$name is answered in HTTP", async ({ path = "/?stdout=1", headers, answer }) => {
    await using server = await serveExec(async () => {});
    expect(await refusedBy(server, path, headers)).toBe(answer);
    expect(await server.ended).toBe("invalid");
  });

  test("a client learns the status and the words of a refusal", async () => {
    await using server = await serveExec(async () => {});
    for (const connect of [connectExec, connectExecWebSocket]) {
      const error = await connect({ url: server.url }, { stdout: sink().stream }).then(
        String,
        (fault: unknown) => fault,
      );
      expect(faultCode(error)).toBe("unavailable");
      expect(upgradeRefusal(error)?.status).toBe(400);
      expect(upgradeRefusal(error)?.body).toContain("at least 1 of stdin");
    }
  });

  test("a WebSocket that offers only unknown subprotocols is refused", async () => {
    await using server = await serveExec(async () => {});
    const running = connectExecWebSocket(
      { url: `${server.url}/?stdout=1` },
      { stdout: sink().stream },
      { protocols: ["v9"] },
    );
    const error = await running.then(String, (fault: unknown) => fault);
    expect(upgradeRefusal(error)?.status).toBe(403);
  });

  test("a broken WebSocket handshake is answered and ends with a fault", async () => {
    await using server = await serveExec(async () => {});
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
    expect(await refusedBy(server, "/?stdout=1", headers)).toMatch(/^400 unable to upgrade: /);
    expect(await server.ended).toBe("invalid");
  });

  test("a server that is not there is a fault", async () => {
    const server = await serveUpgrades(async () => {});
    await server[Symbol.asyncDispose]();
    for (const connect of [connectExec, connectExecWebSocket]) {
      const running = connect({ url: server.url }, { stdout: sink().stream });
      expect(await running.then(String, faultCode)).toBe("unavailable");
    }
  });

  test("a SPDY client that does not open its streams is given up", async () => {
    await using server = await serveExec(async () => {}, { streamCreationTimeoutMs: 20 });
    const socket = connect(server.port, "127.0.0.1");
    socket.resume();
    socket.write(
      `POST /?stdout=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${header}: v4.channel.k8s.io\r\n\r\n`,
    );
    expect(await server.ended).toBe("timeout");
    socket.destroy();
  });

  test("a SPDY client that talks nonsense after the upgrade ends with a fault", async () => {
    await using server = await serveExec(async () => {});
    const socket = connect(server.port, "127.0.0.1");
    socket.resume();
    socket.write(
      `POST /?stdout=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${header}: v4.channel.k8s.io\r\n\r\n`,
    );
    socket.write(Buffer.alloc(100, 0xff));
    expect(await server.ended).toBe("invalid");
    socket.destroy();
  });

  test.each([
    { name: "an empty message", message: Buffer.alloc(0) },
    { name: "a channel that does not exist", message: Buffer.from("\x63hello", "latin1") },
    { name: "a close signal without a channel", message: Buffer.of(255) },
    { name: "a close signal for a channel that does not exist", message: Buffer.of(255, 99) },
    { name: "a size that is no JSON", message: Buffer.from("\x04{{{]]", "latin1") },
    { name: "a size beyond reason", message: Buffer.from('\x04{"Width":-1,"Height":1e99}', "latin1") },
  ])("$name on a WebSocket is passed over", async ({ message }) => {
    await using server = await serveExec(async (session) => {
      session.stdout?.write(await readText(session.stdin!, 100));
      await session.exit(exited(0));
    });
    const ws = new WebSocket(`${server.url}/?stdin=1&stdout=1`, ["v5.channel.k8s.io"]);
    const said: string[] = [];
    ws.on("message", (data: Buffer) => said.push(data.toString("latin1")));
    ws.on("open", () => {
      ws.send(message);
      ws.send(Buffer.from("\0fine", "latin1"));
      ws.send(Buffer.of(255, 0));
    });
    await new Promise((resolve) => ws.on("close", resolve));
    // First an empty message, by which the server shows that it is ready.
    expect(said.slice(0, 2)).toEqual(["\x01", "\x01fine"]);
    expect(JSON.parse(said[2]?.slice(1) ?? "")).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
    });
  });

  test("a malformed WebSocket frame ends the session with a fault", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using server = await serveExec(async (session) => {
      session.signal.addEventListener("abort", () => resolve(faultCode(session.signal.reason)));
    });
    const socket = connect(server.port, "127.0.0.1");
    const key = Buffer.alloc(16).toString("base64");
    socket.write(
      `GET /?stdout=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`,
    );
    socket.once("data", () => socket.write(Buffer.alloc(20, 0xff)));
    expect(await promise).toBe("invalid");
    socket.destroy();
  });
});
