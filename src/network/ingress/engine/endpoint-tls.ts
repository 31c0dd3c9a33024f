import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Target } from "../../proxy/front.ts";

/** The name that a back end is asked for when TLS begins: the host of the request; none for addresses. */
export function serverNameOf(authority: string): string {
  const host = authority.replace(/:\d*$/, "").toLowerCase();
  return host === "" || host.startsWith("[") || isIP(host) !== 0 ? "" : host;
}

/** Begins TLS with an endpoint. Whose certificate it shows is not looked at: pods have mostly made their own. */
export function connectSecurely(
  { ip, port }: Target,
  servername: string,
  options: { readonly ALPNProtocols: string[]; readonly allowHalfOpen?: boolean },
): TLSSocket {
  return connectTls({
    host: ip,
    port,
    rejectUnauthorized: false,
    ...(servername === "" ? {} : { servername }),
    ...options,
  });
}
