import type { Pod } from "../../api/core/pod.ts";
import { field } from "../../machinery/fields.ts";
import { badRequest, type FieldError, invalid, notFound, StatusError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { ServerResponse } from "../exchange.ts";
import type { Handler } from "../resources/dispatch.ts";
import { integerIn } from "../resources/options.ts";
import { askNode } from "./node-proxy.ts";

const passedOn = [
  "follow",
  "previous",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "tailLines",
  "limitBytes",
  "insecureSkipTLSVerifyBackend",
  "stream",
] as const;

/** GET of a pod's `log`: what its node has of a container's output. */
export const logHandler: Handler = async (call): Promise<ServerResponse> => {
  const { info, collection } = call;
  checkLogOptions(info.name, info.query);
  const held = await collection.get(info.namespace, info.name);
  const pod = held.object as AnyObject as unknown as Pod;
  const container = containerOf(pod, info.query.get("container") ?? "", "a container name must be specified for pod");
  const node = pod.spec?.nodeName;
  // Not on a node yet: there is nothing to read, which is no error.
  if (!node) return { status: 200, headers: { "content-type": "text/plain" }, body: { kind: "none" } };
  const query = new URLSearchParams();
  for (const name of passedOn) {
    const value = info.query.get(name);
    if (value !== null && name !== "insecureSkipTLSVerifyBackend") query.set(name, value);
  }
  const path = `/containerLogs/${[info.namespace, info.name, container].map(encodeURIComponent).join("/")}`;
  const answer = await askNode(call, node, { method: "GET", path: query.size > 0 ? `${path}?${query}` : path });
  return await logOrStatus(answer, info.name);
};

/** Throws Invalid for options of a log that make no sense, BadRequest for those that are no numbers. */
export function checkLogOptions(name: string, query: URLSearchParams): void {
  const errors: FieldError[] = [];
  const tail = integerIn(query, "tailLines");
  const bytes = integerIn(query, "limitBytes");
  const seconds = integerIn(query, "sinceSeconds");
  if (tail !== undefined && tail < 0)
    errors.push(field.invalid("tailLines", tail, "must be greater than or equal to 0"));
  if (bytes !== undefined && bytes < 1) errors.push(field.invalid("limitBytes", bytes, "must be greater than 0"));
  if (seconds !== undefined && query.get("sinceTime")) {
    errors.push(field.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  } else if (seconds !== undefined && seconds < 1) {
    errors.push(field.invalid("sinceSeconds", seconds, "must be greater than 0"));
  }
  if (errors.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, name, errors);
}

const longestReason = 50_000;

/** The node's answer if it is the log; throws what it said instead as a Status, since it speaks plain text. */
export async function logOrStatus(answer: ServerResponse, name: string): Promise<ServerResponse> {
  if (answer.status >= 200 && answer.status <= 206) return answer;
  const text = answer.body.kind === "stream" ? await readText(answer.body.stream, longestReason) : "";
  if (answer.status === 400) throw badRequest(text);
  if (answer.status === 404) throw notFoundOnNode(name);
  throw new StatusError("InternalError", `Internal error occurred: ${text || `the node answered ${answer.status}`}`);
}

function notFoundOnNode(name: string): StatusError {
  return new StatusError("NotFound", `the server could not find the requested resource ( pods ${name})`, {
    details: { name, kind: "pods" },
  });
}

async function readText(stream: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit).toString("utf8").trimEnd();
}

/** The container that a request means: the named one, the annotated one, or the only one. Throws BadRequest. */
export function containerOf(pod: Pod, asked: string, missing: string): string {
  const { name, annotations } = pod.metadata;
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...initContainers, ...containers, ...ephemeralContainers].map((one) => one.name);
  if (asked) {
    if (all.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only, ...others] = containers;
  if (only && others.length === 0 && initContainers.length === 0) return only.name;
  const preferred = annotations?.["kubectl.kubernetes.io/default-container"];
  if (preferred && all.includes(preferred)) return preferred;
  const names = containers.map((one) => one.name).join(" ");
  const initial = initContainers.map((one) => one.name).join(" ");
  if (!only) throw notFound({ group: "", plural: "pods" }, name ?? "");
  const rest = initial ? ` or one of the init containers: [${initial}]` : "";
  throw badRequest(`${missing} ${name}, choose one of: [${names}]${rest}`);
}
