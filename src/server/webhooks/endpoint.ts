import type { WebhookClient } from "../../api/webhook-client.ts";
import { Fault } from "../../lib/fault.ts";
import type { ServiceResolver } from "./service-resolver.ts";

/** An HTTPS server outside of this one, and what is needed to call it. */
export interface RemoteEndpoint {
  /** `https://host[:port][/path]`: what the other side is asked for, and what messages call it. */
  readonly url: string;
  /** Where to connect just now, when that is not the host that the URL names. Throws Fault `unavailable`. */
  readonly address?: () => Promise<{ readonly host: string; readonly port: number }>;
  /** The name that the server's certificate must bear. Default: the host of the URL. */
  readonly serverName?: string;
  /** PEM certificates that the server's must descend from. Default: the machine's own trust. */
  readonly ca?: string;
  /** PEM client certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  /** A bearer token. */
  readonly token?: string;
  /** Accepts any server certificate. */
  readonly insecure?: boolean;
}

/** The endpoint behind a webhook's `clientConfig`. Throws Fault `invalid` when it names none. */
export function webhookEndpoint(client: WebhookClient, services: ServiceResolver): RemoteEndpoint {
  const trust = client.caBundle ? { ca: Buffer.from(client.caBundle, "base64").toString() } : {};
  if (client.service) {
    const { namespace, name, path = "", port = 443 } = client.service;
    const serverName = `${name}.${namespace}.svc`;
    const url = `https://${serverName}:${port}${path.startsWith("/") || path === "" ? path : `/${path}`}`;
    return { url, serverName, address: () => services.resolve(namespace, name, port), ...trust };
  }
  if (!client.url) throw new Fault("invalid", "webhook configuration must have either service or URL");
  return { url: client.url, ...trust };
}
