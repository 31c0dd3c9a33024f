import type { Server } from "node:http";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { createServer } from "../../lib/plain-http.ts";
import type { HealthCheck } from "./plan.ts";

/** Answers load balancers that ask whether this node has endpoints of its own for a service. */
export class HealthCheckServers {
  readonly #log: Log;
  readonly #servers = new Map<number, { readonly server: Server; check: HealthCheck }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Opens, changes and closes ports so that these are answered. A port that cannot be had is reported in the log. */
  update(checks: readonly HealthCheck[]): void {
    const wanted = new Map(checks.map((check) => [check.port, check]));
    for (const [port, { server }] of this.#servers) {
      if (wanted.has(port)) continue;
      server.close();
      server.closeAllConnections();
      this.#servers.delete(port);
    }
    for (const [port, check] of wanted) {
      const known = this.#servers.get(port);
      if (known) known.check = check;
      else this.#open(port, check);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.update([]);
  }

  #open(port: number, check: HealthCheck): void {
    const server = createServer((_, response) => {
      const { namespace, name, localEndpoints } = this.#servers.get(port)?.check ?? check;
      response.writeHead(localEndpoints > 0 ? 200 : 503, {
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
      });
      response.end(`${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true })}\n`);
    });
    server.on("error", (error) => {
      this.#log.error("a health check port cannot be served", { port, error: errorMessage(error) });
      this.#servers.delete(port);
    });
    server.listen(port);
    this.#servers.set(port, { server, check });
  }
}
