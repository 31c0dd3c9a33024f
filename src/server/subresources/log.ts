import type { Pod } from "../../api/core/pod.ts";
import { badRequest, notFound } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { ServerResponse } from "../exchange.ts";
import type { Handler } from "../resources/dispatch.ts";
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
  return askNode(call, node, { method: "GET", path: query.size > 0 ? `${path}?${query}` : path });
};

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
