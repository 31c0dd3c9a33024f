import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { APIService } from "../../api/apiregistration/api-service.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { parseJson } from "../../machinery/json-text.ts";
import { proxyUpgrade } from "../../wire/proxy-upgrade.ts";
import { withheldCredentials } from "../authentication/authenticator.ts";
import type { FrontProxyOptions } from "../authentication/client-certificates.ts";
import { textResponse } from "../bodies/status-body.ts";
import { checkDial, guardedLookup } from "../dial-guard.ts";
import type { RequestBody, ServerRequest, ServerResponse, UserInfo } from "../exchange.ts";
import { httpExchange } from "../subresources/http-exchange.ts";
import { networkFaultText } from "../webhooks/network-faults.ts";
import type { ServiceResolver } from "../webhooks/service-resolver.ts";
import { forProcess } from "./in-process-answer.ts";
import { aggregatedHeaders, userHeaders, withheldHeaders } from "./proxy-headers.ts";

/** How this server proves to the ones behind it that it may name users. PEM texts. */
export interface ProxyClient {
  readonly cert: string;
  readonly key: string;
}

export interface RemoteServerOptions {
  readonly service: APIService;
  readonly services: ServiceResolver;
  readonly clock: Clock;
  readonly client?: ProxyClient;
  /** Whose headers the server may believe, which no client may therefore send through. */
  readonly frontProxy?: FrontProxyOptions;
}

const answerTimeout = 60_000;
const documentTimeout = 5_000;
const longestDocument = 32 * 1024 * 1024;
const aggregatorUser: UserInfo = { name: "system:kube-aggregator", groups: ["system:masters"] };

/** The server that answers for a group version, reached through its Service. */
export class RemoteServer implements Disposable {
  /** Whether the last check found it well. */
  available = false;
  readonly #options: RemoteServerOptions;
  readonly #agent: Agent;
  readonly #serverName: string;
  readonly #tls: ConnectionOptions;
  readonly #rules: { readonly loopback: boolean };

  constructor(options: RemoteServerOptions) {
    this.#options = options;
    const { service, caBundle, insecureSkipTLSVerify: insecure = false } = options.service.spec;
    this.#serverName = `${service?.name}.${service?.namespace}.svc`;
    // Whoever redirects the Service to this machine meets servers that cannot prove the Service's name.
    this.#rules = { loopback: !insecure };
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: 8, timeout: 90_000 });
    this.#tls = {
      servername: this.#serverName,
      minVersion: "TLSv1.2",
      rejectUnauthorized: !insecure,
      lookup: guardedLookup(this.#rules),
      ...(caBundle ? { ca: Buffer.from(caBundle, "base64").toString() } : {}),
      ...options.client,
    };
  }

  /** Whether the same server would be called for another state of its APIService. */
  serves({ spec }: APIService): boolean {
    return JSON.stringify(spec) === JSON.stringify(this.#options.service.spec);
  }

  /** Passes a request on and gives the answer as it comes. Never throws. */
  async exchange(request: ServerRequest, user: UserInfo): Promise<ServerResponse> {
    if (!this.available) return unavailable();
    const late = new AbortController();
    const timer = this.#options.clock.after(answerTimeout, () => late.abort(new Error("context deadline exceeded")));
    try {
      const { host, port } = await this.#address();
      const { bytes, body } = bodyOf(request.body);
      const headers = {
        ...aggregatedHeaders({
          headers: request.headers,
          user,
          host: `${this.#serverName}:${port}`,
          proxy: this.#options.frontProxy,
        }),
        ...(bytes ? { "content-length": String(bytes.byteLength) } : {}),
      };
      const outgoing = httpsRequest({
        ...this.#tls,
        agent: this.#agent,
        host,
        port,
        method: request.method,
        path: request.path,
        headers: headers as Record<string, string>,
        signal: AbortSignal.any([request.signal, late.signal]),
      });
      const answer = await httpExchange(outgoing, body);
      return request.identity ? await forProcess(answer, request.path) : answer;
    } catch (error) {
      return textResponse(503, `error trying to reach service: ${networkFaultText(error, this.#serverName)}\n`);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** Passes a connection that asked for an upgrade on. Never throws. */
  async upgrade(
    request: ServerRequest,
    user: UserInfo,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    await proxyUpgrade(message, socket, head, {
      path: request.path,
      headers: {
        ...withheldHeaders(message.headers, this.#options.frontProxy),
        ...withheldCredentials(message.headers),
        ...userHeaders(user),
        host: this.#serverName,
      },
      connect: () => (this.available ? this.#dial() : Promise.reject(new Fault("unavailable", "service unavailable"))),
    });
  }

  /**
   * Reads a document of the server under this server's own name; undefined when it has none there. Throws Fault
   * `unavailable`, `timeout`, `invalid`.
   */
  async document(path: string, accept = "application/json"): Promise<unknown> {
    const { host, port } = await this.#address();
    const url = `https://${this.#serverName}:${port}${path}`;
    const late = new AbortController();
    const timer = this.#options.clock.after(documentTimeout, () => late.abort());
    try {
      const outgoing = httpsRequest({
        ...this.#tls,
        agent: this.#agent,
        host,
        port,
        path,
        headers: { ...userHeaders(aggregatorUser), accept, host: `${this.#serverName}:${port}` } as Record<
          string,
          string
        >,
        signal: late.signal,
      });
      const { status, body } = await httpExchange(outgoing, undefined);
      const text = body.kind === "stream" ? await textOf(body.stream) : "";
      if (status === 404 || status === 406) return undefined;
      if (status < 200 || status > 299) throw new Fault("unavailable", `bad status from ${url}: ${status}`);
      return parseJson(text);
    } catch (error) {
      if (late.signal.aborted) throw new Fault("timeout", `timed out waiting for ${url}`);
      if (error instanceof Fault) throw error;
      const why = networkFaultText(error, `${host}:${port}`);
      throw new Fault("unavailable", `Get ${JSON.stringify(url)}: ${why}`, { cause: error });
    } finally {
      timer[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #address(): Promise<{ readonly host: string; readonly port: number }> {
    const { namespace = "", name = "", port = 443 } = this.#options.service.spec.service ?? {};
    const address = await this.#options.services.resolve(namespace, name, port);
    checkDial(address.host, this.#rules);
    return address;
  }

  async #dial(): Promise<Duplex> {
    const { host, port } = await this.#address();
    return await new Promise((resolve, reject) => {
      const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
        ...this.#tls,
        host,
        port,
        allowHalfOpen: true,
      };
      const socket = connectTls(options);
      socket.once("secureConnect", () => resolve(socket));
      socket.once("error", reject);
    });
  }
}

/** The answer for a server that is not well. */
export function unavailable(): ServerResponse {
  return textResponse(503, "service unavailable\n");
}

function bodyOf(body: RequestBody): {
  readonly bytes?: Uint8Array;
  readonly body: AsyncIterable<Uint8Array> | undefined;
} {
  if (body.kind === "none") return { body: undefined };
  if (body.kind === "bytes") return { body: body.chunks() };
  const bytes = Buffer.from(JSON.stringify(body.value) ?? "");
  return {
    bytes,
    body: (async function* () {
      yield bytes;
    })(),
  };
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.byteLength;
    if (size > longestDocument) throw new Fault("invalid", "the document is too long");
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
