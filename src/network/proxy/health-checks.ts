import type { Server } from "node:http";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { createServer } from "../../lib/plain-http.ts";
import type { IpFamily } from "../machine/address.ts";
import type { HealthCheck } from "./plan.ts";

/** What a balancer is told; it leaves a node alone that answers 503. */
export function healthAnswer({ namespace, name, localEndpoints }: HealthCheck) {
  return {
    status: localEndpoints > 0 ? 200 : 503,
    headers: {
      "Content-Type": "application/json",
      "X-Content-Type-Options": "nosniff",
      "X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
    },
    body: `${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true })}\n`,
  };
}

/** Answers load balancers that ask whether this node has endpoints of its own for a service. */
export class HealthCheckServers {
  readonly #log: Log;
  readonly #servers = new Map<number, { readonly server: Server; check: HealthCheck }>();
  readonly #checks = new Map<IpFamily, readonly HealthCheck[]>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Opens, changes and closes ports so that these checks of one family are answered, beside those of the other; a service of
   * both has its endpoints in either. A port that cannot be had is reported in the log.
   */
  update(family: IpFamily, checks: readonly HealthCheck[]): void {
    this.#checks.set(family, checks);
    const wanted = new Map<number, HealthCheck>();
    for (const check of [...this.#checks.values()].flat()) {
      const other = wanted.get(check.port);
      if (!other || other.localEndpoints < check.localEndpoints) wanted.set(check.port, check);
    }
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
    for (const family of this.#checks.keys()) this.update(family, []);
  }

  #open(port: number, check: HealthCheck): void {
    const server = createServer((_, response) => {
      const { status, headers, body } = healthAnswer(this.#servers.get(port)?.check ?? check);
      response.writeHead(status, headers);
      response.end(body);
    });
    server.on("error", (error) => {
      this.#log.error("a health check port cannot be served", { port, error: errorMessage(error) });
      this.#servers.delete(port);
    });
    server.listen(port);
    this.#servers.set(port, { server, check });
  }
}
