import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer as createTcp, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EngineFixture } from "../testing/engine-fixture.ts";
import { planFor, to } from "../testing/objects.ts";

let fixture: EngineFixture;
let seen: string[];
beforeEach(async () => {
  fixture = await EngineFixture.open();
  seen = [];
});
afterEach(() => fixture[Symbol.asyncDispose]());

const serve = async (listener: (request: IncomingMessage, response: ServerResponse) => void) => {
  const endpoint = await fixture.serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  fixture.engine.apply({
    table: planFor({ defaultBackend: to("a") }, { a: [endpoint] }).table,
    certificates: new Map(),
  });
};
const bodyOf = async (request: IncomingMessage) => Buffer.concat(await request.toArray()).toString();
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: x.com\r\n${more}\r\n`;

/** What came back on one connection for all these texts, until there were so many answers. */
async function talk(texts: readonly string[], answers: number): Promise<string> {
  const socket = connect(fixture.engine.httpPort, "127.0.0.1");
  let said = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.setEncoding("latin1").on("data", (part: string) => {
    said += part;
    if ((said.match(/HTTP\/1\.1 /g)?.length ?? 0) >= answers && said.endsWith("|")) resolve();
  });
  socket.on("close", () => resolve());
  for (const text of texts) {
    socket.write(text, "latin1");
    await new Promise((done) => setImmediate(done));
  }
  await promise;
  socket.destroy();
  return said;
}

describe("one connection", () => {
  test("requests that come together are answered in their order", async () => {
    await serve((request, response) => response.end(`${request.url}|`));
    const said = await talk([Array.from({ length: 50 }, (_, index) => get(`/${index}`)).join("")], 50);
    expect(said.match(/\/\d+\|/g)).toEqual(Array.from({ length: 50 }, (_, index) => `/${index}|`));
  });

  test("simple requests, one in pieces, one with a body in chunks and simple ones again are all answered", async () => {
    await serve(async (request, response) => response.end(`${request.method} ${await bodyOf(request)}|`));
    const said = await talk(
      [
        get("/1"),
        "POST /2 HTTP/1.1\r\nHost: x.com\r\nContent-Length: 3\r\n\r\nabc",
        ...["GET /3 HTTP/1.1\r\nHo", "st: x.com\r\n\r\n"],
        "PUT /4 HTTP/1.1\r\nHost: x.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n",
        get("/5"),
      ],
      5,
    );
    expect(seen).toEqual(["GET /1", "POST /2", "GET /3", "PUT /4", "GET /5"]);
    expect(said.match(/[A-Z]+ [a-z]*\|/g)).toEqual(["GET |", "POST abc|", "GET |", "PUT def|", "GET |"]);
  });

  // Each is judged by Node's HTTP, with what the connection had answered before.
  test.each([
    ["a length with a sign", "POST /bad HTTP/1.1\r\nHost: x.com\r\nContent-Length: +5\r\n\r\nhello"],
    [
      "a length and chunks",
      "POST /bad HTTP/1.1\r\nHost: x.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a bare line feed", "GET /bad HTTP/1.1\nHost: x.com\r\n\r\n"],
    ["no HTTP", "hello\r\n\r\n"],
  ])("%s is refused behind a good request, and nothing behind it arrives", async (_, bad) => {
    await serve((_request, response) => response.end("seen|"));
    const said = await talk([get("/good"), `${bad}${get("/hidden")}`], 9);
    expect(said).toMatch(/^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 400 /);
    expect(seen).toEqual(["GET /good"]);
  });

  test.each([
    ["no host", "GET /bad HTTP/1.1\r\n\r\n"],
    ["two hosts", "GET /bad HTTP/1.1\r\nHost: x.com\r\nHost: y.com\r\n\r\n"],
  ])("a request with %s is refused by itself", async (_, bad) => {
    await serve((_request, response) => response.end("seen|"));
    expect(await talk([get("/good"), bad, get("/next")], 3)).toMatch(/HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 400 /);
    expect(seen).not.toContain("GET /bad");
  });

  test("ends after the answer if the client asks for that", async () => {
    await serve((_request, response) => response.end("seen|"));
    expect(await fixture.raw(get("/", "Connection: close\r\n") + get("/hidden"))).toMatch(
      /Connection: close[\s\S]*seen\|$/,
    );
    expect(seen).toEqual(["GET /"]);
  });

  test("HTTP/1.0 is understood", async () => {
    await serve((_request, response) => response.end("seen"));
    expect(await fixture.raw("GET / HTTP/1.0\r\nHost: x.com\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 [\s\S]*seen$/);
  });

  test("a client that says nothing is let go", async () => {
    await fixture[Symbol.asyncDispose]();
    fixture = await EngineFixture.open({ limits: { headerTime: 100 } });
    expect(await fixture.raw("")).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("one without a request is closed with the engine, one with a request when it is answered", async () => {
    await fixture[Symbol.asyncDispose]();
    fixture = await EngineFixture.open({ limits: { endTime: 60_000 } });
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>();
    await serve((request, response) => (request.url === "/slow" ? resolve(response) : response.end("seen")));
    const idle = connect(fixture.engine.httpPort, "127.0.0.1");
    await once(idle, "connect");
    const idleEnds = once(idle.resume(), "close");
    const slow = fixture.raw(get("/slow"));
    const response = await asked;
    const closing = fixture.engine[Symbol.asyncDispose]();
    await idleEnds;
    response.end("done at last");
    expect(await slow).toMatch(/done at last$/);
    await closing;
  });
});

describe("answers", () => {
  test.each([0, 5, 20_000, 3_000_000])("of %i bytes arrive whole, with a length and in chunks", async (size) => {
    const body = "abcdefg".repeat(size / 7 + 1).slice(0, size);
    await serve((request, response) => {
      if (request.url === "/length") response.setHeader("Content-Length", size);
      response.write(body.slice(0, size / 2));
      response.end(body.slice(size / 2));
    });
    for (const path of ["/length", "/chunks"]) expect((await fixture.ask({ path })).body).toBe(body);
  });

  test("flow no faster than the client reads", async () => {
    const size = 512_000_000;
    const chunk = Buffer.alloc(64_000);
    let sent = 0;
    const { promise: full, resolve } = Promise.withResolvers<void>();
    await serve((_request, response) => {
      response.writeHead(200, { "content-length": size });
      let still: NodeJS.Timeout | undefined;
      const send = () => {
        clearTimeout(still);
        do sent += chunk.length;
        while (response.write(chunk) && sent < size);
        still = setTimeout(resolve, 300);
      };
      response.on("drain", send);
      response.on("close", () => clearTimeout(still));
      send();
    });
    const client = connect(fixture.engine.httpPort, "127.0.0.1", () => client.write(get("/"))).pause();
    await full;
    expect(sent).toBeLessThan(size / 4);
    const before = sent;
    client.resume();
    while (sent === before) await new Promise((done) => setImmediate(done));
    client.destroy();
  });

  test("that go on arrive bit by bit", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>();
    await serve((_request, response) => resolve(response));
    const client = connect(fixture.engine.httpPort, "127.0.0.1", () => client.write(get("/")));
    const response = await asked;
    for (const part of ["data: one\n\n", "data: two\n\n"]) {
      response.write(part);
      let said = "";
      while (!said.includes(part)) said += (await once(client, "data"))[0];
    }
    client.destroy();
    await once(response, "close");
  });

  test("a request whose client has gone ends at the back end", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>();
    await serve((_request, response) => resolve(response));
    const client = connect(fixture.engine.httpPort, "127.0.0.1", () => client.write(get("/")));
    const response = await asked;
    client.destroy();
    await once(response, "close");
  });

  // What is behind could be shown to another client as the answer to its request.
  test.each([
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\nok"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ["a head with a control character", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok"],
  ])("with %s are not passed on", async (_, answer) => {
    const endpoint = await fixture.listen(
      createTcp((socket) => socket.once("data", () => socket.end(answer, "latin1"))),
    );
    fixture.engine.apply({
      table: planFor({ defaultBackend: to("a") }, { a: [endpoint] }).table,
      certificates: new Map(),
    });
    expect((await fixture.ask()).status).toBe(502);
  });

  test("what a back end sends behind its answer is shown to nobody", async () => {
    const sockets: Socket[] = [];
    const listener = (socket: Socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", () =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
      );
    };
    const endpoint = await fixture.listen(createTcp(listener));
    fixture.engine.apply({
      table: planFor({ defaultBackend: to("a") }, { a: [endpoint] }).table,
      certificates: new Map(),
    });
    for (let count = 0; count < 3; count++) expect((await fixture.ask()).body).toBe("ok");
    expect(sockets).toHaveLength(3);
  });
});
