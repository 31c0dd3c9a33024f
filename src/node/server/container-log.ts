import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { observePod } from "../pods/observed.ts";
import type { LogFiles } from "../runtime/log-files.ts";
import { type LogRequest, readLog, refuseContradiction } from "../runtime/logs.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";

export interface ContainerLogContext {
  readonly runtime: ContainerRuntime;
  readonly logFiles: LogFiles;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A container's log as `kubectl logs` asks for it. Throws Fault `missing` or `invalid` with the kubelet's words. */
export async function containerLog(
  pod: Pod,
  name: string,
  query: URLSearchParams,
  context: ContainerLogContext,
): Promise<AsyncIterable<Uint8Array>> {
  const { runtime, logFiles, clock, signal } = context;
  const observed = await observePod(runtime, pod.metadata.uid);
  const all = observed.containers.filter((container) => container.name === name && container.state !== "created");
  const previous = query.get("previous") === "true";
  const ended = all[0]?.state === "running" ? all.slice(1) : all;
  const container = previous ? (all[0]?.state === "running" ? ended[0] : all[1]) : all[0];
  if (!container) {
    const what = previous
      ? `previous terminated container "${name}" in pod "${pod.metadata.name}" not found`
      : waitingText(pod, name);
    throw new Fault("invalid", what);
  }
  const request = logRequest(query);
  const { logPath } = container;
  // Told now: once the answer has begun, only breaking it off could tell.
  if (!request.follow && !(await exists(logFiles, logPath)))
    throw new Fault("invalid", `There is no log file ${logPath}`);
  const running = async () => (await runtime.containerStatus(container.id))?.state === "running";
  return readLog(logPath, request, { files: logFiles, clock, signal, running });
}

async function exists(files: LogFiles, path: string): Promise<boolean> {
  await using file = await files.open(path);
  return file !== undefined;
}

function logRequest(query: URLSearchParams): LogRequest {
  const sinceTime = query.get("sinceTime");
  const since = Date.parse(sinceTime ?? "");
  if (sinceTime && Number.isNaN(since)) throw new Fault("invalid", `sinceTime: ${sinceTime} is not a time`);
  const stream = query.get("stream") || "All";
  if (!isStream(stream)) throw new Fault("invalid", `stream: ${stream} is not one of All, Stdout, Stderr`);
  const request: LogRequest = {
    follow: query.get("follow") === "true",
    timestamps: query.get("timestamps") === "true",
    ...numberOf(query, "tailLines"),
    ...numberOf(query, "limitBytes"),
    ...numberOf(query, "sinceSeconds"),
    ...(sinceTime ? { since } : {}),
    stream,
  };
  refuseContradiction(request);
  return request;
}

function isStream(text: string): text is NonNullable<LogRequest["stream"]> {
  return text === "All" || text === "Stdout" || text === "Stderr";
}

function numberOf<Name extends "tailLines" | "limitBytes" | "sinceSeconds">(
  query: URLSearchParams,
  name: Name,
): { readonly [Key in Name]?: number } {
  const text = query.get(name);
  if (text && !/^\d+$/.test(text)) throw new Fault("invalid", `${name}: ${text} is not a number that counts something`);
  return (text ? { [name]: Number(text) } : {}) as { readonly [Key in Name]?: number };
}

function waitingText(pod: Pod, name: string): string {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const waiting = all.find((status) => status.name === name)?.state?.waiting;
  if (waiting) {
    const why =
      waiting.message && /Image|Config|Container.*Error/.test(waiting.reason ?? "")
        ? `: ${waiting.reason === "ErrImagePull" || waiting.reason === "ImagePullBackOff" ? "trying and failing to pull image" : waiting.message}`
        : `: ${waiting.reason}`;
    return `container "${name}" in pod "${pod.metadata.name}" is waiting to start${why}`;
  }
  return `container "${name}" in pod "${pod.metadata.name}" is not available`;
}
