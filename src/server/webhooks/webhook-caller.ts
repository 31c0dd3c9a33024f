import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { parseJson } from "../../machinery/json-text.ts";
import type { RemoteEndpoint } from "./endpoint.ts";
import { codeOf, networkFaultText } from "./network-faults.ts";

export interface WebhookCallOptions {
  /** After so many milliseconds without the whole answer the call is given up. */
  readonly timeout: number;
  /** Gives up earlier. */
  readonly signal?: AbortSignal;
  /** Added to the URL, as `timeout=10s`. */
  readonly query?: string;
  /** The longest answer that is read, in bytes. Default 3 MiB. */
  readonly limit?: number;
  readonly userAgent?: string;
}

/** Posts JSON to servers outside: admission and conversion webhooks, reviewers of tokens and access, audit back ends. */
export interface WebhookCaller {
  /**
   * The JSON that a 2xx answer bears, undefined for an empty one. Redirects are not followed, and of other answers no
   * more than their status is told. Throws Fault: `timeout`, `aborted`, `unavailable` when there is no connection or
   * it is not trusted, `invalid` when the answer makes no sense or is too long.
   */
  post(endpoint: RemoteEndpoint, body: unknown, options: WebhookCallOptions): Promise<unknown>;
  [Symbol.dispose](): void;
}

const usualLimit = 3 * 1024 * 1024;
const usualUserAgent = "kube-apiserver-admission";

/** Calls over HTTPS on connections that are kept. */
export function httpsCaller(clock: Clock): WebhookCaller {
  // The agent tells apart connections of other trust, names and client certificates by itself.
  const agent = new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 4, timeout: 90_000 });
  return {
    async post(endpoint, body, options) {
      const text = JSON.stringify(body);
      try {
        return await exchange(agent, clock, endpoint, text, options);
      } catch (error) {
        // A kept connection that the other side closed in the same moment says nothing about the server.
        if (!(error instanceof StaleConnection)) throw error;
        return await exchange(undefined, clock, endpoint, text, options);
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

class StaleConnection extends Error {}

async function exchange(
  agent: Agent | undefined,
  clock: Clock,
  endpoint: RemoteEndpoint,
  body: string,
  { timeout, signal, query, limit = usualLimit, userAgent = usualUserAgent }: WebhookCallOptions,
): Promise<unknown> {
  const url = new URL(endpoint.url);
  if (query) url.search = url.search ? `${url.search}&${query}` : query;
  const shown = `Post ${JSON.stringify(endpoint.url + (query ? `${endpoint.url.includes("?") ? "&" : "?"}${query}` : ""))}`;
  const failed = (code: "aborted" | "invalid" | "timeout" | "unavailable", why: string, cause?: unknown) =>
    new Fault(code, `${shown}: ${why}`, { cause });
  const address = await endpoint.address?.().catch((error: unknown) => {
    throw failed("unavailable", errorMessage(error), error);
  });
  const host = address?.host ?? url.hostname.replace(/^\[|\]$/g, "");
  const port = address?.port ?? Number(url.port || 443);
  const serverName = endpoint.serverName ?? (isIP(host) ? undefined : url.hostname);

  return await new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(failed("aborted", "context canceled"));
    const message = httpsRequest({
      method: "POST",
      host,
      port,
      path: url.pathname + url.search,
      agent: agent ?? false,
      headers: {
        host: url.host,
        "content-type": "application/json",
        accept: "application/json, */*",
        "content-length": Buffer.byteLength(body),
        "user-agent": userAgent,
        ...(endpoint.token ? { authorization: `Bearer ${endpoint.token}` } : {}),
      },
      minVersion: "TLSv1.2",
      rejectUnauthorized: !endpoint.insecure,
      ...(serverName ? { servername: serverName } : {}),
      ...(endpoint.ca ? { ca: endpoint.ca } : {}),
      ...(endpoint.cert ? { cert: endpoint.cert, key: endpoint.key } : {}),
    });
    const giveUp = (error: Fault) => {
      finish();
      reject(error);
      message.destroy();
    };
    const timer = clock.after(timeout, () => giveUp(failed("timeout", "context deadline exceeded")));
    const abort = () => giveUp(failed("aborted", "context canceled"));
    const finish = () => {
      timer[Symbol.dispose]();
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort, { once: true });
    const onError = (error: Error) => {
      finish();
      const stale = agent !== undefined && message.reusedSocket && codeOf(error) === "ECONNRESET";
      reject(
        stale ? new StaleConnection() : failed("unavailable", networkFaultText(error, hostPort(host, port)), error),
      );
    };
    message.on("error", onError);
    message.once("response", (response) => {
      message.off("error", onError);
      message.on("error", () => {}); // of a body that nobody waits for any more
      read(response, limit).then(
        (bytes) => {
          finish();
          const status = response.statusCode ?? 0;
          if (status < 200 || status > 299) return reject(failed("unavailable", statusText(status)));
          try {
            resolve(bytes.length === 0 ? undefined : parseJson(bytes.toString()));
          } catch (error) {
            reject(failed("invalid", errorMessage(error), error));
          }
        },
        (error: unknown) => {
          giveUp(
            error instanceof Fault
              ? failed("invalid", error.message, error)
              : failed("unavailable", "unexpected EOF", error),
          );
        },
      );
    });
    message.end(body);
  });
}

async function read(response: IncomingMessage, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limit) throw new Fault("invalid", `the answer is longer than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const hostPort = (host: string, port: number) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

function statusText(status: number): string {
  switch (status) {
    case 401:
      return "the server has asked for the client to provide credentials";
    case 403:
      return "the server does not allow access to the requested resource";
    case 404:
      return "the server could not find the requested resource";
    case 429:
      return "the server has received too many requests and has asked us to try again later";
    default:
      return status >= 500
        ? `an error on the server (status ${status}) has prevented the request from succeeding`
        : `the server rejected our request for an unknown reason (status ${status})`;
  }
}
