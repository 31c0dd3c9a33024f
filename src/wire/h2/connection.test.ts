import { describe, expect, test } from "vitest";
import type { HttpHandler } from "../http-message.ts";
import { clientPreface } from "./frame-reader.ts";
import { frameFlag, frameType, setting, usualWindow } from "./protocol.ts";
import { frame, get, literals, post, pseudo, RawClient, settings, words } from "./raw-client-fixture.ts";

const { endStream, endHeaders, ack, padded, priority } = frameFlag;

const echo: HttpHandler = async (request) => ({
  status: 200,
  body: `${request.method} ${request.target} ${Buffer.from(await request.body(1000)).toString()}`,
});

/** Answers when told to, so that its stream stays open. */
const never: HttpHandler = () => new Promise(() => {});

const textOf = async (client: RawClient, stream: number) => (await client.body(stream)).toString();

describe("requests", () => {
  test("a request with a body in pieces, padded, between other streams, is answered", async () => {
    await using client = new RawClient(echo);
    client
      .greet()
      .send(
        post(1),
        frame(frameType.data, 0, 1, "he"),
        get(3, "/other"),
        frame(frameType.data, padded, 1, Buffer.from("\x03llo\0\0\0")),
        frame(frameType.data, endStream, 1),
      );
    expect(await textOf(client, 3)).toBe("GET /other ");
    expect(await textOf(client, 1)).toBe("POST / hello");
  });

  test("headers may come with a priority, with padding, and in several frames", async () => {
    await using client = new RawClient(echo);
    const block = literals(pseudo("GET", "/long"));
    client
      .greet()
      .send(
        frame(
          frameType.headers,
          endStream | padded | priority,
          1,
          Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), block.subarray(0, 5), Buffer.alloc(2)]),
        ),
        frame(frameType.continuation, 0, 1, block.subarray(5, 6)),
        frame(frameType.continuation, 0, 1),
        frame(frameType.continuation, endHeaders, 1, block.subarray(6)),
      );
    expect(await textOf(client, 1)).toBe("GET /long ");
  });

  test("trailers end a request and say nothing", async () => {
    await using client = new RawClient(async (request) => {
      const body = Buffer.from(await request.body(10)).toString();
      return { status: 200, body: `${body} ${request.headers.checksum}` };
    });
    const trailers = frame(frameType.headers, endHeaders | endStream, 1, literals([["checksum", "1"]]));
    client.greet().send(post(1), frame(frameType.data, 0, 1, "hi"), trailers);
    expect(await textOf(client, 1)).toBe("hi undefined");
  });

  test("priorities, unknown frames and unknown settings do no harm", async () => {
    await using client = new RawClient(echo);
    client
      .greet(settings([99, 1]))
      .send(frame(frameType.priority, 0, 5, Buffer.alloc(5)), frame(200, 0, 7, "x"), get(1));
    expect(await textOf(client, 1)).toBe("GET / ");
  });

  test("a HEAD and an empty answer end with their headers, which tell the length", async () => {
    await using client = new RawClient(async ({ method }) => ({ status: 200, body: method === "HEAD" ? "body" : "" }));
    const head = frame(frameType.headers, endHeaders | endStream, 1, literals(pseudo("HEAD")));
    client.greet().send(head, get(3));
    for (const stream of [1, 3]) {
      expect((await client.of(frameType.headers, stream))?.flags).toBe(endHeaders | endStream);
    }
  });

  test("headers longer than a frame go on in others", async () => {
    const long = "x".repeat(40_000);
    await using client = new RawClient(async () => ({ status: 200, headers: { long }, body: "end" }));
    client.greet().send(get(1));
    const first = await client.of(frameType.headers);
    const second = await client.of(frameType.continuation);
    const third = await client.of(frameType.continuation);
    expect([first, second, third].map((one) => one?.flags)).toEqual([0, 0, endHeaders]);
    expect(await textOf(client, 1)).toBe("end");
  });

  test("a client that keeps no table is told that ours is empty, once", async () => {
    await using client = new RawClient(async () => ({ status: 204 }));
    client.greet(settings([setting.headerTableSize, 0])).send(get(1), get(3));
    expect((await client.of(frameType.headers, 1))?.payload[0]).toBe(0x20);
    expect((await client.of(frameType.headers, 3))?.payload[0]).toBe(0x89);
  });
});

