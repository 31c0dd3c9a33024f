import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { beforeAll, expect, test } from "vitest";
import { type CertificatePair, selfSigned } from "./certificate-fixture.ts";
import { type HttpHandler, openHttpServer } from "./http-server.ts";

/** Our server, and `node:http2` as its client: an implementation that we did not write. */
let pair: CertificatePair;
beforeAll(async () => {
  pair = await selfSigned("CN=server");
});

async function serve(handle: HttpHandler) {
  const server = await openHttpServer({ host: "127.0.0.1", port: 0, tls: pair, handle });
  const session = connect(`https://127.0.0.1:${server.port}`, { ca: pair.cert, maxSessionMemory: 100 });
  session.on("error", () => {});
  return {
    session,
    async [Symbol.asyncDispose]() {
      session.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

function ask(
  session: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body?: Uint8Array | string,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let answered: IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    stream.on("response", (given) => {
      answered = given;
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => resolve({ headers: answered, body: Buffer.concat(parts) }));
    stream.on("error", reject);
    if (body !== undefined) stream.end(body);
  });
}

test("requests and answers keep method, path, headers and bodies", async () => {
  await using served = await serve(async (request) => ({
    status: 201,
    headers: { "x-seen": JSON.stringify(request.headers), "set-cookie": ["a=1", "b=2"] },
    body: `${request.method} ${request.target} ${Buffer.from(await request.body(100)).toString()}`,
  }));
  const asked = { ":method": "PUT", ":path": "/x?y=z", accept: "text/plain", "x-many": ["1", "2"] };
  for (let round = 0; round < 2; round += 1) {
    const { headers, body } = await ask(served.session, asked, "héllo");
    expect(headers).toMatchObject({ ":status": 201, "content-length": "17", "set-cookie": ["a=1", "b=2"] });
    expect(JSON.parse(headers["x-seen"] as string)).toMatchObject({ accept: "text/plain", "x-many": "1, 2" });
    expect(body.toString()).toBe("PUT /x?y=z héllo");
  }
});

test("every byte that a header may have comes through Huffman coding", async () => {
  const allowed = Array.from({ length: 256 }, (_, code) => code).filter((code) => code > 32 && code !== 127);
  // Enough of what has a short code beside each, or the client would not pack it.
  const value = allowed.map((code) => `${String.fromCharCode(code)}aaaaaaaaaaaa`).join("");
  await using served = await serve(async ({ headers }) => ({
    status: 200,
    body: Buffer.from(String(headers["x-all"]), "latin1"),
  }));
  const { body } = await ask(served.session, { ":path": "/", "x-all": value });
  expect(body.toString("latin1")).toBe(value);
});

test("large bodies go both ways at once on many streams", async () => {
  await using served = await serve(async (request) => ({ status: 200, body: request.chunks() }));
  const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(2_000_000, index + 1));
  const answers = await Promise.all(
    bodies.map((body) => ask(served.session, { ":path": "/", ":method": "POST" }, body)),
  );
  expect(answers.map(({ body }, index) => body.equals(bodies[index]!))).toEqual(bodies.map(() => true));
});

test("a body that is too large is refused in words that the client gets to read", async () => {
  await using served = await serve(async (request) => {
    await request.body(1000).catch(() => {});
    return { status: 413, body: "too large" };
  });
  const large = Buffer.alloc(5_000_000);
  const { headers, body } = await ask(served.session, { ":path": "/", ":method": "POST" }, large);
  expect([headers[":status"], body.toString()]).toEqual([413, "too large"]);
});

test("a ping is answered", async () => {
  await using served = await serve(async () => ({ status: 200 }));
  const payload = Buffer.from("12345678");
  const echoed = await new Promise<Buffer>((resolve, reject) => {
    served.session.on("connect", () =>
      served.session.ping(payload, (error, _took, answer) => (error ? reject(error) : resolve(answer))),
    );
  });
  expect(echoed.equals(payload)).toBe(true);
});

test("a request that the client cancels raises its signal", async () => {
  const raised = Promise.withResolvers<void>();
  await using served = await serve(({ signal }) => {
    signal.addEventListener("abort", () => raised.resolve());
    stream.close(constants.NGHTTP2_CANCEL);
    return new Promise(() => {});
  });
  const stream = served.session.request({ ":path": "/" });
  stream.on("error", () => {});
  await raised.promise;
});

test("a server that closes tells its clients", async () => {
  const server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    tls: pair,
    handle: async () => ({ status: 200, body: "ok" }),
  });
  const session = connect(`https://127.0.0.1:${server.port}`, { ca: pair.cert });
  const told = new Promise<number>((resolve) => session.on("goaway", resolve));
  await ask(session, { ":path": "/" });
  await server[Symbol.asyncDispose]();
  expect(await told).toBe(constants.NGHTTP2_NO_ERROR);
  session.destroy();
});

test("answers made as they are sent come whole to clients that read slowly, many at a time, and to HEAD not at all", async () => {
  const size = 1_500_000;
  const answer = (seed: number) => Buffer.from(Array.from({ length: size }, (_, at) => (at * seed) % 251));
  await using served = await serve(async ({ target }) => {
    const whole = answer(Number(target.slice(1)));
    let sent = 0;
    const readInto = (into: Buffer) => {
      const part = whole.copy(into, 0, sent);
      sent += part;
      return part;
    };
    return { status: 200, body: { readInto } };
  });
  const seeds = [3, 5, 7, 11, 13];
  const bodies = await Promise.all(seeds.map((seed) => ask(served.session, { ":path": `/${seed}` })));
  for (const [at, { body }] of bodies.entries()) expect(body.equals(answer(seeds[at]!))).toBe(true);
  expect((await ask(served.session, { ":path": "/3", ":method": "HEAD" })).body.length).toBe(0);
});

test("a client that leaves amid an answer made as it is sent harms no other", async () => {
  const endless = { readInto: (into: Buffer) => into.fill(1).length };
  let asked = 0;
  await using served = await serve(async ({ target }) => {
    asked += 1;
    return { status: 200, body: target === "/endless" ? endless : "ok" };
  });
  for (let round = 0; round < 5; round += 1) {
    const stream = served.session.request({ ":path": "/endless" });
    await new Promise((resolve) => stream.once("data", resolve));
    stream.close(constants.NGHTTP2_CANCEL);
  }
  expect((await ask(served.session, { ":path": "/" })).body.toString()).toBe("ok");
  expect(asked).toBe(6);
});
