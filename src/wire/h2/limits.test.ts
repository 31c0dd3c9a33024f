import { describe, expect, test } from "vitest";
import type { HttpHandler } from "../http-message.ts";
import { mostHeaderBytes } from "./limits.ts";
import { frameFlag, frameType, setting } from "./protocol.ts";
import { frame, get, literals, post, pseudo, RawClient, settings, words } from "./raw-client-fixture.ts";

const never: HttpHandler = () => new Promise(() => {});
const answer: HttpHandler = async () => ({ status: 200, body: "ok" });
const times = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
/** A GET with some 6,000 bytes of headers. */
const heavy = (stream: number) =>
  frame(frameType.headers, 5, stream, literals([...pseudo("GET"), ["long", "x".repeat(6000)]]));
const few = { burst: 20, perSecond: 1 };
const calm = "GOAWAY enhanceYourCalm";

describe("a client that asks for too much at once", () => {
  test("has streams refused above the limit, and may ask again when others have ended", async () => {
    const release: (() => void)[] = [];
    await using client = new RawClient(() => new Promise((resolve) => release.push(() => resolve({ status: 204 }))), {
      streams: 2,
    });
    client.greet().send(get(1), get(3), get(5));
    expect(await client.verdict()).toBe("RST_STREAM 5 refusedStream");
    for (const one of release) one();
    await client.of(frameType.headers, 3);
    client.send(get(7));
    await client.settled();
    expect(release).toHaveLength(3);
  });

  test("does not get around the limit by leaving streams that are being worked on", async () => {
    let begun = 0;
    await using client = new RawClient(
      () => {
        begun += 1;
        return new Promise(() => {});
      },
      { streams: 5 },
    );
    client
      .greet()
      .send(
        times(15, (index) =>
          Buffer.concat([get(2 * index + 1), frame(frameType.rstStream, 0, 2 * index + 1, words(8))]),
        ),
      );
    await client.settled();
    expect(begun).toBe(5);
  });
});

describe("a flood ends the connection", () => {
  test.each<{ what: string; sent: Buffer }>([
    { what: "of PINGs", sent: times(30, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))) },
    { what: "of SETTINGS", sent: times(30, () => settings([setting.initialWindowSize, 1])) },
    { what: "of PRIORITY", sent: times(30, (index) => frame(frameType.priority, 0, 2 * index + 1, Buffer.alloc(5))) },
    { what: "of unknown frames", sent: times(30, () => frame(99, 0, 0)) },
    { what: "of empty DATA", sent: Buffer.concat([post(1), times(30, () => frame(frameType.data, 0, 1))]) },
    { what: "of acknowledgements", sent: times(30, () => frame(frameType.settings, 1, 0)) },
    {
      what: "of RST_STREAM for what is over",
      sent: Buffer.concat([get(1), times(31, () => frame(frameType.rstStream, 0, 1, words(8)))]),
    },
    {
      what: "of streams that are reset at once (rapid reset)",
      sent: times(30, (index) =>
        Buffer.concat([get(2 * index + 1), frame(frameType.rstStream, 0, 2 * index + 1, words(8))]),
      ),
    },
    {
      what: "of streams that the server is made to reset",
      sent: times(30, (index) =>
        Buffer.concat([get(2 * index + 1), frame(frameType.windowUpdate, 0, 2 * index + 1, words(0))]),
      ),
    },
    {
      what: "of malformed requests",
      sent: times(30, (index) => frame(frameType.headers, 5, 2 * index + 1, literals([["a", "b"]]))),
    },
  ])("$what", async ({ sent }) => {
    await using client = new RawClient(never, { resets: few, idleFrames: few });
    client.greet().send(sent);
    let verdict = await client.verdict();
    while (verdict.startsWith("RST_STREAM")) verdict = await client.verdict();
    expect(verdict).toBe(calm);
    expect(client.faults).toEqual([]);
  });

  test("unless it comes slowly enough", async () => {
    await using client = new RawClient(never, { idle: 10_000, idleFrames: few });
    client.greet();
    for (let round = 0; round < 10; round += 1) {
      client.send(times(5, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))));
      await client.settled();
      client.clock.advance(10_000);
    }
    expect(client.frames.some(({ type }) => type === frameType.goAway)).toBe(false);
  });

  test("of PINGs whose answers nobody fetches", async () => {
    await using client = new RawClient(never);
    client.greet();
    await client.settled();
    client.socket.pause();
    client.send(times(2000, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    expect(await client.verdict()).toBe(calm);
  });
});

