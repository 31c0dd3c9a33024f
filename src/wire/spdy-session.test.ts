import { Buffer } from "node:buffer";
import { type Duplex, duplexPair } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Fault } from "../lib/fault.ts";
import { faultCode } from "../lib/fault.ts";
import { readText } from "./pump.ts";
import { controlFrame, dataFrameHead, frameType, words } from "./spdy-frames.ts";
import { SpdyHeaderEncoder } from "./spdy-headers.ts";
import { SpdySession, type SpdySessionOptions } from "./spdy-session.ts";
import type { SpdyStream } from "./spdy-stream.ts";

interface Ends {
  readonly client: SpdySession;
  readonly server: SpdySession;
  readonly clientSocket: Duplex;
  readonly serverSocket: Duplex;
  /** The server's side of the streams that the client opened, in order. */
  readonly accepted: readonly SpdyStream[];
}

function connect(options: Partial<SpdySessionOptions> = {}): Ends {
  const [clientSocket, serverSocket] = duplexPair();
  const accepted: SpdyStream[] = [];
  const server = new SpdySession(serverSocket, {
    role: "server",
    onStream: (stream) => accepted.push(stream),
    ...options,
  });
  const client = new SpdySession(clientSocket, { role: "client" });
  return { client, server, clientSocket, serverSocket, accepted };
}

async function code(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return faultCode(error);
  }
}

async function closeCode(session: SpdySession): Promise<string | undefined> {
  return (await session.closed)?.code;
}

