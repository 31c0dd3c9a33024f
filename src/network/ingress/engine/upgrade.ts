import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../../lib/clock.ts";
import { Fault } from "../../../lib/fault.ts";
import { proxyUpgrade } from "../../../wire/proxy-upgrade.ts";
import type { Target } from "../../proxy/front.ts";
import type { Balancer } from "../balancer.ts";
import type { EngineState } from "../engine.ts";
import type { Backend } from "../routing-table.ts";
import { connectSecurely, type TlsPeer, tlsPeer } from "./endpoint-tls.ts";
import { trustIn } from "./forward.ts";
import type { UpgradeRequest } from "./front-h1.ts";
import { forwardedHeaders } from "./headers.ts";
import type { EngineLimits } from "./limits.ts";

export interface UpgradeTools {
  readonly balancer: Balancer;
  readonly authorities: EngineState["authorities"];
  readonly clock: Clock;
  readonly limits: EngineLimits;
}

/** Passes a WebSocket (or what else asks for an upgrade) to the first endpoint that can be reached; gives the answer's status. */
export async function forwardUpgrade(
  { message, socket, head, request }: UpgradeRequest,
  backend: Backend,
  tools: UpgradeTools,
): Promise<number> {
  if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
  const outcome = await proxyUpgrade(message, socket, head, {
    connect: () => firstReachable(backend, request.authority, tools),
    path: request.target,
    headers: changedHeaders(request, message.headers.authorization),
  });
  if (outcome.kind === "answered") return outcome.status;
  return outcome.kind === "upgraded" ? 101 : 502;
}

function changedHeaders(
  request: UpgradeRequest["request"],
  authorization: string | undefined,
): Readonly<Record<string, string | null>> {
  const forwarded = forwardedHeaders(request);
  const headers: Record<string, string | null> = { Forwarded: null, "X-Forwarded-Port": null, Host: request.authority };
  for (let index = 0; index + 1 < forwarded.length; index += 2) headers[forwarded[index]!] = forwarded[index + 1]!;
  // The back end is whom the client's credentials are for.
  return authorization === undefined ? headers : { ...headers, Authorization: authorization };
}

async function firstReachable(
  backend: Backend,
  authority: string,
  { balancer, authorities, clock, limits }: UpgradeTools,
): Promise<Duplex> {
  const trust = trustIn(backend, authorities);
  if (trust === "unknown") throw new Fault("unavailable", "nothing is there to verify the back end by");
  const peer = backend.protocol === "https" ? tlsPeer(authority, trust) : undefined;
  let last: unknown;
  for (const endpoint of balancer.order(backend)) {
    try {
      return await connectTo(endpoint, peer, clock, limits.connectTime);
    } catch (error) {
      balancer.unreachable(endpoint);
      last = error;
    }
  }
  throw last;
}

/** By TLS if there is a peer to meet. */
function connectTo(endpoint: Target, peer: TlsPeer | undefined, clock: Clock, within: number): Promise<Duplex> {
  const { ip, port } = endpoint;
  return new Promise((resolve, reject) => {
    const socket = peer
      ? connectSecurely(endpoint, peer, { ALPNProtocols: ["http/1.1"], allowHalfOpen: true })
      : connect({ host: ip, port, allowHalfOpen: true, noDelay: true });
    const timer = clock.after(within, () =>
      socket.destroy(new Fault("timeout", `no connection to ${ip}:${port} in time`)),
    );
    socket.once("error", reject);
    socket.once("close", () => timer[Symbol.dispose]());
    socket.once(peer ? "secureConnect" : "connect", () => {
      timer[Symbol.dispose]();
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
