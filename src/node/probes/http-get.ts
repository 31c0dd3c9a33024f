import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Container, HTTPGetAction } from "../../api/generated/core-v1.ts";

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

/** Asks a container by HTTP as probes and hooks do: certificates are not checked, redirects not followed. Never throws. */
export function httpGet(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<HttpAnswer> {
  const port = portOf(action.port, container);
  if (port === undefined) return Promise.resolve({ ok: false, fault: `couldn't find port: ${action.port}` });
  const host = action.host || podIP;
  const secure = action.scheme === "HTTPS";
  const path = action.path?.startsWith("/") ? action.path : `/${action.path ?? ""}`;
  const url = `${secure ? "https" : "http"}://${hostPort(host, port)}${path}`;
  const headers = headersOf(action);
  const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
  const fail = (text: string) => resolve({ ok: false, fault: `Get "${url}": ${text}` });
  const late = AbortSignal.timeout(timeoutMs);
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
      const body = Buffer.concat(chunks).toString("utf8", 0, outputLimit);
      resolve({ ok: true, status: answer.statusCode ?? 0, body });
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

function headersOf({ httpHeaders }: HTTPGetAction): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { "User-Agent": "kube-probe/1.35", Accept: "*/*", Connection: "close" };
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
  if (error.code === "ECONNRESET") return "read: connection reset by peer";
  return error.message;
}
