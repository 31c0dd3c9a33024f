import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Metrics } from "../../src/lib/metrics.ts";
import { makeDefaultCertificate } from "../../src/network/ingress/default-certificate.ts";
import { openNodeEngine } from "../../src/network/ingress/engine/node-engine.ts";
import { planFor, to } from "../../src/network/ingress/testing/objects.ts";

/** One process of the Ingress measure: `backend`, `engine PORT`, `bare PORT`, or `load PORT MILLISECONDS`. */
const [part = "", port = "", milliseconds = ""] = process.argv.slice(2);
const host = "127.0.0.1";
const connections = 32;

const listen = (server: Server) =>
  server.listen(0, host, () => process.send?.({ port: (server.address() as AddressInfo).port }));

const parts: Readonly<Record<string, () => unknown>> = {
  backend: () => {
    const body = "x".repeat(512);
    listen(createServer((_request, response) => response.end(body)));
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

  load: () => {
    const agent = new Agent({ keepAlive: true });
    const ends = performance.now() + Number(milliseconds);
    let answered = 0;
    let failed = 0;
    let open = connections;
    const finish = () => {
      open -= 1;
      if (open === 0) process.send?.({ answered, failed }, () => process.exit(0));
    };
    const ask = () => {
      if (performance.now() > ends) return finish();
      const asked = request({ agent, host, port: Number(port), path: "/", headers: { host: "h7.bench" } }, (answer) => {
        if (answer.statusCode === 200) answered += 1;
        else failed += 1;
        answer.on("end", ask).resume();
      });
      asked.on("error", () => {
        failed += 1;
        finish();
      });
      asked.end();
    };
    for (let index = 0; index < connections; index++) ask();
  },
};

await parts[part]?.();