describe("headers", () => {
  const begin = frame(frameType.headers, frameFlag.endStream, 1, literals(pseudo("GET")));

  test("longer than allowed are answered with 431", async () => {
    await using client = new RawClient(answer, { headerList: 500 });
    const block = literals([...pseudo("GET"), ["long", "x".repeat(500)]]);
    client.greet().send(frame(frameType.headers, 5, 1, block), get(3));
    const refused = await client.of(frameType.headers, 1);
    expect(refused?.payload.toString("latin1", 0, 5)).toBe("\x08\x03431");
    expect((await client.body(3)).toString()).toBe("ok");
  });

  test("that unpack to far more than they are (an HPACK bomb) are answered with 431", async () => {
    await using client = new RawClient(answer);
    const value = Buffer.alloc(1000, "x");
    const kept = Buffer.concat([
      Buffer.from([0x40, 1, 0x61, 127, ((1000 - 127) & 127) | 128, (1000 - 127) >> 7]),
      value,
    ]);
    const block = Buffer.concat([literals(pseudo("GET")), kept, Buffer.alloc(10_000, 0xbe)]);
    client.greet().send(frame(frameType.headers, 5, 1, block), get(3));
    expect((await client.of(frameType.headers, 1))?.payload.toString("latin1", 0, 5)).toBe("\x08\x03431");
    expect((await client.body(3)).toString()).toBe("ok");
  });

  test("of a megabyte are read, of more are not", async () => {
    await using client = new RawClient(async ({ headers }) => ({ status: 200, body: String(headers.long?.length) }));
    const long = async (stream: number, length: number) => {
      const fields = literals([...pseudo("GET"), ["long", "x".repeat(length)]]);
      const parts = Array.from({ length: Math.ceil(fields.length / 16_384) }, (_, index) =>
        fields.subarray(16_384 * index, 16_384 * (index + 1)),
      );
      const frames = parts.map((part, index) => {
        const last = index === parts.length - 1 ? frameFlag.endHeaders : 0;
        return index === 0
          ? frame(frameType.headers, frameFlag.endStream | last, stream, part)
          : frame(frameType.continuation, last, stream, part);
      });
      client.send(...frames);
      return client.of(frameType.headers, stream);
    };
    client.greet();
    await long(1, mostHeaderBytes - 100);
    expect((await client.body(1)).toString()).toBe(String(mostHeaderBytes - 100));
    expect((await long(3, mostHeaderBytes + 200))?.payload.toString("latin1", 0, 5)).toBe("\x08\x03431");
  });

  test("of all requests together are limited too, until some of them are answered", async () => {
    const open: (() => void)[] = [];
    await using client = new RawClient(
      () => new Promise((resolve) => open.push(() => resolve({ status: 200, body: "ok" }))),
      { headersHeld: 10_000 },
    );
    client.greet().send(heavy(1), heavy(3));
    expect(await client.verdict()).toBe("RST_STREAM 3 refusedStream");
    open[0]!();
    expect((await client.body(1)).toString()).toBe("ok");
    client.send(heavy(5));
    await client.settled();
    open[1]!();
    expect((await client.body(5)).toString()).toBe("ok");
  });

  test("of a request that was given up count as long as somebody works on it", async () => {
    const open: (() => void)[] = [];
    await using client = new RawClient(
      () => new Promise((resolve) => open.push(() => resolve({ status: 200, body: "ok" }))),
      { headersHeld: 10_000 },
    );
    client.greet().send(heavy(1), frame(frameType.rstStream, 0, 1, words(8)), heavy(3));
    expect(await client.verdict()).toBe("RST_STREAM 3 refusedStream");
    open[0]!();
    await client.settled();
    client.send(heavy(5));
    await client.settled();
    expect(open).toHaveLength(2);
  });

  test.each([
    { what: "too many frames", more: times(200, () => frame(frameType.continuation, 0, 1)) },
    { what: "too many bytes", more: times(70, () => frame(frameType.continuation, 0, 1, Buffer.alloc(16_000))) },
  ])("in $what (a CONTINUATION flood) end the connection", async ({ more }) => {
    await using client = new RawClient(answer);
    client.greet().send(begin, more);
    expect(await client.verdict()).toBe(calm);
  });

  test("that do not come to their end in time end the connection", async () => {
    await using client = new RawClient(answer);
    client.greet().send(frame(frameType.headers, 0, 1, literals(pseudo("GET"))));
    await new Promise((resolve) => setImmediate(resolve));
    client.clock.advance(30_000);
    expect(await client.verdict()).toBe(calm);
  });
});

describe("a connection without requests", () => {
  test("is ended after a while, PINGs or not", async () => {
    await using client = new RawClient(answer);
    client.greet().send(get(1));
    expect((await client.body(1)).toString()).toBe("ok");
    for (let seconds = 0; seconds < 100; seconds += 20) {
      client.clock.advance(20_000);
      if (seconds < 80) await client.settled();
    }
    expect(await client.verdict()).toBe("GOAWAY noError");
  });

  test("is kept while one is open, or comes now and then", async () => {
    await using client = new RawClient(({ target }) =>
      target === "/watch" ? new Promise(() => {}) : Promise.resolve({ status: 200, body: "ok" }),
    );
    client.greet();
    await client.settled();
    for (let stream = 1; stream < 11; stream += 2) {
      client.clock.advance(80_000);
      client.send(get(stream));
      expect((await client.body(stream)).toString()).toBe("ok");
    }
    client.send(get(11, "/watch"));
    await client.settled();
    client.clock.advance(1_000_000);
    client.send(get(13));
    expect((await client.body(13)).toString()).toBe("ok");
  });
});

