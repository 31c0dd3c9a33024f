import { Agent, createServer, request } from "node:http";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Metrics } from "../../src/lib/metrics.ts";
import { makeDefaultCertificate } from "../../src/network/ingress/default-certificate.ts";
import { openNodeEngine } from "../../src/network/ingress/engine/node-engine.ts";
import { planFor, to } from "../../src/network/ingress/testing/objects.ts";

/** One process of the Ingress measure: `backend`, `engine PORT` or `bare PORT`. */
const [part = "", port = ""] = process.argv.slice(2);
const host = "127.0.0.1";
const headEnd = Buffer.from("\r\n\r\n");

const listen = (server: Server) =>
  server.listen(0, host, () => process.send?.({ port: (server.address() as AddressInfo).port }));

const parts: Readonly<Record<string, () => unknown>> = {
  /** Cheaper than any proxy: it looks for the ends of heads only. */
  backend: () => {
    const answer = Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 512\r\n\r\n${"x".repeat(512)}`,
    );
    const server = createTcp({ noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk: Buffer) => {
        for (let at = chunk.indexOf(headEnd); at >= 0; at = chunk.indexOf(headEnd, at + headEnd.length))
          socket.write(answer);
      });
    });
    listen(server);
  },

  /** What Node's HTTP takes at least: headers as they are, nothing looked at. */
  bare: () => {
    const agent = new Agent({ keepAlive: true });
    listen(
      createServer((incoming, outgoing) => {
        const { method, url: path, headers } = incoming;
        const asked = request({ agent, host, port: Number(port), method, path, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        });
        incoming.pipe(asked);
      }),
    );
  },

  engine: async () => {
    const certificate = await makeDefaultCertificate(systemClock);
    const tools = { clock: systemClock, metrics: new Metrics(), log: silentLog };
    const engine = await openNodeEngine({ hosts: [host], httpPort: 0, httpsPort: 0, certificate, ...tools });
    const rules = Array.from({ length: 100 }, (_, index) => ({
      host: `h${index}.bench`,
      http: { paths: [{ path: "/", pathType: "Prefix", backend: to("a") }] },
    }));
    engine.apply({
      table: planFor({ rules }, { a: [{ ip: host, port: Number(port) }] }).table,
      certificates: new Map(),
    });
    process.send?.({ port: engine.httpPort });
  },
};

// V8 writes its profile when a process ends by itself.
process.once("SIGTERM", () => process.exit(0));
await parts[part]?.();