describe("a client that leaves", () => {
  test.each([
    {
      what: "resets its stream",
      leave: (client: RawClient) => client.send(frame(frameType.rstStream, 0, 1, words(8))),
    },
    { what: "closes the connection", leave: (client: RawClient) => client.socket.destroy() },
  ])("and $what raises the signal and ends the wait for the body", async ({ leave }) => {
    const outcome = Promise.withResolvers<unknown>();
    await using client = new RawClient(async (request) => {
      const body = request.body(100).catch((error: unknown) => error);
      request.signal.addEventListener("abort", () => void body.then(outcome.resolve));
      leave(client);
      return await new Promise(() => {});
    });
    client.greet().send(post(1));
    expect(await outcome.promise).toMatchObject({ code: "aborted" });
  });

  test("ends what is sent to it, and what makes it", async () => {
    const ended = Promise.withResolvers<string>();
    await using client = new RawClient(async ({ signal }) => ({
      status: 200,
      body: (async function* () {
        try {
          yield Buffer.from("one");
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          yield Buffer.from("two");
          yield Buffer.from("three");
        } finally {
          ended.resolve("ended");
        }
      })(),
    }));
    client.greet().send(get(1));
    await client.of(frameType.data, 1);
    client.send(frame(frameType.rstStream, 0, 1, words(8)));
    expect(await ended.promise).toBe("ended");
  });
});

describe("a handler that fails", () => {
  test("resets its stream, and the fault is told", async () => {
    await using client = new RawClient(async () => {
      throw new Error("broken");
    });
    client.greet().send(get(1));
    expect(await client.verdict()).toBe("RST_STREAM 1 internalError");
    expect(client.faults).toMatchObject([{ message: "broken" }]);
  });

  test("amid its answer resets the stream too", async () => {
    await using client = new RawClient(async () => ({
      status: 200,
      // biome-ignore lint/correctness/useYield: it fails before it comes to that
      body: (async function* () {
        throw new Error("broken");
      })(),
    }));
    client.greet().send(get(1));
    expect(await client.verdict()).toBe("RST_STREAM 1 internalError");
    expect(client.faults).toHaveLength(1);
  });
});

