import { auditAnnotationsOf } from "../admission/audit-annotations.ts";
import type { ResponseBody, ServerRequest, ServerResponse, UserInfo } from "../exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import { type AuditEvent, auditUser, microTime, withoutManagedFields } from "./audit-event.ts";
import type { AuditDecision, AuditStage } from "./audit-policy.ts";

/** Reads a request's body into a plain value; undefined when it makes none. */
export type BodyReader = (bytes: Uint8Array, request: ServerRequest, info: RequestInfo) => unknown;

export interface AuditRecordOptions {
  readonly request: ServerRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly id: string;
  readonly decision: AuditDecision;
  readonly now: () => number;
  readonly emit: (event: AuditEvent) => void;
  readonly decode: BodyReader;
}

type Metadata = { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string };

/** What is known so far of one request that is audited. */
export class AuditRecord {
  /** The request to go on with: what is read of its body is remembered here. */
  readonly request: ServerRequest;
  readonly #options: AuditRecordOptions;
  readonly #received: string;
  readonly #annotations: Record<string, string> = {};
  #impersonated: UserInfo | undefined;
  #sent: (() => unknown) | undefined;
  #answered: unknown;
  #status: object | undefined;

  constructor(options: AuditRecordOptions) {
    this.#options = options;
    this.#received = microTime(options.now());
    const keeps = options.decision.level === "Request" || options.decision.level === "RequestResponse";
    this.request = keeps ? this.#listening(options.request) : options.request;
  }

  /** The user stands for somebody else. */
  actsAs(user: UserInfo): void {
    this.#impersonated = user;
  }

  annotate(key: string, value: string): void {
    this.#annotations[key] ??= value;
  }

  stage(stage: AuditStage): void {
    this.#options.emit(this.#event(stage));
  }

  /** The request came to nothing. */
  fail(code: number, message: string): void {
    this.#status = { metadata: {}, status: "Failure", message, reason: "Unauthorized", code };
    this.stage("ResponseStarted");
    this.stage("ResponseComplete");
  }

  /** A connection left HTTP; it is complete when the promise returned by the handler is. */
  upgraded(): void {
    this.#status = { metadata: {}, code: 101 };
    this.stage("ResponseStarted");
  }

  /** The answer is known; what is returned in its place tells when it has gone out. */
  complete(response: ServerResponse): ServerResponse {
    const { body } = response;
    this.#status = statusOf(response);
    if (this.#options.decision.level === "RequestResponse" && body.kind === "object") this.#answered = body.value();
    if (body.kind !== "events" && body.kind !== "stream") {
      this.stage("ResponseComplete");
      return response;
    }
    this.stage("ResponseStarted");
    return { ...response, body: this.#watched(body) };
  }

  #watched(body: Extract<ResponseBody, { readonly kind: "events" | "stream" }>): ResponseBody {
    const done = () => this.stage("ResponseComplete");
    if (body.kind === "events") return { kind: "events", events: untilDone(body.events, done) };
    return { kind: "stream", stream: untilDone(body.stream, done) };
  }

  #listening(request: ServerRequest): ServerRequest {
    const { body } = request;
    const { decode, info } = this.#options;
    if (body.kind === "none") return request;
    if (body.kind === "value") {
      this.#sent = () => body.value;
      return request;
    }
    const read = async (limit: number) => {
      const bytes = await body.read(limit);
      this.#sent = () => decode(bytes, request, info);
      return bytes;
    };
    // The signal is made when somebody asks for it, so it stays a question.
    return {
      method: request.method,
      path: request.path,
      headers: request.headers,
      body: { kind: "bytes", read, chunks: () => body.chunks() },
      ...(request.identity ? { identity: request.identity } : {}),
      ...(request.certificate ? { certificate: request.certificate } : {}),
      ...(request.address === undefined ? {} : { address: request.address }),
      get signal() {
        return request.signal;
      },
    };
  }

  #event(stage: AuditStage): AuditEvent {
    const { request, info, user, id, decision, now } = this.#options;
    const early = stage === "RequestReceived";
    const sources = sourcesOf(request);
    const sent = early ? undefined : this.#sent?.();
    const shown = (value: unknown) => (decision.omitManagedFields ? withoutManagedFields(value) : value);
    const annotations = { ...this.#annotations, ...Object.fromEntries(auditAnnotationsOf(this.request) ?? []) };
    const { "user-agent": agent } = request.headers;
    return {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: decision.level,
      auditID: id,
      stage,
      requestURI: request.path,
      verb: info.verb,
      user: auditUser(user),
      ...(this.#impersonated ? { impersonatedUser: auditUser(this.#impersonated) } : {}),
      ...(sources.length > 0 ? { sourceIPs: sources } : {}),
      ...(agent ? { userAgent: agent.slice(0, longestAgent) } : {}),
      ...(info.isResource ? { objectRef: this.#objectRef(sent) } : {}),
      ...(early || !this.#status ? {} : { responseStatus: this.#status }),
      ...(sent === undefined ? {} : { requestObject: shown(sent) }),
      ...(early || this.#answered === undefined ? {} : { responseObject: shown(this.#answered) }),
      requestReceivedTimestamp: this.#received,
      stageTimestamp: microTime(now()),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    };
  }

  #objectRef(sent: unknown): NonNullable<AuditEvent["objectRef"]> {
    const { info } = this.#options;
    if (!info.isResource) return {};
    const { metadata } = (typeof sent === "object" && sent !== null ? sent : {}) as { readonly metadata?: Metadata };
    const name = info.name || metadata?.name;
    return {
      resource: info.resource,
      ...(info.namespace ? { namespace: info.namespace } : {}),
      ...(name ? { name } : {}),
      ...(metadata?.uid ? { uid: metadata.uid } : {}),
      ...(info.group ? { apiGroup: info.group } : {}),
      apiVersion: info.version,
      ...(metadata?.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
      ...(info.subresource ? { subresource: info.subresource } : {}),
    };
  }
}

const longestAgent = 1024;

function statusOf({ status: code, body }: ServerResponse): object {
  if (code >= 400 && body.kind === "object") {
    const value = body.value() as { readonly kind?: string; readonly message?: string; readonly reason?: string };
    const { message, reason } = value;
    if (value.kind === "Status") return { metadata: {}, status: "Failure", message, reason, code };
  }
  return { metadata: {}, code };
}

// Whoever stands in between may add itself and what it was told; the connection's own address is the last word.
function sourcesOf({ headers, address }: ServerRequest): readonly string[] {
  const forwarded = String(headers["x-forwarded-for"] ?? "").split(",");
  const all = [...forwarded, String(headers["x-real-ip"] ?? ""), address?.replace(/^::ffff:/, "") ?? ""];
  return [...new Set(all.map((one) => one.trim()).filter((one) => one !== ""))];
}

async function* untilDone<T>(source: AsyncIterable<T>, done: () => void): AsyncGenerator<T> {
  try {
    yield* source;
  } finally {
    done();
  }
}
