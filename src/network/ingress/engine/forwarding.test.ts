import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  connect as connectH2,
  createServer as createH2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { connect, createServer as createTcp, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../../lib/clock.ts";
import type { Target } from "../../proxy/front.ts";
import { EngineFixture } from "../testing/engine-fixture.ts";
import { planFor, to } from "../testing/objects.ts";

let fixture: EngineFixture;
beforeEach(async () => {
  fixture = await EngineFixture.open();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const serve = (endpoints: readonly (Target & { ready?: boolean; terminating?: boolean })[], appProtocol?: string) => {
  const { table } = planFor({ defaultBackend: to("a") }, { a: endpoints }, appProtocol ? { appProtocol } : {});
  fixture.engine.apply({ table, certificates: new Map() });
};

describe("what a back end sees", () => {
  test("where the request came from is said by the proxy alone, and nothing of the connection is passed on", async () => {
    serve([
      await fixture.serve(({ headers, url, method }, response) => {
        response.end(JSON.stringify({ headers, url, method }));
      }),
    ]);
    const spoofed = { "x-forwarded-for": "1.2.3.4", "x-real-ip": "1.2.3.4", forwarded: "for=1.2.3.4" };
    const { body } = await fixture.ask({
      path: "/a%2Fb/../c?d=e",
      headers: { ...spoofed, "x-hop": "1", connection: "close, x-hop", authorization: "Bearer t" },
    });
    const { headers, url } = JSON.parse(body);
    expect(url).toBe("/a%2Fb/../c?d=e");
    expect(headers).toMatchObject({
      ...{ host: "x.com", authorization: "Bearer t", "x-forwarded-host": "x.com", "x-forwarded-proto": "http" },
      ...{ "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1" },
    });
    expect(headers).not.toHaveProperty("x-hop");
    expect(headers).not.toHaveProperty("forwarded");
    expect(JSON.parse((await fixture.ask({ secure: true })).body).headers["x-forwarded-proto"]).toBe("https");
  });

  test("a body arrives whole, with a length or without", async () => {
    serve([await fixture.serve((request, response) => void request.pipe(response))]);
    const body = Buffer.alloc(3_000_000, "abcdefg");
    for (const secure of [false, true]) {
      expect((await fixture.ask({ method: "POST", body, secure })).body).toBe(body.toString());
      const chunked = { "transfer-encoding": "chunked" };
      expect((await fixture.ask({ method: "DELETE", body, secure, headers: chunked })).body).toBe(body.toString());
    }
  });

  test("a body flows no faster than the back end reads", async () => {
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    serve([await fixture.serve((request) => resolve(request))]);
    const size = 512_000_000;
    const chunk = Buffer.alloc(64_000);
    const client = connect(fixture.engine.httpPort, "127.0.0.1");
    client.on("error", () => {});
    client.write(`POST / HTTP/1.1\r\nHost: x.com\r\nContent-Length: ${size}\r\n\r\n`);
    let sent = 0;
    const send = () => {
      do sent += chunk.length;
      while (client.write(chunk) && sent < size);
    };
    client.on("drain", send);
    send();
    const request = await promise;
    for (let before = -1, still = 0; still < 20; before = sent) {
      still = sent === before ? still + 1 : 0;
      await systemClock.sleep(10);
    }
    // What is on its way is what buffers on the way hold; the rest has not left the client.
    expect(sent).toBeLessThan(size / 4);
    request.resume();
    await once(client, "drain");
    client.destroy();
  });

  test("connections are kept from one request to the next", async () => {
    let connections = 0;
    serve([
      await fixture.serve(
        (_request, response) => response.end("x"),
        (server) => server.on("connection", () => connections++),
      ),
    ]);
    for (let count = 0; count < 5; count++) await fixture.ask();
    expect(connections).toBe(1);
  });
});

describe("what a client sees", () => {
  test("status, headers, trailers and the absence of a body are the back end's", async () => {
    serve([
      await fixture.serve((request, response) => {
        if (request.method === "HEAD") return response.writeHead(200, { "content-length": "42" }).end();
        if (request.url === "/304") return response.writeHead(304, { etag: '"1"' }).end();
        response.writeHead(418, { "set-cookie": ["a=1", "b=2"], trailer: "x-sum" });
        response.addTrailers({ "x-sum": "7" });
        response.end("tea");
      }),
    ]);
    const answer = await fixture.ask();
    expect(answer).toMatchObject({ status: 418, body: "tea", trailers: { "x-sum": "7" } });
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect((await fixture.ask({ method: "HEAD" })).headers["content-length"]).toBe("42");
    expect(await fixture.ask({ path: "/304" })).toMatchObject({ status: 304, body: "" });
  });

  test("an answer that breaks off does not look complete", async () => {
    serve([
      await fixture.serve((_request, response) => {
        response.writeHead(200);
        response.write("half");
        setImmediate(() => response.destroy());
      }),
    ]);
    await expect(fixture.ask()).rejects.toThrow();
    await expect(fixture.ask({ secure: true })).rejects.toThrow();
  });

  test("a back end that takes too long is 504", async () => {
    await fixture[Symbol.asyncDispose]();
    fixture = await EngineFixture.open({ limits: { answerTime: 100 } });
    serve([await fixture.serve(() => {})]);
    expect((await fixture.ask()).status).toBe(504);
  });

  test("requests are counted by the hosts of rules", async () => {
    const rules = [{ host: "*.x.com", http: { paths: [{ pathType: "Prefix", path: "/", backend: to("a") }] } }];
    const endpoint = await fixture.serve((_request, response) => response.end());
    fixture.engine.apply({ table: planFor({ rules }, { a: [endpoint] }).table, certificates: new Map() });
    await fixture.ask({ host: "a.x.com" });
    await fixture.ask({ host: "b.x.com" });
    await fixture.ask({ host: "made.up" });
    const text = await fixture.metrics.text();
    expect(text).toContain(
      'navarch_ingress_requests_total{ingress="default/web",host="*.x.com",method="GET",code="200"} 2',
    );
    expect(text).not.toContain("made.up");
  });
});

describe("when connections fail", () => {
  test("a request that can be asked twice is, when an endpoint hangs up without an answer", async () => {
    const hangsUp = await fixture.listen(createTcp((socket) => socket.once("data", () => socket.destroy())));
    const answers = await fixture.serve((_request, response) => response.end("ok"));
    serve([hangsUp, answers]);
    for (let count = 0; count < 4; count++) expect(await fixture.ask()).toMatchObject({ status: 200, body: "ok" });
  });

  test("a request that changes something is not sent a second time", async () => {
    let asked = 0;
    const hangsUp = () =>
      createTcp((socket) =>
        socket.once("data", () => {
          asked++;
          socket.destroy();
        }),
      );
    serve([await fixture.listen(hangsUp()), await fixture.listen(hangsUp())]);
    expect((await fixture.ask({ method: "POST", body: "pay" })).status).toBe(502);
    expect(asked).toBe(1);
  });

  test("a connection that the back end closed while it was idle is nobody's trouble", async () => {
    const sockets = new Set<Socket>();
    const endpoint = await fixture.serve(
      (_request, response) => response.end("ok"),
      (server) => server.on("connection", (socket: Socket) => sockets.add(socket)),
    );
    serve([endpoint]);
    for (let count = 0; count < 3; count++) {
      expect((await fixture.ask()).body).toBe("ok");
      for (const socket of sockets) socket.destroy();
    }
  });

  test("a client that goes away ends the request at the back end", async () => {
    const { promise, resolve } = Promise.withResolvers<ServerResponse>();
    serve([await fixture.serve((_request, response) => resolve(response))]);
    const client = connectH2(`https://127.0.0.1:${fixture.engine.httpsPort}`, { rejectUnauthorized: false });
    const stream = client.request({ ":authority": "x.com" });
    stream.on("error", () => {});
    const response = await promise;
    client.destroy();
    await once(response, "close");
    expect(response.writableFinished).toBe(false);
  });
});

test("an endpoint that is ending gets nothing new, while what it answers goes on to its end", async () => {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const ending = await fixture.serve((request, response) => {
    if (request.url === "/slow") resolve(response);
    else response.end("ending");
  });
  const next = await fixture.serve((_request, response) => response.end("next"));
  serve([ending]);
  const slow = fixture.ask({ path: "/slow" });
  const response = await promise;
  response.write("begun, ");
  serve([{ ...ending, ready: false, terminating: true }, next]);
  for (let count = 0; count < 3; count++) expect((await fixture.ask()).body).toBe("next");
  const socket = response.socket!;
  response.end("done");
  expect((await slow).body).toBe("begun, done");
  // Its connection is not kept.
  if (!socket.destroyed) await once(socket, "close");
});

describe("HTTP/2", () => {
  const openClient = () => connectH2(`https://127.0.0.1:${fixture.engine.httpsPort}`, { rejectUnauthorized: false });

  test("many requests share one connection, to back ends that speak HTTP/1.1", async () => {
    serve([await fixture.serve((request, response) => response.end(`${request.headers.host} ${request.url}`))]);
    const client = openClient();
    const ask = async (path: string) => {
      const stream = client.request({ ":path": path, ":authority": "x.com", cookie: "a=1" });
      let body = "";
      stream.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      const [headers] = await once(stream, "response");
      await once(stream, "end");
      return `${headers[":status"]} ${body}`;
    };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`/${index}`)));
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `200 x.com /${index}`));
    client.close();
  });

  test("gRPC goes through: messages both ways at once, and trailers", async () => {
    const server = createH2Server();
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "x-te": String(headers.te) },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
      stream.on("data", (chunk) => stream.write(chunk));
      stream.on("end", () => stream.end());
    });
    serve([await fixture.listen(server)], "kubernetes.io/h2c");
    const client = openClient();
    const stream = client.request({
      ...{ ":method": "POST", ":path": "/echo.Echo/Talk", ":authority": "x.com" },
      ...{ te: "trailers", "content-type": "application/grpc" },
    });
    const trailers = once(stream, "trailers");
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200, "x-te": "trailers" });
    stream.setEncoding("utf8");
    for (const message of ["one", "two"]) {
      stream.write(message);
      // The answer comes while the request is still open.
      expect((await once(stream, "data"))[0]).toBe(message);
    }
    stream.end();
    expect((await trailers)[0]).toMatchObject({ "grpc-status": "0", "grpc-message": "fine" });
    client.close();
  });

  test("a gRPC status without a message stays one", async () => {
    const server = createH2Server();
    server.on("stream", (stream: ServerHttp2Stream) =>
      stream.respond({ ":status": 200, "grpc-status": "5" }, { endStream: true }),
    );
    serve([await fixture.nobody(), await fixture.listen(server)], "grpc");
    const client = openClient();
    const stream = client.request({ ":method": "POST", ":path": "/a/b", ":authority": "x.com" });
    stream.end();
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "5" });
    stream.resume();
    await once(stream, "close");
    expect((await fixture.ask()).headers["grpc-status"]).toBe("5");
    client.close();
  });
});

describe("WebSockets", () => {
  test.each([{ secure: false }, { secure: true }])("talk both ways (TLS: $secure)", async ({ secure }) => {
    const sockets = new WebSocketServer({ noServer: true });
    const endpoint = await fixture.serve(
      (_request, response) => response.writeHead(400).end(),
      (server) =>
        server.on("upgrade", (request, socket, head) =>
          sockets.handleUpgrade(request, socket, head, (opened) => {
            opened.on("message", (data) => opened.send(`${request.headers["x-forwarded-proto"]} ${data}`));
          }),
        ),
    );
    serve([await fixture.nobody(), endpoint]);
    const port = secure ? fixture.engine.httpsPort : fixture.engine.httpPort;
    const client = new WebSocket(`ws${secure ? "s" : ""}://127.0.0.1:${port}/talk`, {
      rejectUnauthorized: false,
      headers: { host: "x.com" },
    });
    await once(client, "open");
    client.send("hello");
    expect(String((await once(client, "message"))[0])).toBe(`${secure ? "https" : "http"} hello`);
    client.close();
    await once(client, "close");
  });
});
