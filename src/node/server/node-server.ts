import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { type HttpPeer, type HttpRequest, type HttpResponse, openHttpServer } from "../../wire/http-server.ts";
import { newest, observePod } from "../pods/observed.ts";
import type { ProbeCounts } from "../probes/probe-counts.ts";
import type { LogFiles } from "../runtime/log-files.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { withinTime } from "../time-limit.ts";
import type { LocalFolders } from "../volumes/local-folders.ts";
import type { NodeAccess } from "./access.ts";
import { agentMetrics } from "./agent-gauges.ts";
import { containerLog } from "./container-log.ts";
import type { NodeFigures } from "./node-figures.ts";
import { podNamed } from "./pod-named.ts";
import { requestMeters } from "./request-meters.ts";
import { cadvisorMetrics, resourceMetrics } from "./resource-metrics.ts";
import { serveStream } from "./streams.ts";
import { sandboxStats, statsSummary } from "./summary.ts";
import type { ClaimedVolumes } from "./volume-figures.ts";

export interface NodeServerOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  readonly nodeName: string;
  readonly access: NodeAccess;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly logFiles: LogFiles;
  readonly figures: NodeFigures;
  readonly probeCounts: ProbeCounts;
  readonly volumes: ClaimedVolumes;
  /** What `/configz` shows under the name `kubeletconfig`. */
  readonly shownConfiguration: object;
  /** The folders that local volumes live in. */
  readonly localFolders: LocalFolders;
  /** The pods of this node. */
  readonly pods: () => readonly Pod[];
}

/** The node's own HTTPS server: logs, exec, attach, port-forward, pods and figures. Every call is checked with the API server. */
export async function openNodeServer(options: NodeServerOptions): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const metered = requestMeters(options.metrics, options.clock);
  for (const host of options.hosts) {
    opened.use(
      await openHttpServer({
        host,
        port: options.port,
        tls: options.tls,
        handle: (request) => metered(request.method, request.target, () => handle(request, options)),
        upgrade: (request, socket, head, peer) =>
          void metered("GET", request.url ?? "/", () => upgrade(request, socket, head, peer, options)),
        onFault: (error) => options.log.debug(`node server: ${errorMessage(error)}`),
      }),
    );
  }
  return opened.move();
}

/** A command that is run for its output ends within this time, in ms. */
const longestRun = 240_000;

const text = (status: number, body: string): HttpResponse => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body,
});

async function handle(request: HttpRequest, options: NodeServerOptions): Promise<HttpResponse> {
  const url = new URL(request.target, "https://node");
  try {
    const refused = await refusal(request.method, url.pathname, request.peer, request.headers.authorization, options);
    if (refused) return text(refused.status, refused.message);
    return await route(request, url, options);
  } catch (error) {
    const code = faultCode(error);
    return text(code === "missing" ? 404 : code === "invalid" ? 400 : 500, errorMessage(error));
  }
}

async function refusal(
  method: string,
  path: string,
  peer: HttpPeer,
  authorization: string | undefined,
  { access, nodeName }: NodeServerOptions,
) {
  const user = await access.authenticate(peer, authorization);
  if (!user) return { status: 401, message: "Unauthorized" };
  if (await access.authorize(user, nodeName, method, path)) return undefined;
  return { status: 403, message: `Forbidden (user=${user.name}, verb=${method.toLowerCase()}, resource=nodes)` };
}

async function route(request: HttpRequest, url: URL, options: NodeServerOptions): Promise<HttpResponse> {
  const [, head = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
  if (head === "localVolumes") return await localVolume(request.method, rest, options.localFolders);
  if (head === "run" && request.method === "POST") return await runCommand(rest, url.searchParams, options);
  if (request.method !== "GET") return text(405, "Method Not Allowed");
  switch (head) {
    case "healthz":
      return text(200, "ok");
    case "configz":
      return json({ kubeletconfig: options.shownConfiguration });
    case "pods":
    case "runningpods":
      return json({ kind: "PodList", apiVersion: "v1", metadata: {}, items: options.pods() });
    case "containerLogs": {
      const [namespace = "", name = "", container = ""] = rest;
      const pod = podNamed(options.pods(), namespace, name);
      const body = await containerLog(pod, container, url.searchParams, { ...options, signal: request.signal });
      return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body };
    }
    case "stats":
      return rest[0] === "summary" ? json(await statsSummary(options)) : text(404, "404 page not found");
    case "metrics":
      return await metricsPage(rest.join("/"), options);
    default:
      return text(404, "404 page not found");
  }
}

/** `PUT` makes a volume's folder and tells its path, `DELETE` removes it; only who may do anything to nodes gets here. */
async function localVolume(method: string, rest: readonly string[], folders: LocalFolders): Promise<HttpResponse> {
  const [volume = ""] = rest;
  if (rest.length > 1) return text(404, "404 page not found");
  if (method === "PUT") return json({ path: await folders.make(volume) });
  if (method !== "DELETE") return text(405, "Method Not Allowed");
  await folders.remove(volume);
  return json({});
}

async function metricsPage(page: string, options: NodeServerOptions): Promise<HttpResponse> {
  const { runtime, figures, probeCounts } = options;
  switch (page) {
    case "":
      return text(200, await agentMetrics(options));
    case "cadvisor":
      return text(
        200,
        cadvisorMetrics(...(await Promise.all([runtime.listContainerStats(), sandboxStats(runtime)])), figures.read()),
      );
    case "probes":
      return text(200, probeCounts.text());
    case "resource":
      return text(200, resourceMetrics(await runtime.listContainerStats(), figures.read()));
    default:
      return text(404, "404 page not found");
  }
}

/** `POST run/NAMESPACE/POD/CONTAINER?cmd=...`: what a command prints, errors last. Words are divided by blanks. */
async function runCommand(
  [namespace = "", name = "", ...rest]: readonly string[],
  query: URLSearchParams,
  { pods, runtime, clock }: NodeServerOptions,
): Promise<HttpResponse> {
  const pod = podNamed(pods(), namespace, name);
  const container = rest.at(-1) ?? "";
  const found = newest(await observePod(runtime, pod.metadata.uid), container);
  if (!found) throw new Fault("missing", `container not found ("${container}")`);
  const command = (query.get("cmd") ?? "").split(" ").filter((word) => word !== "");
  const call = (signal: AbortSignal) => runtime.execSync(found.id, command, { signal });
  const message = "the command does not end";
  const { stdout, stderr } = await withinTime({ clock, ms: longestRun, message }, call);
  return text(200, Buffer.concat([stdout, stderr]).toString());
}

function json(value: unknown): HttpResponse {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: HttpPeer,
  options: NodeServerOptions,
): Promise<void> {
  const url = new URL(request.url ?? "/", "https://node");
  try {
    // The API server asks by GET for WebSockets and POST for SPDY; both mean the same here.
    const refused = await refusal("POST", url.pathname, peer, request.headers.authorization, options);
    if (refused) return refuse(socket, refused.status, refused.message);
    await serveStream(request, socket, head, url, options);
  } catch (error) {
    options.log.debug(`stream ${url.pathname}: ${errorMessage(error)}`);
    const code = faultCode(error);
    if (!socket.destroyed && socket.writable)
      refuse(
        socket,
        code === "missing" ? 404 : code === "invalid" || code === "conflict" ? 400 : 500,
        errorMessage(error),
      );
  }
}

function refuse(socket: Duplex, status: number, message: string): void {
  const body = Buffer.from(message);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${message}`,
  );
}
