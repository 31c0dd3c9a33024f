import type { ClientRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { connect, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { Pod } from "../../api/core/pod.ts";
import type { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import { errorMessage } from "../../lib/fault.ts";
import { request as plainRequest } from "../../lib/plain-http.ts";
import { badRequest, StatusError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { ProxyTarget } from "../../wire/proxy-upgrade.ts";
import { withheldCredentials } from "../authentication/authenticator.ts";
import type { Call } from "../call.ts";
import { guardedLookup, mayDial } from "../dial-guard.ts";
import type { ServerResponse } from "../exchange.ts";
import { httpExchange, passable } from "./http-exchange.ts";

/** What a proxy path leads to. */
export interface Backend {
  exchange(): Promise<ServerResponse>;
  target(): ProxyTarget;
}

interface Place {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Nobody but this server's configuration says where it is. */
  readonly trusted?: boolean;
  /** Client credentials for nodes. */
  readonly tls?: object;
}

const notHere = { loopback: false };
const lookup = guardedLookup(notHere);

/** Finds the pod, node or endpoint that the call names as `[scheme:]name[:port]`. Throws NotFound, ServiceUnavailable. */
export async function backendOf(call: Call): Promise<Backend> {
  const { info, services, request } = call;
  const [first = "", second, third] = info.name.split(":");
  const [scheme, name, port] =
    second === undefined ? ["", first, ""] : third === undefined ? ["", first, second] : [first, second, third];
  const place = await placeOf(call, scheme === "https", name ?? "", port ?? "");
  // Whoever writes an object's addresses must not aim this server at itself or at its machine's metadata service.
  if (!place.trusted && isIP(place.host) !== 0 && !mayDial(place.host, notHere))
    throw badRequest("address not allowed");
  const query = new URLSearchParams(info.query).toString();
  const path = `/${info.rest}${query ? `?${query}` : ""}`;
  const withheld = { host: `${place.host}:${place.port}`, ...withheldCredentials(request.headers) };
  const sent = Object.fromEntries(
    Object.entries({ ...passable(request.headers), ...withheld }).filter(([, value]) => value !== null),
  );
  return {
    async exchange() {
      try {
        const body = request.body.kind === "bytes" ? request.body.chunks() : undefined;
        return await httpExchange(
          open(place, { method: request.method, path, headers: sent, signal: request.signal }),
          body,
        );
      } catch (error) {
        services.log.debug("a proxied request failed", { error: errorMessage(error) });
        throw new StatusError("ServiceUnavailable", `error trying to reach service: ${errorMessage(error)}`);
      }
    },
    target: () => ({ path, headers: withheld, connect: () => dial(place) }),
  };
}

function open(
  { secure, host, port, tls }: Place,
  options: { readonly method: string; readonly path: string; readonly headers: object; readonly signal: AbortSignal },
): ClientRequest {
  const all = { host, port, lookup, ...options, headers: options.headers as Record<string, string> };
  // Upstream checks no certificate of pods and services either: they are named by addresses that change.
  return secure ? tlsRequest({ ...all, ...(tls ?? { rejectUnauthorized: false }) }) : plainRequest(all);
}

function dial({ secure, host, port, tls }: Place): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const options = { host, port, lookup, allowHalfOpen: true };
    const socket = secure
      ? tlsConnect({ ...options, ...(tls ?? { rejectUnauthorized: false }) } as object)
      : connect(options);
    socket.once(secure ? "secureConnect" : "connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

async function placeOf(call: Call, secure: boolean, name: string, port: string): Promise<Place> {
  const { info, services, collection } = call;
  if (info.resource === "nodes") {
    const { host, port: usual, configured } = await services.nodes.address(name);
    return {
      secure: true,
      host,
      port: port ? Number(port) : usual,
      trusted: configured && (port === "" || Number(port) === usual),
      ...(services.nodes.tls ? { tls: services.nodes.tls } : {}),
    };
  }
  const { object } = await collection.get(info.namespace, name);
  if (info.resource === "pods") return podPlace(object as AnyObject as unknown as Pod, secure, port);
  return servicePlace(call, object as AnyObject as unknown as Service, secure, port);
}

function podPlace(pod: Pod, secure: boolean, port: string): Place {
  const host = pod.status?.podIP;
  if (!host)
    throw new StatusError("ServiceUnavailable", `address not allowed: pod ${pod.metadata.name} has no address yet`);
  const ports = pod.spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
  const number = port === "" ? (ports[0]?.containerPort ?? (secure ? 443 : 80)) : portNumber(port, ports);
  return { secure, host, port: number };
}

function portNumber(
  port: string,
  ports: readonly { readonly name?: string; readonly containerPort: number }[],
): number {
  if (/^\d+$/.test(port)) return Number(port);
  const named = ports.find(({ name }) => name === port);
  if (!named) throw badRequest(`invalid port ${JSON.stringify(port)}`);
  return named.containerPort;
}

async function servicePlace({ services }: Call, service: Service, secure: boolean, port: string): Promise<Place> {
  const { name, namespace = "" } = service.metadata;
  const wanted = service.spec?.ports?.find((one) => port === "" || one.name === port || String(one.port) === port);
  const slices = services.registry.of(EndpointSlice);
  await slices.cache.current();
  for (const held of slices.cache.range(slices.resource.rangeOf(namespace))) {
    const slice = held.object as AnyObject as unknown as EndpointSlice;
    if (slice.metadata.labels?.["kubernetes.io/service-name"] !== name) continue;
    const endpoint = slice.endpoints?.find(({ conditions }) => conditions?.ready !== false);
    const target = slice.ports?.find((one) => (one.name ?? "") === (wanted?.name ?? ""));
    const host = endpoint?.addresses[0];
    if (wanted && host && target?.port) return { secure, host, port: target.port };
  }
  throw new StatusError("ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`);
}
