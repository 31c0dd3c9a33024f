import { request as httpsRequest } from "node:https";
import type { Container, HTTPGetAction } from "../../api/generated/core-v1.ts";
import { request as httpRequest } from "../../lib/plain-http.ts";

export type HttpAnswer =
  | { readonly ok: true; readonly status: number; readonly body: string }
  | { readonly ok: false; readonly fault: string };

/** Enough of an answer to tell people (bytes, as upstream); a page that never ends has said enough after `enough`. */
const outputLimit = 10 * 1024;
const enough = 1024 * 1024;

/** A port by number, or by its name among the container's ports; undefined for a name that is not there. */
export function portOf(port: number | string, container: Container): number | undefined {
  if (typeof port === "number") return port;
  if (/^\d+$/.test(port)) return Number(port);
  return (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
}

/** Where a request goes. The path is sent as it stands. */
interface Target {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

interface Asking {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** As whom: a probe unless said. */
  readonly as?: "kube-probe" | "kube-lifecycle";
}

/** What a server that speaks plain HTTP is told to have done (Go's words). */
export const plainAnswer = "http: server gave HTTP response to HTTPS client";

/** Of a chain of redirects no more are asked. */
const longestChain = 10;

/**
 * Asks a container by HTTP as probes and hooks do: certificates are not checked, and redirects followed on the same host
 * only: one that leads elsewhere is the answer. Never throws.
 */
export async function httpGet(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  { timeoutMs, signal, as = "kube-probe" }: Asking,
): Promise<HttpAnswer> {
  const port = portOf(action.port, container);
  if (port === undefined) return { ok: false, fault: `couldn't find port: ${action.port}` };
  const host = action.host || podIP;
  const path = action.path?.startsWith("/") ? action.path : `/${action.path ?? ""}`;
  const headers = headersOf(action, `${as}/1.35`);
  const late = AbortSignal.timeout(timeoutMs);
  let target: Target = { secure: action.scheme === "HTTPS", host, port, path };
  for (let asked = 1; ; asked += 1) {
    const { location, ...answer } = await ask(target, headers, late, signal);
    const next = location === undefined ? undefined : redirected(target, location);
    if (next?.host !== host) return answer;
    if (asked === longestChain) return { ok: false, fault: `Get "${urlOf(next)}": stopped after 10 redirects` };
    target = next;
  }
}

/** One request; `location` is where a redirect leads. */
function ask(
  target: Target,
  headers: Readonly<Record<string, string>>,
  late: AbortSignal,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer & { readonly location?: string }> {
  const { secure, host, port, path } = target;
  const { promise, resolve } = Promise.withResolvers<HttpAnswer & { readonly location?: string }>();
  const fail = (text: string) => resolve({ ok: false, fault: `Get "${urlOf(target)}": ${text}` });
  const options = {
    host,
    port,
    path,
    headers,
    agent: false as const,
    rejectUnauthorized: false,
    signal: signal ? AbortSignal.any([signal, late]) : late,
  };
  const call = (secure ? httpsRequest : httpRequest)(options, (answer) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = () => {
      const { statusCode: status = 0, headers } = answer;
      const body = Buffer.concat(chunks).toString("utf8", 0, outputLimit);
      const leads = redirects.has(status) && headers.location !== undefined;
      resolve({ ok: true, status, body, ...(leads ? { location: headers.location } : {}) });
    };
    answer.on("data", (chunk: Buffer) => {
      if (size < outputLimit) chunks.push(chunk);
      size += chunk.length;
      if (size <= enough) return;
      finish();
      call.destroy();
    });
    answer.on("end", finish);
    answer.on("error", (error) => fail(error.message));
  });
  call.on("error", (error: NodeJS.ErrnoException) => {
    if (late.aborted) fail("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
    else fail(dialText(error, host, port));
  });
  call.end();
  return promise;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where a redirect leads; undefined if that is no address by HTTP. */
function redirected(from: Target, location: string): Target | undefined {
  const url = URL.parse(location, urlOf(from));
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  const secure = url.protocol === "https:";
  return {
    secure,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (secure ? 443 : 80)),
    path: `${url.pathname}${url.search}`,
  };
}

function urlOf({ secure, host, port, path }: Target): string {
  return `${secure ? "https" : "http"}://${hostPort(host, port)}${path}`;
}

function headersOf({ httpHeaders }: HTTPGetAction, agent: string): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { "User-Agent": agent, Accept: "*/*", Connection: "close" };
  for (const { name, value } of httpHeaders ?? []) {
    // What the author gives takes the place of ours, however it is written.
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    headers[name] = value;
  }
  return headers;
}

/** `host:port`, with brackets where they are needed. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A failed connection in the words that Kubernetes' users know. */
export function dialText(error: NodeJS.ErrnoException, host: string, port: number): string {
  const target = `dial tcp ${hostPort(host, port)}`;
  if (error.code === "ECONNREFUSED") return `${target}: connect: connection refused`;
  if (error.code === "EHOSTUNREACH") return `${target}: connect: no route to host`;
  if (error.code === "EPROTO" && /wrong version number|packet length too long/.test(error.message)) return plainAnswer;
  if (error.code === "ECONNRESET") return "read: connection reset by peer";
  return error.message;
}
