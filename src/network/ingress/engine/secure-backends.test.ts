import { once } from "node:events";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer, type Server } from "node:https";
import { createServer as createTcp } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../../lib/clock.ts";
import { selfSigned } from "../../../wire/certificate-fixture.ts";
import type { Target } from "../../proxy/front.ts";
import { makeDefaultCertificate } from "../default-certificate.ts";
import type { EngineState } from "../engine.ts";
import { EngineFixture } from "../testing/engine-fixture.ts";
import { planFor, to } from "../testing/objects.ts";
import { serverNameOf } from "./endpoint-tls.ts";

let fixture: EngineFixture;
let pair: { readonly cert: string; readonly key: string };
beforeEach(async () => {
  fixture = await EngineFixture.open();
  pair = await makeDefaultCertificate(systemClock);
});
afterEach(() => fixture[Symbol.asyncDispose]());

const serve = (endpoints: readonly Target[], appProtocol: string) => {
  const { table } = planFor({ defaultBackend: to("a") }, { a: endpoints }, { appProtocol });
  fixture.engine.apply({ table, certificates: new Map() });
};

test("a back end that wants TLS gets it, with the host's name, over connections that are kept", async () => {
  let connections = 0;
  const server: Server = createServer(pair, (request, response) => {
    const { servername } = request.socket as TLSSocket & { readonly servername: string | false };
    const { host, "x-forwarded-proto": proto } = request.headers;
    response.end(JSON.stringify({ servername, host, proto, length: Number(request.headers["content-length"] ?? 0) }));
  });
  server.on("secureConnection", () => connections++);
  // The first that is tried refuses connections, and nothing was sent to it.
  serve([await fixture.nobody(), await fixture.listen(server)], "https");
  const asked = async (host: string, body?: Buffer) =>
    JSON.parse((await fixture.ask({ host, ...(body ? { method: "POST", body } : {}) })).body);
  const seen = { servername: "x.com", host: "x.com", proto: "http", length: 0 };
  expect(await asked("x.com")).toEqual(seen);
  expect(await asked("x.com", Buffer.from("abc"))).toEqual({ ...seen, length: 3 });
  expect(connections).toBe(1);
  expect(await asked("y.com")).toMatchObject({ servername: "y.com" });
  expect(connections).toBe(2);
  server.closeAllConnections();
});

test("an endpoint that hangs up while TLS begins has seen nothing: another one is asked, for writing too", async () => {
  const broken = createTcp((socket) => void socket.destroy());
  const server = createServer(pair, (request, response) => void request.pipe(response));
  serve([await fixture.listen(broken), await fixture.listen(server)], "https");
  for (let round = 0; round < 4; round++)
    expect((await fixture.ask({ method: "POST", body: Buffer.from("once") })).body).toBe("once");
  server.closeAllConnections();
});

test("gRPC over TLS goes through to its trailers", async () => {
  const server = createSecureServer(pair);
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end("answer");
  });
  serve([await fixture.listen(server)], "grpcs");
  expect(await fixture.ask({ method: "POST", headers: { te: "trailers" } })).toMatchObject({
    status: 200,
    body: "answer",
    trailers: { "grpc-status": "0" },
  });
});

test("a WebSocket goes on to a back end that wants TLS", async () => {
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer(pair);
  server.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (opened) => opened.on("message", (data) => opened.send(`${data}!`))),
  );
  serve([await fixture.listen(server)], "kubernetes.io/wss");
  const client = new WebSocket(`ws://127.0.0.1:${fixture.engine.httpPort}/`);
  await once(client, "open");
  client.send("hello");
  expect(String((await once(client, "message"))[0])).toBe("hello!");
  client.terminate();
  server.closeAllConnections();
});

test("plain HTTP is not understood as TLS: nobody answers", async () => {
  serve([await fixture.serve((_request, response) => response.end("plain"))], "https");
  expect((await fixture.ask()).status).toBe(502);
});

describe("a back end that has to prove who it is", () => {
  const annotations = { "ingress.navarch.io/backend-ca-secret": "trusted" };
  const known = (pem: string) => new Map([["default/trusted", { pem, id: pem }]]);
  const trust = (endpoint: Target, named: string, authorities: EngineState["authorities"], appProtocol = "https") => {
    const given = { appProtocol, annotations: { ...annotations, "ingress.navarch.io/backend-server-name": named } };
    const { table } = planFor({ defaultBackend: to("a") }, { a: [endpoint] }, given);
    fixture.engine.apply({ table, certificates: new Map(), ...(authorities ? { authorities } : {}) });
  };

  test("is asked if its certificate is of the authority and has the name", async () => {
    let asked = 0;
    const own = await selfSigned("CN=own");
    const server = createServer(own, (_request, response) => {
      asked++;
      response.end("proved");
    });
    const endpoint = await fixture.listen(server);
    trust(endpoint, "127.0.0.1", known(own.cert));
    expect(await fixture.ask()).toMatchObject({ status: 200, body: "proved" });
    trust(endpoint, "", known(own.cert));
    expect(await fixture.ask({ host: "127.0.0.1" })).toMatchObject({ status: 200 });
    expect(await fixture.ask({ host: "x.com" })).toMatchObject({ status: 502 });
    trust(endpoint, "other.example", known(own.cert));
    expect((await fixture.ask()).status).toBe(502);
    trust(endpoint, "127.0.0.1", known((await selfSigned("CN=own")).cert));
    expect((await fixture.ask({ method: "POST", body: "secret" })).status).toBe(502);
    trust(endpoint, "127.0.0.1", undefined);
    expect((await fixture.ask()).status).toBe(502);
    expect(asked).toBe(2);
    server.closeAllConnections();
  });

  test("likewise over HTTP/2", async () => {
    const own = await selfSigned("CN=own");
    const server = createSecureServer(own);
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200 });
      stream.end("proved");
    });
    const endpoint = await fixture.listen(server);
    trust(endpoint, "127.0.0.1", known(own.cert), "grpcs");
    expect(await fixture.ask()).toMatchObject({ status: 200, body: "proved" });
    trust(endpoint, "other.example", known(own.cert), "grpcs");
    expect((await fixture.ask()).status).toBe(502);
  });

  test("likewise for a WebSocket", async () => {
    const own = await selfSigned("CN=own");
    const sockets = new WebSocketServer({ noServer: true });
    const server = createServer(own);
    server.on("upgrade", (request, socket, head) => sockets.handleUpgrade(request, socket, head, () => {}));
    const endpoint = await fixture.listen(server);
    const opens = async () => {
      const client = new WebSocket(`ws://127.0.0.1:${fixture.engine.httpPort}/`);
      const opened = await Promise.race([
        once(client, "open").then(() => true),
        once(client, "close").then(() => false),
      ]);
      client.terminate();
      return opened;
    };
    trust(endpoint, "127.0.0.1", known(own.cert));
    expect(await opens()).toBe(true);
    for (const [name, authorities] of [
      ["other.example", known(own.cert)],
      ["127.0.0.1", undefined],
    ] as const) {
      trust(endpoint, name, authorities);
      await expect(opens()).rejects.toThrow("502");
    }
    server.closeAllConnections();
  });
});

test.each([
  ["x.com", "x.com"],
  ["X.com:8443", "x.com"],
  ["10.0.0.1:80", ""],
  ["[fd00::1]:80", ""],
  ["", ""],
])("the server's name of %j is %j", (authority, name) => {
  expect(serverNameOf(authority)).toBe(name);
});
