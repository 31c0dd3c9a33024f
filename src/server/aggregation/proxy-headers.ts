import type { FrontProxyOptions } from "../authentication/client-certificates.ts";
import type { ServerRequest, UserInfo } from "../exchange.ts";
import { passable } from "../subresources/http-exchange.ts";

type Headers = Record<string, string | readonly string[]>;

/** Headers by which somebody says who they are: the server behind must believe ours alone. */
function saysWho(name: string, proxy: FrontProxyOptions | undefined): boolean {
  if (name === "authorization" || name.startsWith("x-remote-") || name.startsWith("impersonate-")) return true;
  const { usernameHeaders = [], uidHeaders = [], groupHeaders = [], extraHeaderPrefixes = [] } = proxy ?? {};
  const isNamed = [...usernameHeaders, ...uidHeaders, ...groupHeaders].some((one) => one.toLowerCase() === name);
  return isNamed || extraHeaderPrefixes.some((prefix) => name.startsWith(prefix.toLowerCase()));
}

/** A request that goes on to an aggregated server, and whose headers that server may believe. */
export interface ForwardedRequest {
  readonly headers: ServerRequest["headers"];
  readonly user: UserInfo;
  readonly host: string;
  readonly proxy?: FrontProxyOptions | undefined;
}

/** What a request carries on to an aggregated server: the client's headers, and who it was found to be. */
export function aggregatedHeaders({ headers, user, host, proxy }: ForwardedRequest): Headers {
  const kept = Object.entries(passable(headers)).filter(
    ([name]) => !saysWho(name, proxy) && name !== "accept-encoding",
  );
  return { ...Object.fromEntries(kept), ...userHeaders(user), host };
}

/** The names of headers that must not go on with an upgrade, as null. */
export function withheldHeaders(headers: ServerRequest["headers"], proxy?: FrontProxyOptions): Record<string, null> {
  const names = Object.keys(headers).filter((name) => saysWho(name, proxy));
  return Object.fromEntries(names.map((name) => [name, null]));
}

/** A user in the headers of `--requestheader-*`. */
export function userHeaders({ name, uid, groups, extra = {} }: UserInfo): Headers {
  const extras = Object.entries(extra).map(
    ([key, values]) => [`x-remote-extra-${escapeKey(key)}`, values.map(clean)] as const,
  );
  return {
    "x-remote-user": clean(name),
    ...(uid ? { "x-remote-uid": clean(uid) } : {}),
    ...(groups.length > 0 ? { "x-remote-group": groups.map(clean) } : {}),
    ...Object.fromEntries(extras),
  };
}

// Percent signs too, so that the other side gets back exactly what went in.
function escapeKey(key: string): string {
  return Buffer.from(key.toLowerCase())
    .toString("latin1")
    .replace(
      /[^a-z0-9!#$&'*+.^_`|~-]/g,
      (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
    );
}

// Names go out as UTF-8 bytes; what could end a header line cannot be in one.
const clean = (text: string) => Buffer.from(text.replace(/[\r\n\0]/g, " ")).toString("latin1");
