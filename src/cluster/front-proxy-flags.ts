import { Fault } from "../lib/fault.ts";
import type { ProxyClient } from "../server/aggregation/remote-server.ts";
import type { FrontProxyOptions } from "../server/authentication/client-certificates.ts";
import type { ApiServerFlags } from "./api-server-flag-names.ts";
import type { KeyPair } from "./certificates.ts";
import { userFile } from "./user-file.ts";

export interface OwnFrontProxy {
  /** PEM of the authority of the cluster's own proxy certificate. */
  readonly ca: string;
  /** The common name of that certificate. */
  readonly name: string;
  readonly client: KeyPair;
}

export interface FrontProxySettings {
  readonly frontProxy: FrontProxyOptions;
  readonly proxyClient: ProxyClient;
}

/**
 * Which proxies are believed, and how this server shows itself to aggregated ones, by the flags `requestheader-*` and
 * `proxy-client-*`. The cluster's own certificate is used, and believed, unless another takes its place. Throws Fault `invalid`.
 */
export function frontProxyFromFlags(flags: ApiServerFlags, own: OwnFrontProxy): FrontProxySettings {
  const proxyClient = givenClient(flags);
  const caFile = flags["requestheader-client-ca-file"];
  const names = list(flags, "requestheader-allowed-names");
  const usesOwn = proxyClient === undefined || !caFile;
  const clientCa = [...(caFile ? [userFile(caFile)] : []), ...(usesOwn ? [own.ca] : [])].join("\n");
  // With an authority from outside and no names, any is believed, as upstream; its own authority knows one name only.
  const allowedNames =
    names && names.length > 0 ? [...names, ...(usesOwn ? [own.name] : [])] : caFile ? [] : [own.name];
  const usernameHeaders = list(flags, "requestheader-username-headers");
  const groupHeaders = list(flags, "requestheader-group-headers");
  const uidHeaders = list(flags, "requestheader-uid-headers");
  const extraHeaderPrefixes = list(flags, "requestheader-extra-headers-prefix");
  return {
    frontProxy: {
      clientCa,
      allowedNames,
      ...(usernameHeaders ? { usernameHeaders } : {}),
      ...(groupHeaders ? { groupHeaders } : {}),
      ...(uidHeaders ? { uidHeaders } : {}),
      ...(extraHeaderPrefixes ? { extraHeaderPrefixes } : {}),
    },
    proxyClient: proxyClient ?? own.client,
  };
}

function givenClient(flags: ApiServerFlags): ProxyClient | undefined {
  const cert = flags["proxy-client-cert-file"];
  const key = flags["proxy-client-key-file"];
  if (!cert && !key) return undefined;
  if (!cert || !key) {
    throw new Fault("invalid", "proxy-client-cert-file and proxy-client-key-file must be specified together");
  }
  return { cert: userFile(cert), key: userFile(key) };
}

function list(flags: ApiServerFlags, name: string): readonly string[] | undefined {
  const values = flags[name]?.split(",").map((value) => value.trim());
  if (values?.includes("")) throw new Fault("invalid", `empty value in ${JSON.stringify(name)}`);
  return values;
}