describe("what breaks the protocol", () => {
  const opened = post(1);
  const data = (text = "", flags = 0, stream = 1) => frame(frameType.data, flags, stream, text);

  test.each<{ what: string; sent: readonly Buffer[]; verdict: string }>([
    { what: "frames before settings", sent: [get(1)], verdict: "protocolError" },
    { what: "an acknowledgement for a beginning", sent: [frame(frameType.settings, ack, 0)], verdict: "protocolError" },
  ])("$what", async ({ sent, verdict }) => {
    await using client = new RawClient(never);
    client.send(clientPreface, ...sent);
    expect(await client.verdict()).toBe(`GOAWAY ${verdict}`);
  });

  test("another protocol", async () => {
    await using client = new RawClient(never);
    client.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    expect(await client.verdict()).toBe("GOAWAY protocolError");
  });

  test.each<{ what: string; sent: readonly Buffer[]; verdict: string }>([
    { what: "an even stream", sent: [get(2)], verdict: "GOAWAY protocolError" },
    { what: "HEADERS on stream 0", sent: [get(0)], verdict: "GOAWAY protocolError" },
    { what: "a stream below one opened before", sent: [post(5), get(3)], verdict: "GOAWAY streamClosed" },
    { what: "DATA on a stream never opened", sent: [data("x", 0, 9)], verdict: "GOAWAY protocolError" },
    { what: "DATA on stream 0", sent: [data("x", 0, 0)], verdict: "GOAWAY protocolError" },
    { what: "DATA after the end", sent: [get(1), data("x")], verdict: "RST_STREAM 1 streamClosed" },
    { what: "HEADERS after the end", sent: [get(1), get(1)], verdict: "RST_STREAM 1 streamClosed" },
    {
      what: "trailers that are not the end",
      sent: [opened, frame(frameType.headers, endHeaders, 1, literals([["a", "b"]]))],
      verdict: "RST_STREAM 1 protocolError",
    },
    {
      what: "an interrupted header block",
      sent: [frame(frameType.headers, 0, 1, literals(pseudo("GET"))), frame(frameType.ping, 0, 0, Buffer.alloc(8))],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "a header block that goes on elsewhere",
      sent: [frame(frameType.headers, 0, 1), frame(frameType.continuation, endHeaders, 3)],
      verdict: "GOAWAY protocolError",
    },
    { what: "CONTINUATION of nothing", sent: [frame(frameType.continuation, 4, 1)], verdict: "GOAWAY protocolError" },
    { what: "a push", sent: [frame(frameType.pushPromise, 4, 1, words(2))], verdict: "GOAWAY protocolError" },
    { what: "more padding than frame", sent: [opened, data("\x09abc", padded)], verdict: "GOAWAY protocolError" },
    { what: "padding without a length", sent: [opened, data("", padded)], verdict: "GOAWAY frameSizeError" },
    {
      what: "a priority that HEADERS has no room for",
      sent: [frame(frameType.headers, endHeaders | priority, 1, "abc")],
      verdict: "GOAWAY frameSizeError",
    },
    {
      what: "a header block that cannot be read",
      sent: [frame(frameType.headers, 5, 1, "\x80")],
      verdict: "GOAWAY compressionError",
    },
    { what: "a frame too long", sent: [Buffer.from("004001000000000001", "hex")], verdict: "GOAWAY frameSizeError" },
    { what: "SETTINGS on a stream", sent: [frame(frameType.settings, 0, 1)], verdict: "GOAWAY protocolError" },
    {
      what: "SETTINGS of another size",
      sent: [frame(frameType.settings, 0, 0, "abc")],
      verdict: "GOAWAY frameSizeError",
    },
    {
      what: "an acknowledgement with settings",
      sent: [frame(frameType.settings, ack, 0, Buffer.alloc(6))],
      verdict: "GOAWAY frameSizeError",
    },
    { what: "ENABLE_PUSH of 2", sent: [settings([setting.enablePush, 2])], verdict: "GOAWAY protocolError" },
    {
      what: "a window beyond the largest",
      sent: [settings([setting.initialWindowSize, 2 ** 31])],
      verdict: "GOAWAY flowControlError",
    },
    {
      what: "frames smaller than the smallest",
      sent: [settings([setting.maxFrameSize, 100])],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "frames larger than the largest",
      sent: [settings([setting.maxFrameSize, 2 ** 24])],
      verdict: "GOAWAY protocolError",
    },
    { what: "PING on a stream", sent: [frame(frameType.ping, 0, 1, Buffer.alloc(8))], verdict: "GOAWAY protocolError" },
    { what: "PING of another size", sent: [frame(frameType.ping, 0, 0, "abc")], verdict: "GOAWAY frameSizeError" },
    {
      what: "GOAWAY on a stream",
      sent: [frame(frameType.goAway, 0, 1, Buffer.alloc(8))],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "RST_STREAM of a stream never opened",
      sent: [frame(frameType.rstStream, 0, 7, words(8))],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "RST_STREAM of another size",
      sent: [opened, frame(frameType.rstStream, 0, 1, "abc")],
      verdict: "GOAWAY frameSizeError",
    },
    {
      what: "PRIORITY without a stream",
      sent: [frame(frameType.priority, 0, 0, Buffer.alloc(5))],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "PRIORITY of another size",
      sent: [frame(frameType.priority, 0, 1, "abc")],
      verdict: "RST_STREAM 1 frameSizeError",
    },
    {
      what: "WINDOW_UPDATE of another size",
      sent: [frame(frameType.windowUpdate, 0, 0, "abc")],
      verdict: "GOAWAY frameSizeError",
    },
    {
      what: "WINDOW_UPDATE of a stream never opened",
      sent: [frame(frameType.windowUpdate, 0, 7, words(1))],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "the connection's window opened by nothing",
      sent: [frame(frameType.windowUpdate, 0, 0, words(0))],
      verdict: "GOAWAY protocolError",
    },
    {
      what: "a stream's window opened by nothing",
      sent: [opened, frame(frameType.windowUpdate, 0, 1, words(0))],
      verdict: "RST_STREAM 1 protocolError",
    },
    {
      what: "the connection's window beyond the largest",
      sent: [frame(frameType.windowUpdate, 0, 0, words(2 ** 31 - 1))],
      verdict: "GOAWAY flowControlError",
    },
    {
      what: "a stream's window beyond the largest",
      sent: [opened, frame(frameType.windowUpdate, 0, 1, words(2 ** 31 - 1))],
      verdict: "RST_STREAM 1 flowControlError",
    },
    {
      what: "all windows beyond the largest by a setting",
      sent: [
        opened,
        frame(frameType.windowUpdate, 0, 1, words(2 ** 31 - 1 - usualWindow)),
        settings([setting.initialWindowSize, usualWindow + 1]),
      ],
      verdict: "GOAWAY flowControlError",
    },
    {
      what: "a request without a path",
      sent: [frame(frameType.headers, 5, 1, literals([[":method", "GET"]]))],
      verdict: "RST_STREAM 1 protocolError",
    },
    { what: "a header in capitals", sent: [post(1, ["Accept", "x"])], verdict: "RST_STREAM 1 protocolError" },
    {
      what: "a body longer than announced",
      sent: [post(1, ["content-length", "2"]), data("abc")],
      verdict: "RST_STREAM 1 protocolError",
    },
    {
      what: "a body shorter than announced",
      sent: [post(1, ["content-length", "4"]), data("abc", endStream)],
      verdict: "RST_STREAM 1 protocolError",
    },
    {
      what: "no body where one is announced",
      sent: [frame(frameType.headers, 5, 1, literals([...pseudo("POST"), ["content-length", "4"]]))],
      verdict: "RST_STREAM 1 protocolError",
    },
  ])("$what", async ({ sent, verdict }) => {
    await using client = new RawClient(never);
    client.greet().send(...sent);
    expect(await client.verdict()).toBe(verdict);
    expect(client.faults).toEqual([]);
  });

  test("a stream that went wrong leaves the others alone", async () => {
    await using client = new RawClient(echo);
    client.greet().send(post(1, ["content-length", "1"]), data("ab"), get(3));
    expect(await textOf(client, 3)).toBe("GET / ");
  });
});