describe("SPDY session", () => {
  test("a stream carries its headers, bytes both ways, and half-closes", async () => {
    const { client, server, accepted } = connect();
    const stream = await client.open({ streamtype: "stdin", port: "80" });
    const remote = accepted[0]!;
    expect(Object.fromEntries(remote.headers)).toEqual({ streamtype: "stdin", port: "80" });
    stream.end("question");
    expect(await readText(remote, 100)).toBe("question");
    remote.end("answer");
    expect(await readText(stream, 100)).toBe("answer");
    expect([client.streamCount, server.streamCount]).toEqual([0, 0]);
    await Promise.all([client.close(), server.closed]);
  });

  test("the server can open streams too", async () => {
    const [clientSocket, serverSocket] = duplexPair();
    const opened: SpdyStream[] = [];
    const client = new SpdySession(clientSocket, { role: "client", onStream: (stream) => opened.push(stream) });
    const server = new SpdySession(serverSocket, { role: "server" });
    const stream = await server.open({ streamtype: "push" });
    stream.end("hello");
    expect(await readText(opened[0]!, 100)).toBe("hello");
    client.destroy();
    await server.closed;
  });

  test("a ping is answered from either side", async () => {
    const { client, server } = connect();
    await Promise.all([client.ping(), client.ping(), server.ping()]);
    client.destroy();
  });

  test("a stream that is not admitted is refused, the others live", async () => {
    const { client, accepted } = connect({ admit: (headers) => headers.get("streamtype") === "good" });
    expect(await code(client.open({ streamtype: "bad" }))).toBe("unavailable");
    await client.open({ streamtype: "good" });
    expect(accepted.length).toBe(1);
    client.destroy();
  });

  test("streams beyond the limit are refused until others have closed", async () => {
    const { client, accepted } = connect({ maxStreams: 2 });
    const first = await client.open({});
    await client.open({});
    expect(await code(client.open({}))).toBe("unavailable");
    accepted[0]!.destroy();
    await readText(first, 10);
    await client.open({});
    expect(accepted.length).toBe(3);
    client.destroy();
  });

  test("destroying a stream reads as its end at the other side, whose writes then fail", async () => {
    const { client, accepted } = connect();
    const stream = await client.open({});
    const remote = accepted[0]!;
    stream.write("half a sentence");
    await client.ping();
    stream.destroy();
    expect(await readText(remote, 100)).toBe("half a sentence");
    expect(remote.wasReset).toBe(true);
    const failed = await new Promise((resolve) => {
      remote.write("too late", resolve);
    });
    expect(failed).toBeInstanceOf(Error);
    client.destroy();
  });

  test("a lost connection fails what is open and keeps what had come completely", async () => {
    const { client, serverSocket, accepted } = connect();
    const complete = await client.open({});
    const partial = await client.open({});
    accepted[0]!.end("all of it");
    accepted[1]!.write("some of");
    await client.ping();
    serverSocket.destroy();
    expect(await closeCode(client)).toBe("unavailable");
    expect(await code(readText(partial, 100))).toBe("unavailable");
    expect(await readText(complete, 100)).toBe("all of it");
    expect(await code(client.open({}))).toBe("closed");
    expect(await code(client.ping())).toBe("closed");
  });

  test("closing in order is no fault on either side", async () => {
    const { client, server } = connect();
    const stream = await client.open({});
    stream.end();
    stream.resume();
    await client.close();
    expect(await closeCode(client)).toBe(undefined);
    expect(await closeCode(server)).toBe(undefined);
  });

  test("a server's close leaves the ending to the client and answers pings meanwhile", async () => {
    const { client, server } = connect({ lingerMs: 60_000 });
    const closing = server.close();
    await client.ping();
    await client.close();
    await closing;
    expect(await closeCode(server)).toBe(undefined);
  });

  test("a server's close cuts a client that does not end, after lingering", async () => {
    const { client, server } = connect({ lingerMs: 10 });
    await server.close();
    await client.closed;
  });

  test("ten megabytes pass unharmed both ways at once", async () => {
    const { client, accepted } = connect();
    const stream = await client.open({});
    const remote = accepted[0]!;
    remote.pipe(remote);
    const size = 10 * 1024 * 1024;
    const sent = pattern(size);
    stream.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    client.destroy();
  });

  test("a reader that does not read stops the writer", async () => {
    const { client, accepted } = connect();
    const stream = await client.open({});
    const pieces = 64;
    let taken = 0;
    const piece = Buffer.alloc(64 * 1024);
    const write = () => {
      if (taken === pieces) return;
      stream.write(piece, () => {
        taken += 1;
        write();
      });
    };
    write();
    let before = -1;
    while (before !== taken) {
      before = taken;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(pieces / 4);
    accepted[0]!.resume();
    while (taken < pieces) await new Promise((resolve) => setImmediate(resolve));
    client.destroy();
  });

  test("many streams at once keep their bytes apart", async () => {
    const { client, server } = connect({
      onStream: (stream) =>
        void readText(stream, 1 << 20).then((said) => stream.end(`${stream.headers.get("port")}:${said}`)),
    });
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const stream = await client.open({ port: String(index) });
        stream.write(`hello ${index}`);
        stream.end();
        return await readText(stream, 100);
      }),
    );
    expect(answers).toEqual(Array.from({ length: 300 }, (_, index) => `${index}:hello ${index}`));
    expect(server.streamCount).toBe(0);
    client.destroy();
  });

  test("a session that nobody uses ends after its idle time", async () => {
    const { client, server } = connect({ idleTimeoutMs: 5 });
    expect(await closeCode(server)).toBe("timeout");
    await client.closed;
  });
});