describe("a client that keeps the server waiting", () => {
  test("for its settings is cut off", async () => {
    await using client = new RawClient(never);
    client.clock.advance(30_000);
    expect(await client.verdict()).toBe("GOAWAY settingsTimeout");
    client.clock.advance(10_000);
    expect(await client.of(frameType.data)).toBeUndefined();
  });

  test("for a body loses the stream, however slowly it dribbles in", async () => {
    const outcome = Promise.withResolvers<unknown>();
    await using client = new RawClient(async (request) => {
      outcome.resolve(await request.body(1000).catch((error: unknown) => error));
      return { status: 204 };
    });
    client.greet().send(post(1));
    for (let seconds = 0; seconds <= 300; seconds += 30) {
      client.send(frame(frameType.data, 0, 1, "x"));
      await client.settled();
      client.clock.advance(30_000);
    }
    expect(await client.verdict()).toBe("RST_STREAM 1 cancel");
    expect(await outcome.promise).toMatchObject({ code: "aborted" });
  });

  test("with a window of nothing loses the stream; one that reads on keeps it", async () => {
    await using client = new RawClient(async () => ({ status: 200, body: Buffer.alloc(100) }), { stall: 600 });
    client.greet(settings([setting.initialWindowSize, 0])).send(get(1), get(3));
    for (let round = 0; round < 25; round += 1) {
      client.send(frame(frameType.windowUpdate, 0, 3, words(1)));
      await client.settled();
      client.clock.advance(30_000);
    }
    expect(await client.verdict()).toBe("RST_STREAM 1 cancel");
    client.send(frame(frameType.windowUpdate, 0, 3, words(1000)));
    expect((await client.until(({ stream, flags }) => stream === 3 && flags === 1))?.type).toBe(frameType.data);
  });

  test("with a log that somebody reads keeps it for an hour", async () => {
    await using client = new RawClient(async () => ({ status: 200, body: Buffer.alloc(100) }));
    client.greet(settings([setting.initialWindowSize, 50])).send(get(1));
    await client.of(frameType.data, 1);
    client.clock.advance(60 * 60_000);
    client.send(frame(frameType.windowUpdate, 0, 1, words(50)));
    expect((await client.of(frameType.data, 1))?.flags).toBe(frameFlag.endStream);
  });

  test("by taking an answer in crumbs is cut off", async () => {
    await using client = new RawClient(async () => ({ status: 200, body: Buffer.alloc(1000) }), { crumbs: 50 });
    client.greet(settings([setting.initialWindowSize, 0])).send(get(1));
    await client.of(frameType.headers, 1);
    client.send(times(100, () => frame(frameType.windowUpdate, 0, 1, words(1))));
    expect(await client.verdict()).toBe(calm);
  });
});

describe("a request that goes on after its answer", () => {
  const refuse: HttpHandler = async () => ({ status: 400, body: "no" });

  test("may be finished in peace, or given up, which is nobody's fault", async () => {
    await using client = new RawClient(refuse, { resets: { burst: 0, perSecond: 0 } });
    client.greet().send(post(1), post(3));
    expect((await client.body(1)).toString()).toBe("no");
    client.send(frame(frameType.data, frameFlag.endStream, 1, "more"), frame(frameType.rstStream, 0, 3, words(8)));
    await client.settled();
    client.clock.advance(60_000);
    await client.settled();
    expect(client.frames.filter(({ type }) => type === frameType.rstStream || type === frameType.goAway)).toEqual([]);
  });

  test("is ended when it is too long", async () => {
    await using client = new RawClient(refuse, { surplus: { bytes: 1000, seconds: 10 } });
    client.greet().send(post(1));
    expect((await client.body(1)).toString()).toBe("no");
    client.send(frame(frameType.data, 0, 1, Buffer.alloc(1000)));
    await client.settled();
    expect(client.frames).toEqual([]);
    client.send(frame(frameType.data, 0, 1, "x"));
    expect(await client.verdict()).toBe("RST_STREAM 1 noError");
  });

  test("is ended when it takes too long", async () => {
    await using client = new RawClient(refuse);
    client.greet().send(post(1));
    expect((await client.body(1)).toString()).toBe("no");
    client.clock.advance(60_000);
    expect(await client.verdict()).toBe("RST_STREAM 1 noError");
  });

  test("does not keep the server from closing", async () => {
    await using client = new RawClient(refuse);
    client.greet().send(post(1));
    expect((await client.body(1)).toString()).toBe("no");
    const closed = client.server[Symbol.asyncDispose]();
    expect(await client.verdict()).toBe("GOAWAY noError");
    expect(await client.until(() => false)).toBe(undefined); // the connection ended
    client.socket.destroy();
    await closed;
  });
});
