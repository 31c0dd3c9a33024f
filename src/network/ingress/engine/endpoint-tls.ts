import { isIP } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import type { Target } from "../../proxy/front.ts";
import type { Authority } from "../engine.ts";

/** By whom an endpoint has to be known, and as whom; an empty name is the request's host. */
export interface Trust {
  readonly authority: Authority;
  readonly name: string;
}

/** With whom TLS begins. Connections with one peer are none with another. */
export interface TlsPeer {
  readonly key: string;
  /** What the other side is asked for; empty for addresses. */
  readonly servername: string;
  readonly proof?: { readonly name: string; readonly pem: string };
}

/** Without trust whatever certificate is shown will do: pods have mostly made their own. */
export function tlsPeer(authority: string, trust: Trust | undefined): TlsPeer {
  if (!trust) {
    const servername = serverNameOf(authority);
    return { key: servername, servername };
  }
  const name = trust.name || hostOf(authority);
  return {
    key: `${name} ${trust.authority.id}`,
    servername: serverNameOf(name),
    proof: { name, pem: trust.authority.pem },
  };
}

/** The name that a back end is asked for when TLS begins: the host of the request; none for addresses. */
export function serverNameOf(authority: string): string {
  const host = hostOf(authority);
  return host.includes(":") || isIP(host) !== 0 ? "" : host;
}

function hostOf(authority: string): string {
  const bracketed = /^\[(.*)\](?::\d*)?$/.exec(authority);
  return (bracketed?.[1] ?? (isIP(authority) === 6 ? authority : authority.replace(/:\d*$/, ""))).toLowerCase();
}

/** Begins TLS with an endpoint; the connection fails before anything is sent if it is not the one that it has to be. */
export function connectSecurely(
  { ip, port }: Target,
  { servername, proof }: TlsPeer,
  options: { readonly ALPNProtocols: string[]; readonly allowHalfOpen?: boolean },
): TLSSocket {
  return connectTls({
    host: ip,
    port,
    ...(proof
      ? { ca: proof.pem, checkServerIdentity: (_host, certificate) => checkServerIdentity(proof.name, certificate) }
      : { rejectUnauthorized: false }),
    ...(servername === "" ? {} : { servername }),
    ...options,
  });
}
