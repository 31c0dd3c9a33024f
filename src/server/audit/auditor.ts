import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { ServerRequest, ServerResponse, UserInfo } from "../exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import type { AuditBackend, AuditEvent } from "./audit-event.ts";
import type { AuditPolicy, AuditStage } from "./audit-policy.ts";
import { AuditRecord, type BodyReader } from "./audit-record.ts";

export interface AuditOptions {
  readonly policy: AuditPolicy;
  readonly backends: readonly AuditBackend[];
}

export interface AuditorOptions extends AuditOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Reads a body of another form than JSON. */
  readonly decode: BodyReader;
}

const nobody: UserInfo = { name: "", groups: [] };

/** Writes down who asked for what and what came of it, as far as the policy wants it. */
export class Auditor implements AsyncDisposable {
  readonly #options: AuditorOptions;
  readonly #events;
  readonly #levels;

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#events = options.metrics.counter("apiserver_audit_event_total", "Audit events written.");
    this.#levels = options.metrics.counter("apiserver_audit_level_total", "Requests by how much is audited.", [
      "level",
    ]);
  }

  /** Begins the record of a request whose user is known; undefined when the policy wants none. */
  begin(request: ServerRequest, info: RequestInfo, user: UserInfo, id: string): AuditRecord | undefined {
    const { policy, clock, decode } = this.#options;
    const decision = policy(user, info);
    this.#levels.inc({ level: decision.level });
    if (decision.level === "None") return undefined;
    const emit = (event: AuditEvent) => this.#emit(event, decision.omitStages);
    const record = new AuditRecord({ request, info, user, id, decision, now: () => clock.now(), emit, decode });
    record.stage("RequestReceived");
    return record;
  }

  /** Writes down a request whose credentials were wrong. */
  refused(request: ServerRequest, info: RequestInfo, response: ServerResponse, id: string): void {
    const record = this.begin(request, info, nobody, id);
    const kind = /^(\w+) /.exec(request.headers.authorization ?? "")?.[1]?.toLowerCase();
    const attempted = kind ?? (request.certificate ? "x509" : "");
    record?.fail(response.status, `Authentication failed${attempted ? `, attempted: ${attempted}` : ""}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#options.backends) await backend[Symbol.asyncDispose]();
  }

  #emit(event: AuditEvent, omitted: ReadonlySet<AuditStage>): void {
    if (omitted.has(event.stage)) return;
    this.#events.inc();
    for (const backend of this.#options.backends) backend.write(event);
  }
}
