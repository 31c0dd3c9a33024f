import { isIP } from "node:net";
import type { Transport, TransportRequest, TransportResponse, WatchEvent } from "../../../client/transport.ts";
import { errorMessage, Fault, faultCode } from "../../../lib/fault.ts";
import { goQuote } from "../../../lib/go-text.ts";
import type { Status } from "../../../machinery/generated/meta-v1.ts";
import { parseJson } from "../../../machinery/json-text.ts";
import { StatusError } from "../../../machinery/status-error.ts";
import { CommandError, ConnectionError, silentExit } from "../messages.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** One call to the API server. */
export interface ApiCall {
  /** Default: GET. */
  readonly method?: TransportRequest["method"];
  /** Without the query. */
  readonly path: string;
  /** Undefined and empty values are left out; a list gives one parameter each. */
  readonly query?: Query;
  readonly accept?: string;
  readonly contentType?: string;
  /** A JSON value, or a Uint8Array that goes as it is. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Milliseconds in the place of `--request-timeout`; 0 is for ever. */
  readonly timeout?: number;
}

/** Calls of commands. Every method throws StatusError with the server's answer and ConnectionError when none came. */
export interface Api {
  /** The answer's JSON value, or its text. */
  call<T = unknown>(call: ApiCall): Promise<T>;
  /** The answer's body as it comes. */
  stream(call: ApiCall): Promise<AsyncIterable<Uint8Array>>;
  /** The events of a watch, until the server or the signal ends it. */
  watch(call: ApiCall): AsyncIterable<WatchEvent>;
}

export interface ApiOptions {
  /** What error messages call the server. */
  readonly server: string;
  /** Milliseconds that a call may take; 0 is for ever. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Hears what the server warns of. */
  readonly warn: (text: string) => void;
  /** Hears of every call: for `-v`. */
  readonly tell?: (call: TransportRequest, answer: { readonly status: number; readonly ms: number }) => void;
  readonly now: () => number;
}

/** Calls over a transport. */
export function apiOver(transport: Transport, options: ApiOptions): Api {
  const send = async (call: ApiCall): Promise<TransportResponse> => {
    const timeout = call.timeout ?? options.timeout;
    const signals = [
      options.signal,
      ...(call.signal ? [call.signal] : []),
      ...(timeout > 0 ? [AbortSignal.timeout(timeout)] : []),
    ];
    const signal = signals.length === 1 ? signals[0] : AbortSignal.any(signals);
    const request: TransportRequest = {
      method: call.method ?? "GET",
      path: call.path + queryText(call.query),
      headers: {
        ...(call.accept ? { accept: call.accept } : {}),
        ...(call.contentType ? { "content-type": call.contentType } : {}),
      },
      body: call.body,
      signal,
    };
    const from = options.now();
    let answer: TransportResponse;
    try {
      answer = await transport.send(request);
    } catch (error) {
      throw connectionError(error, request, options);
    }
    options.tell?.(request, { status: answer.status, ms: options.now() - from });
    for (const warning of warningsOf(answer.headers.warning)) options.warn(warning);
    if (answer.status >= 400) throw await failureOf(answer, request);
    return answer;
  };
  return {
    async call<T>(call: ApiCall) {
      return (await valueIn(await send(call))) as T;
    },
    async stream(call) {
      const answer = await send({ timeout: 0, ...call });
      return untilInterrupted(answer.bytes(), options.signal);
    },
    async *watch(call) {
      const answer = await send({ timeout: 0, ...call });
      yield* untilInterrupted(answer.events(), options.signal);
    },
  };
}

/** Whoever is interrupted while following what comes ends with 1 and without a word, as upstream. */
async function* untilInterrupted<T>(values: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    yield* values;
  } catch (error) {
    throw signal.aborted ? silentExit(1) : error;
  }
  if (signal.aborted) throw silentExit(1);
}

/** The JSON value of an answer. Throws CommandError for half of one, and for a page that something between answers with. */
async function valueIn(answer: TransportResponse): Promise<unknown> {
  let value: unknown;
  try {
    value = await answer.value();
  } catch (error) {
    if (faultCode(error) !== "unavailable") throw error;
    throw new CommandError("unexpected error when reading response body. Please retry. Original error: unexpected EOF");
  }
  if (typeof value !== "string" || value === "") return value;
  try {
    return parseJson(value);
  } catch (error) {
    throw new CommandError(errorMessage(error));
  }
}

