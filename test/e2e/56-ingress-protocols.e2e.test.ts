import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect as connectH2 } from "node:http2";
import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { systemClock } from "../../src/lib/clock.ts";
import { makeDefaultCertificate } from "../../src/network/ingress/default-certificate.ts";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { images } from "./tools/workloads.ts";

/* What is spoken through an Ingress: gRPC, HTTPS to the back end, WebSockets, connections that stay. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "protocols");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
let address: string;
let ownCertificate: string;

const rule = (host: string, number: number) => ({
  host,
  http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "talk", port: { number } } } }] },
});

/** Serves gRPC's way of HTTP/2 without TLS on 8001, HTTPS on 8002 and an echo by WebSocket on 8003. */
const program = `
const { readFileSync } = require("node:fs");
const grpc = require("node:http2").createServer();
grpc.on("stream", (stream, headers) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc", path: headers[":path"] }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
  stream.pipe(stream);
});
grpc.listen(8001);
const pair = { cert: readFileSync("/tls/tls.crt"), key: readFileSync("/tls/tls.key") };
require("node:https").createServer(pair, (request, response) => {
  response.end(JSON.stringify({ name: request.socket.servername, port: request.socket.remotePort }));
}).listen(8002);
const socketServer = require("node:http").createServer((request, response) => response.end("plain"));
socketServer.on("upgrade", (request, socket) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = require("node:crypto").createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.on("data", (frame) => {
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6).map((byte, index) => byte ^ mask[index % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
});
socketServer.listen(8003);
process.on("SIGTERM", () => process.exit(0));
`;

beforeAll(async () => {
  const { cert, key } = await makeDefaultCertificate(systemClock);
  ownCertificate = cert;
  await cluster.apply(
    ns,
    { apiVersion: "v1", kind: "Secret", metadata: { name: "own" }, stringData: { "tls.crt": cert, "tls.key": key } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "talk", labels: { app: "talk" } },
      spec: {
        terminationGracePeriodSeconds: 2,
        volumes: [{ name: "tls", secret: { secretName: "own" } }],
        containers: [
          {
            name: "main",
            image: images.web,
            command: ["node", "-e", program],
            readinessProbe: { tcpSocket: { port: 8003 }, periodSeconds: 1 },
            volumeMounts: [{ name: "tls", mountPath: "/tls" }],
          },
        ],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "talk" },
      spec: {
        selector: { app: "talk" },
        ports: [
          { name: "grpc", port: 8001, appProtocol: "kubernetes.io/h2c" },
          { name: "https", port: 8002, appProtocol: "https" },
          { name: "sockets", port: 8003, appProtocol: "kubernetes.io/ws" },
        ],
      },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "talk" },
      spec: { rules: [rule("grpc.test", 8001), rule("https.test", 8002), rule("sockets.test", 8003)] },
    },
  );
  const [node] = (await cluster.get("nodes")).items;
  address = node?.status.addresses.find(({ type }: { type: string }) => type === "InternalIP").address;
  await kubectl("wait", "--for=condition=Ready", "pod/talk", "--timeout=60s");
  await eventually("the Ingress is served", async () => expect((await ask("sockets.test")).text).toBe("plain"));
});

/** One request by HTTP, and its answer's text. */
async function ask(host: string, agent?: Agent) {
  const asked = get({ host: address, path: "/", headers: { host }, agent: agent ?? false, timeout: 10_000 });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const part of answer.setEncoding("utf8")) body += String(part);
  return { text: body, status: answer.statusCode, reused: asked.reusedSocket };
}

describe("through an Ingress", () => {
  test("gRPC goes both ways at once, to its trailers", async () => {
    const client = connectH2(`https://${address}`, { rejectUnauthorized: false, servername: "grpc.test" });
    const stream = client.request({
      ...{ ":method": "POST", ":path": "/echo.Echo/Talk", ":authority": "grpc.test" },
      ...{ te: "trailers", "content-type": "application/grpc" },
    });
    const trailers = once(stream, "trailers");
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200, path: "/echo.Echo/Talk" });
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

  test("a back end that speaks HTTPS is asked by the host's name, over a connection that stays", async () => {
    const [first, second] = [JSON.parse((await ask("https.test")).text), JSON.parse((await ask("https.test")).text)];
    expect(first.name).toBe("https.test");
    expect(second).toEqual(first);
  });

  test("a back end has to prove who it is, if the Ingress names an authority", async () => {
    const annotations = {
      "ingress.navarch.io/backend-ca-secret": "authority",
      "ingress.navarch.io/backend-server-name": "ingress.local",
    };
    const sure = {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "sure", annotations } },
      spec: { rules: [rule("sure.test", 8002)] },
    };
    await cluster.apply(ns, sure);
    await eventually("nobody is asked without the Secret, and an event says so", async () => {
      expect((await ask("sure.test")).status).toBe(502);
      const events = await kubectl("get", "events", "--field-selector", "reason=AuthorityUnusable");
      expect(events).toContain('Secret "protocols/authority" cannot be used: it does not exist');
    });
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "authority" } };
    await cluster.apply(ns, { ...secret, stringData: { "ca.crt": ownCertificate } });
    await eventually("the certificate is of the authority", async () =>
      expect(JSON.parse((await ask("sure.test")).text).name).toBe("ingress.local"),
    );
    await kubectl("annotate", "ingress", "sure", "--overwrite", "ingress.navarch.io/backend-server-name=other.local");
    await eventually("the certificate has another name", async () => expect((await ask("sure.test")).status).toBe(502));
  });

  test("WebSockets talk", async () => {
    const client = new WebSocket(`ws://${address}/`, { headers: { host: "sockets.test" } });
    await once(client, "open");
    for (const message of ["one", "two"]) {
      client.send(message);
      expect(String((await once(client, "message"))[0])).toBe(message);
    }
    client.terminate();
  });

  test("a client's connection stays for its next request, to whichever host", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask("sockets.test", agent)).reused).toBe(false);
    expect((await ask("https.test", agent)).reused).toBe(true);
    agent.destroy();
  });
});
