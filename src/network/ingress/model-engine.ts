import type { Clock } from "../../lib/clock.ts";
import type { Target } from "../proxy/front.ts";
import { Balancer } from "./balancer.ts";
import type { EngineState, IngressEngine } from "./engine.ts";
import { hostOf } from "./hosts.ts";
import { plainPath } from "./paths.ts";
import { decide, emptyTable, forHost } from "./routing-table.ts";
import { redirectStatus } from "./standard-answers.ts";

export interface ModelRequest {
  readonly method: string;
  readonly secure: boolean;
  /** The Host header. */
  readonly host: string;
  readonly path: string;
}

/** A status, with where it leads or who gave it. */
export interface ModelAnswer {
  readonly status: number;
  readonly location?: string;
  readonly endpoint?: Target;
}

/** Decides without a network what an engine would answer: for simulated nodes, and for asking why. */
export class ModelIngressEngine implements IngressEngine {
  readonly #balancer: Balancer;
  readonly #reachable: (target: Target) => boolean;
  #state: EngineState = { table: emptyTable, certificates: new Map() };

  constructor(options: { readonly clock: Clock; readonly reachable?: (target: Target) => boolean }) {
    this.#balancer = new Balancer(options.clock);
    this.#reachable = options.reachable ?? (() => true);
  }

  apply(state: EngineState): void {
    this.#state = state;
  }

  ask({ method, secure, host: authority, path }: ModelRequest): ModelAnswer {
    const host = hostOf(authority);
    if (host === undefined) return { status: 400 };
    const decision = decide(this.#state.table, { host, path: plainPath(path), secure });
    if (decision.kind === "not-found") return { status: 404 };
    if (decision.kind === "redirect") {
      return { status: redirectStatus(method), location: `https://${host}${path}` };
    }
    const { backend } = decision.route;
    if (backend.endpoints.length === 0) return { status: 503 };
    if (backend.trust && !this.#state.authorities?.has(backend.trust.secret)) return { status: 502 };
    const endpoint = this.#balancer.order(backend).find((target) => this.#reachable(target));
    return endpoint ? { status: 200, endpoint } : { status: 502 };
  }

  /** The PEM text of the certificate for a server name; undefined is the default one. */
  certificate(serverName: string): string | undefined {
    const { table, certificates } = this.#state;
    const secret = forHost(table.certificates, serverName);
    return secret === undefined ? undefined : certificates.get(secret)?.cert;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