/** `?a=1&b=2`, sorted by name as Go's clients write it; empty without parameters. */
export function queryText(query: Query = {}): string {
  const pairs = Object.keys(query)
    .sort()
    .flatMap((name) => {
      const value = query[name];
      if (value === undefined || value === "") return [];
      const values = typeof value === "object" ? value : [String(value)];
      return values.map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`);
    });
  return pairs.length > 0 ? `?${pairs.join("&")}` : "";
}

/** The texts of `Warning: 299 - "text"` headers, one on each line. */
function warningsOf(header: string | undefined): readonly string[] {
  if (!header) return [];
  return header
    .split("\n")
    .flatMap((line) =>
      [...line.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) => text.replace(/\\(.)/g, "$1")),
    );
}

async function failureOf(answer: TransportResponse, request: TransportRequest): Promise<StatusError> {
  const body = await answer.value().catch(() => "");
  if (typeof body === "object" && body !== null && (body as { readonly kind?: string }).kind === "Status") {
    return StatusError.fromStatus(body as Status);
  }
  const text = typeof body === "string" ? body.trim() : JSON.stringify(body);
  return genericFailure(answer.status, text, request);
}

/** What upstream's clients say of an answer that carries no Status. */
function genericFailure(code: number, text: string, request: TransportRequest): StatusError {
  const made = (reason: ConstructorParameters<typeof StatusError>[0], message: string) =>
    new StatusError(reason, message, { code });
  if (code === 404) return made("NotFound", "the server could not find the requested resource");
  if (code === 401) return made("Unauthorized", "the server has asked for the client to provide credentials");
  if (code === 403) return made("Forbidden", text || "the server does not allow access to the requested resource");
  if (code === 405) return made("MethodNotAllowed", "the server does not allow this method on the requested resource");
  if (code === 406)
    return made(
      "NotAcceptable",
      text || "the server was unable to respond with a content type that the client supports",
    );
  if (code === 409) return made("Conflict", "the server reported a conflict");
  if (code === 429)
    return made("TooManyRequests", "the server has received too many requests and has asked us to try again later");
  if (code === 503) return made("ServiceUnavailable", "the server is currently unable to handle the request");
  if (code === 504)
    return made(
      "Timeout",
      "the server was unable to return a response in the time allotted, but may still be processing the request",
    );
  if (code >= 500)
    return made(
      "InternalError",
      `an error on the server (${JSON.stringify(text || "unknown")}) has prevented the request from succeeding`,
    );
  return made(
    "",
    `the server responded with the status code ${code} but did not return more information (${request.method} ${request.path})`,
  );
}

function connectionError(error: unknown, request: TransportRequest, options: ApiOptions): unknown {
  if (!(error instanceof Fault)) return requestProblem(error);
  const url = new URL(options.server);
  const verb = `${request.method[0]}${request.method.slice(1).toLowerCase()}`;
  const failed = (why: string, message = `Unable to connect to the server: ${why}`) =>
    new ConnectionError(message, {
      cause: error,
      detail: `${verb} "${options.server}${request.path}": ${why}`,
    });
  if (error.code === "aborted") {
    if (options.signal.aborted) return error;
    return failed("net/http: request canceled (Client.Timeout exceeded while awaiting headers)");
  }
  const { cause } = error;
  const { code = "", hostname = "", address = "", port = "" } = (cause ?? {}) as Readonly<Record<string, string>>;
  if (code === "ECONNREFUSED") {
    return failed(
      `dial tcp ${address}:${port}: connect: connection refused`,
      `The connection to the server ${url.host} was refused - did you specify the right host or port?`,
    );
  }
  const why =
    code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `dial tcp: lookup ${hostname}: no such host`
      : code === "EHOSTUNREACH"
        ? `dial tcp ${address}:${port}: connect: no route to host`
        : code === "ETIMEDOUT"
          ? `dial tcp ${address}:${port}: connect: connection timed out`
          : code === "ECONNRESET"
            ? "EOF"
            : (tlsProblem(code, cause) ?? httpProblem(code, cause) ?? errorMessage(cause ?? error));
  return failed(error.message.startsWith(toProxy) ? toProxy + why : why);
}

/** How what went wrong on the way to the proxy begins. */
const toProxy = "proxyconnect tcp: ";

/** What Node refuses to send, in the words of Go. */
function requestProblem(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH")
    return new CommandError("tls: private key does not match public key");
  if (code !== "ERR_INVALID_CHAR") return error;
  const [, name = ""] = /\["(.*)"\]/.exec(message) ?? [];
  const field = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
  return new CommandError(`Unable to connect to the server: net/http: invalid header field value for "${field}"`, {
    verbatim: true,
  });
}

function tlsProblem(code: string, cause: unknown): string | undefined {
  const verify = "tls: failed to verify certificate: x509: ";
  switch (code) {
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `${verify}certificate signed by unknown authority`;
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `${verify}certificate has expired or is not yet valid`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return verify + nameProblem(cause as NameProblem);
    case "EPROTO":
      return "http: server gave HTTP response to HTTPS client";
    default:
      return undefined;
  }
}

/** What Node knows of a certificate that is for other names. */
interface NameProblem {
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string };
}

function nameProblem({ host = "", cert }: NameProblem): string {
  const form = isIP(host) ? "IP Address:" : "DNS:";
  const names = (cert?.subjectaltname ?? "")
    .split(", ")
    .flatMap((name) => (name.startsWith(form) ? [name.slice(form.length)] : []));
  if (names.length > 0) return `certificate is valid for ${names.join(", ")}, not ${host}`;
  return isIP(host)
    ? `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
    : `certificate is not valid for any names, but wanted to match ${host}`;
}

/** What is wrong with the first line of an answer that is no HTTP. */
function httpProblem(code: string, cause: unknown): string | undefined {
  const { rawPacket } = (cause ?? {}) as { readonly rawPacket?: Buffer };
  if (!code.startsWith("HPE_") || !rawPacket) return undefined;
  const [line = ""] = rawPacket.toString("latin1").split(/\r?\n/, 1);
  const [, status] = /^\S+ +(\S+)/.exec(line) ?? [];
  const what = status === undefined ? `HTTP response ${goQuote(line)}` : `HTTP status code ${goQuote(status)}`;
  return `net/http: HTTP/1.x transport connection broken: malformed ${what}`;
}
