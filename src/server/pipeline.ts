import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { StatusError } from "../machinery/status-error.ts";
import { refuseUpgrade } from "../wire/upgrade-request.ts";
import type { Aggregator } from "./aggregation/aggregator.ts";
import { auditId } from "./audit/audit-id.ts";
import type { AuditRecord } from "./audit/audit-record.ts";
import type { Auditor } from "./audit/auditor.ts";
import { impersonate } from "./authentication/impersonation.ts";
import { type AuthorizationRequest, type Decision, refusal } from "./authorization/authorizer.ts";
import { requestSelectors } from "./authorization/request-selectors.ts";
import { asStatus, errorResponse, textResponse } from "./bodies/status-body.ts";
import type { Services } from "./call.ts";
import { Deadline } from "./deadline.ts";
import type { ServerRequest, ServerResponse, UserInfo } from "./exchange.ts";
import type { FlowControl, Ticket } from "./flow-control/flow-control.ts";
import type { PathRouter } from "./paths.ts";
import { type RequestInfo, requestInfo } from "./request-info.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { dispatch } from "./resources/dispatch.ts";
import { answerByMessages, asksForMessages } from "./socket-answer.ts";
import { connectCall } from "./subresources/connect.ts";

export interface PipelineOptions {
  readonly services: Services;
  readonly paths: PathRouter;
  readonly metrics: RequestMetrics;
  /** Without it nothing is written down. */
  readonly auditor?: Auditor;
  /** Knows the requests that other servers answer. */
  readonly aggregator?: Aggregator;
  /** Without it every request is worked on at once. */
  readonly flow?: FlowControl;
  /** Milliseconds that an answer may take; what lasts as long as somebody listens is exempt. Default a minute. */
  readonly requestTimeout?: number;
  /** What `Strict-Transport-Security` says, as `max-age=31536000; includeSubDomains`; absent or empty: nothing. */
  readonly transportSecurity?: string;
}