describe("SPDY session and a peer that misbehaves", () => {
  const headers = () => new SpdyHeaderEncoder().encode({ streamtype: "data" });
  const synStream = (id: number) => controlFrame(frameType.synStream, 0, [words(id, 0), Buffer.alloc(2), headers()]);

  test.each<{ name: string; bytes: Buffer; code: Fault["code"] }>([
    { name: "HTTP instead of SPDY", bytes: Buffer.from("\x80GET / HTTP/1.1\r\n\r\n", "latin1"), code: "invalid" },
    { name: "another version", bytes: Buffer.of(0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1), code: "invalid" },
    { name: "data on stream 0", bytes: dataFrameHead(0, 0, false), code: "invalid" },
    { name: "a stream numbered 0", bytes: synStream(0), code: "invalid" },
    { name: "a short SYN_STREAM", bytes: controlFrame(frameType.synStream, 0, [words(1)]), code: "invalid" },
    { name: "a short RST_STREAM", bytes: controlFrame(frameType.rstStream, 0, [words(1)]), code: "invalid" },
    { name: "a ping without a number", bytes: controlFrame(frameType.ping, 0, []), code: "invalid" },
    {
      name: "a header block that cannot be unpacked",
      bytes: controlFrame(frameType.synStream, 0, [words(1, 0), Buffer.alloc(22, 7)]),
      code: "invalid",
    },
    {
      name: "a control frame beyond the limit",
      bytes: controlFrame(frameType.settings, 0, [Buffer.alloc(70_000)]),
      code: "exhausted",
    },
    { name: "an end in the middle of a frame", bytes: synStream(1).subarray(0, 12), code: "unavailable" },
  ])("$name ends the session with a fault", async ({ bytes, code: expected }) => {
    const [wire, socket] = duplexPair();
    const session = new SpdySession(socket, { role: "server" });
    const open = session.open({});
    open.catch(() => {});
    wire.resume();
    wire.end(bytes);
    expect(await closeCode(session)).toBe(expected);
    expect(await code(open)).toBe(expected);
  });

  test("unknown frames, settings, window updates, and data for streams that are gone are passed over", async () => {
    const [wire, socket] = duplexPair();
    const accepted: SpdyStream[] = [];
    const session = new SpdySession(socket, { role: "server", onStream: (stream) => accepted.push(stream) });
    wire.resume();
    wire.write(controlFrame(77, 0, [Buffer.alloc(100_000)]));
    wire.write(controlFrame(frameType.settings, 0, [words(1, 4, 100)]));
    wire.write(controlFrame(frameType.windowUpdate, 0, [words(9, 1000)]));
    wire.write(Buffer.concat([dataFrameHead(5, 3, true), Buffer.from("abc")]));
    wire.write(synStream(7));
    wire.write(Buffer.concat([dataFrameHead(7, 3, true), Buffer.from("abc")]));
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await readText(accepted[0]!, 10)).toBe("abc");
    session.destroy();
  });

  test("frames that arrive byte by byte are frames all the same", async () => {
    const [wire, socket] = duplexPair();
    const accepted: SpdyStream[] = [];
    const session = new SpdySession(socket, { role: "server", onStream: (stream) => accepted.push(stream) });
    wire.resume();
    const bytes = Buffer.concat([synStream(1), dataFrameHead(1, 5, true), Buffer.from("hello")]);
    for (const byte of bytes) wire.write(Buffer.of(byte));
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await readText(accepted[0]!, 10)).toBe("hello");
    session.destroy();
  });

  test("a flood of pings whose answers are not read ends the session", async () => {
    const [wire, socket] = duplexPair();
    const session = new SpdySession(socket, { role: "server" });
    const pings = Buffer.concat(
      Array.from({ length: 1000 }, (_, index) => controlFrame(frameType.ping, 0, [words(index * 2 + 1)])),
    );
    for (let round = 0; round < 12; round++) wire.write(pings);
    expect(await closeCode(session)).toBe("exhausted");
  });

  test("random bytes never do worse than end the session", async () => {
    let state = 42;
    const random = () => {
      state = (state * 1103515245 + 12345) % 0x80000000;
      return state >>> 16;
    };
    for (let round = 0; round < 200; round++) {
      const [wire, socket] = duplexPair();
      const session = new SpdySession(socket, { role: "server" });
      wire.resume();
      const bytes = Buffer.concat([synStream(1), dataFrameHead(1, 5, true), Buffer.from("hello"), synStream(3)]);
      for (let change = 0; change < 3; change++) bytes[random() % bytes.length] = random() % 256;
      wire.end(bytes);
      await session.closed;
    }
  });
});

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}
