import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";
import type { Pod } from "../../api/core/pod.ts";
import { errorMessage } from "../../lib/fault.ts";
import { badRequest, StatusError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { type ProxyTarget, proxyUpgrade } from "../../wire/proxy-upgrade.ts";
import { withheldCredentials } from "../authentication/authenticator.ts";
import { routeError } from "../bodies/status-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse } from "../exchange.ts";
import type { Handler } from "../resources/dispatch.ts";
import { admitConnection } from "./connect-admission.ts";
import { httpExchange } from "./http-exchange.ts";
import { containerOf } from "./log.ts";
import { backendOf } from "./proxy-backend.ts";

/** Exec, attach and port-forward leave HTTP: without an upgrade there is nothing to answer. */
export const connectHandler: Handler = async () => {
  throw badRequest("Upgrade request required");
};

/** Asks a node's agent and passes its answer on as it comes. */
export async function askNode(
  call: Call,
  node: string,
  { method, path }: { readonly method: string; readonly path: string },
): Promise<ServerResponse> {
  const { nodes } = call.services;
  const { host, port } = await nodes.address(node);
  const options: RequestOptions = { host, port, method, path, agent: nodes.agent, signal: call.request.signal };
  try {
    return await httpExchange(request(options), undefined);
  } catch (error) {
    const text = `Get ${JSON.stringify(`https://${host}:${port}${path}`)}: ${errorMessage(error)}`;
    throw new StatusError("InternalError", `Internal error occurred: ${text}`, {
      details: { causes: [{ message: text }] },
    });
  }
}

/** Methods of HTTP that are passed on though they are no verbs of the API, and have none. */
const passedOnWithoutVerb = new Set(["OPTIONS"]);

/** A request to `proxy` of a pod, service or node: passed on to it. */
export const proxyHandler: Handler = async (call) => {
  if (call.info.verb === "" && !passedOnWithoutVerb.has(call.request.method)) throw routeError("MethodNotAllowed");
  await admitConnection(call);
  const backend = await backendOf(call);
  return backend.exchange();
};

const connectable = new Set(["exec", "attach", "portforward"]);
/** Parameters, and what kubelets call them. */
const passedOn = [
  ["command", "command"],
  ["stdin", "input"],
  ["stdout", "output"],
  ["stderr", "error"],
  ["tty", "tty"],
  ["ports", "port"],
] as const;

/** Passes an upgraded connection to the node that runs the pod, or to what a proxy path names. */
export async function connectToNode(
  call: Call,
  request_: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { info, collection, services } = call;
  if (info.subresource === "proxy") {
    const backend = await backendOf(call);
    await proxyUpgrade(request_, socket, head, backend.target());
    return;
  }
  if (!connectable.has(info.subresource)) throw badRequest("Upgrade request is not supported here");
  const held = await collection.get(info.namespace, info.name);
  const pod = held.object as AnyObject as unknown as Pod;
  const node = pod.spec?.nodeName;
  if (!node) throw badRequest(`pod ${info.name} does not have a host assigned`);
  const { host, port } = await services.nodes.address(node);
  await proxyUpgrade(request_, socket, head, target(call, pod, { host, port }));
}

function target(call: Call, pod: Pod, { host, port }: { readonly host: string; readonly port: number }): ProxyTarget {
  const { info, services } = call;
  const query = new URLSearchParams();
  for (const [name, there] of passedOn) {
    for (const value of info.query.getAll(name)) query.append(there, value === "true" ? "1" : value);
  }
  const steps = [info.namespace, info.name];
  const verb = info.subresource === "portforward" ? "portForward" : info.subresource;
  if (info.subresource !== "portforward") {
    steps.push(containerOf(pod, info.query.get("container") ?? "", "a container name must be specified for pod"));
  }
  const path = `/${verb}/${steps.map(encodeURIComponent).join("/")}${query.size > 0 ? `?${query}` : ""}`;
  const { tls } = services.nodes;
  return {
    path,
    headers: { host: `${host}:${port}`, ...withheldCredentials(call.request.headers) },
    connect: () =>
      new Promise<Duplex>((resolve, reject) => {
        const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
          host,
          port,
          allowHalfOpen: true,
          ...tls,
        };
        const socket = connect(options);
        socket.once("secureConnect", () => resolve(socket));
        socket.once("error", reject);
      }),
  };
}