/** The way of every call: who asks, may they, what is asked, answer, count. */
export class Pipeline {
  readonly #services: Services;
  readonly #paths: PathRouter;
  readonly #metrics: RequestMetrics;
  readonly #auditor: Auditor | undefined;
  readonly #aggregator: Aggregator | undefined;
  readonly #flow: FlowControl | undefined;
  readonly #deadline: Deadline;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: PipelineOptions) {
    const { services, paths, metrics, auditor, aggregator, flow, requestTimeout, transportSecurity = "" } = options;
    this.#services = services;
    this.#paths = paths;
    this.#metrics = metrics;
    this.#auditor = auditor;
    this.#aggregator = aggregator;
    this.#flow = flow;
    this.#deadline = new Deadline(services.clock, requestTimeout);
    this.#headers = {
      "cache-control": "no-cache, private",
      ...(transportSecurity ? { "strict-transport-security": transportSecurity } : {}),
    };
  }

  /** Answers a call. Never throws: what goes wrong is an answer too. */
  async handle(request: ServerRequest): Promise<ServerResponse> {
    const info = requestInfo(request.method, request.path);
    const done = this.#metrics.begin(info);
    let response: ServerResponse;
    let ticket: Ticket | undefined;
    let sorted: Ticket["headers"] | undefined;
    const trace: Trace = { id: auditId(request, this.#services.registry.random) };
    try {
      const user = await this.#identify(request, info, trace);
      const asked = isLongRunning(info) ? undefined : this.#flow?.admit(user, info, () => request.signal);
      const admitted = asked instanceof Promise ? await asked : asked;
      sorted = admitted?.headers;
      if (admitted && "refused" in admitted) response = tooManyRequests();
      else {
        ticket = admitted;
        await this.#authorize(info, user, trace.record);
        const answer = () => this.#answer(trace.record?.request ?? request, info, user);
        const endless = isLongRunning(info) || info.verb === "watch";
        response = await (endless ? answer() : this.#deadline.within(info, answer));
      }
    } catch (error) {
      response = errorResponse(error, this.#services.log, { headers: request.headers, query: info.query });
    }
    ticket?.release();
    done(response.status);
    if (trace.record) response = trace.record.complete(response);
    else if (!trace.identified) this.#auditor?.refused(request, info, response, trace.id);
    return {
      status: response.status,
      headers: { "audit-id": trace.id, ...this.#headers, ...sorted, ...response.headers },
      body: this.#metrics.follow(info, response.body),
    };
  }

  #answer(request: ServerRequest, info: RequestInfo, user: UserInfo): Promise<ServerResponse> {
    const remote = this.#aggregator?.serverOf(info);
    if (remote) return remote.exchange(request, user);
    return info.isResource ? dispatch(this.#services, request, info, user) : this.#paths.answer(request, info);
  }

  /** Takes over a connection that asked for an upgrade. Never throws. */
  async upgrade(request: ServerRequest, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const info = requestInfo(request.method, request.path);
    socket.on("error", () => {});
    const trace: Trace = { id: auditId(request, this.#services.registry.random) };
    try {
      const user = await this.#identify(request, info, trace);
      await this.#authorize(info, user, trace.record);
      const question = connectQuestion(info, user);
      if (question) check(question, await this.#services.authorizer.decide(question));
      trace.record?.upgraded();
      const remote = this.#aggregator?.serverOf(info);
      if (remote) return await remote.upgrade(request, user, message, socket, head);
      if (!info.isResource) throw new StatusError("BadRequest", "Upgrade request is not supported here");
      const over = this.#metrics.lasting(info, true);
      socket.once("close", over);
      if (asksForMessages(message, info)) {
        const gone = new AbortController();
        socket.once("close", () => gone.abort());
        const answer = await this.#answer({ ...request, signal: gone.signal }, info, user);
        return await answerByMessages(answer, message, socket, head);
      }
      await connectCall(this.#services, { request, info, user }, message, socket, head);
    } catch (error) {
      const status = asStatus(error, this.#services.log);
      refuseUpgrade(socket, status.code, JSON.stringify(status.toStatus()));
      if (!trace.record && !trace.identified) {
        this.#auditor?.refused(
          request,
          info,
          errorResponse(status, this.#services.log, { headers: request.headers, query: info.query }),
          trace.id,
        );
      }
    } finally {
      trace.record?.stage("ResponseComplete");
    }
  }

  /** Who asks, or whom they stand for; from here on the request may be written down. */
  async #identify(request: ServerRequest, info: RequestInfo, trace: Trace): Promise<UserInfo> {
    const known = this.#services.authenticator.authenticate(request, info.path);
    const user = known instanceof Promise ? await known : known;
    trace.identified = true;
    trace.record = this.#auditor?.begin(request, info, user, trace.id);
    const wanted = request.headers["impersonate-user"] !== undefined || hasImpersonation(request.headers);
    if (!wanted) return user;
    const acting = await this.#impersonate(user, request, info.path);
    trace.record?.actsAs(acting);
    return acting;
  }

  async #authorize(info: RequestInfo, user: UserInfo, record: AuditRecord | undefined): Promise<void> {
    const question = questionOf(info, user);
    const asked = this.#services.authorizer.decide(question);
    const decision = asked instanceof Promise ? await asked : asked;
    record?.annotate("authorization.k8s.io/decision", decision.allowed ? "allow" : "forbid");
    record?.annotate("authorization.k8s.io/reason", decision.reason);
    check(question, decision);
  }

  async #impersonate(user: UserInfo, request: ServerRequest, path: string): Promise<UserInfo> {
    const questions: AuthorizationRequest[] = [];
    const acting = impersonate(user, request.headers, path, (question) => questions.push(question));
    for (const question of questions) check(question, await this.#services.authorizer.decide(question));
    return acting ?? user;
  }
}

/** How far a request has come, for its audit. */
interface Trace {
  readonly id: string;
  identified?: boolean;
  record?: AuditRecord | undefined;
}

/** Requests that last as long as somebody listens: seats would be gone for good. A watch takes one until it runs. */
const longRunning = new Set(["attach", "exec", "log", "portforward", "proxy"]);
const isLongRunning = (info: RequestInfo) => info.isResource && longRunning.has(info.subresource);

function tooManyRequests(): ServerResponse {
  return textResponse(429, "Too many requests, please try again later.\n", { "retry-after": "1" });
}

function hasImpersonation(headers: ServerRequest["headers"]): boolean {
  for (const name in headers) if (name.startsWith("impersonate-")) return true;
  return false;
}

function check(question: AuthorizationRequest, { allowed, reason }: Decision): void {
  if (!allowed) throw refusal(question, reason);
}

function questionOf(info: RequestInfo, user: UserInfo): AuthorizationRequest {
  if (info.isResource) {
    const { verb, group, version, resource, subresource, namespace, name, path } = info;
    const selectors = requestSelectors(info);
    const about = { verb, group, version, resource, subresource, namespace, name, path };
    return { user, isResource: true, ...about, ...(selectors ? { selectors } : {}) };
  }
  const nothing = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
  return { user, isResource: false, verb: info.verb, path: info.path, ...nothing };
}

/** Upgrades that do something to a pod. */
const acting = new Set(["exec", "attach", "portforward"]);

// Since v1.35 WebSocket clients, which can only GET, need the right to create as well.
function connectQuestion(info: RequestInfo, user: UserInfo): AuthorizationRequest | undefined {
  if (!info.isResource || info.verb !== "get" || !acting.has(info.subresource)) return undefined;
  return { ...questionOf(info, user), verb: "create" };
}
