import type { HeaderList } from "./exchange.ts";

/** What belongs to one connection (RFC 9110, 7.6.1), or is said anew for the next. */
const ofConnection: ReadonlySet<string> = new Set([
  ...[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
  ],
  ...["host", "content-length", "expect"],
]);

/** Said by this proxy only: nobody in front of it is believed. */
const ofForwarding: ReadonlySet<string> = new Set([
  ...["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip"],
]);

export interface ReadHead {
  readonly headers: HeaderList;
  readonly host: string;
  readonly length: string | undefined;
  readonly trailers: boolean;
  /** It can be read in two ways, and whoever is behind might read it in the other. */
  readonly ambiguous: boolean;
  /** It asks for more than an answer, or its body comes in a special way. */
  readonly special: boolean;
  /** The client ends the connection after the answer. */
  readonly close: boolean;
}

/** Reads a request's headers for passing it on. */
export function readHead(raw: HeaderList): ReadHead {
  const headers: string[] = [];
  const hosts: string[] = [];
  let length: string | undefined;
  let trailers = false;
  let ambiguous = false;
  let special = false;
  let close = false;
  const dropped = connectionNames(raw);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const value = raw[index + 1]!;
    if (name === "host") hosts.push(value);
    else if (name === "content-length") {
      if (length !== undefined || !/^[0-9]+$/.test(value)) ambiguous = true;
      length = value;
    } else if (name === "te") trailers ||= /\btrailers\b/i.test(value);
    else if (name === "transfer-encoding") {
      special = true;
      ambiguous ||= value.toLowerCase() !== "chunked";
    } else if (name === "upgrade" || name === "expect") special = true;
    else if (name === "connection") close ||= /\bclose\b/i.test(value);
    if (ofConnection.has(name) || ofForwarding.has(name) || dropped?.has(name)) continue;
    headers.push(raw[index]!, value);
  }
  return { headers, host: hosts[0] ?? "", length, trailers, ambiguous: ambiguous || hosts.length > 1, special, close };
}

/** An answer's headers for the client, without what belongs to the back end's connection. The length stays. */
export function answerHeaders(raw: HeaderList): HeaderList {
  const headers: string[] = [];
  const dropped = connectionNames(raw);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (name !== "content-length" && name !== "trailer" && (ofConnection.has(name) || dropped?.has(name))) continue;
    headers.push(raw[index]!, raw[index + 1]!);
  }
  return headers;
}

/** What `Connection` names beside its own words. */
function connectionNames(raw: HeaderList): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (raw[index]!.length !== 10 || raw[index]!.toLowerCase() !== "connection") continue;
    for (const word of raw[index + 1]!.toLowerCase().split(",")) {
      const name = word.trim();
      if (name === "" || name === "keep-alive" || name === "close" || name === "content-length") continue;
      names ??= new Set();
      names.add(name);
    }
  }
  return names;
}

/** Where a request came from, as back ends are used to be told. */
export function forwardedHeaders(from: {
  readonly clientAddress: string;
  readonly authority: string;
  readonly secure: boolean;
}): HeaderList {
  const address = from.clientAddress.replace(/^::ffff:/, "");
  const proto = from.secure ? "https" : "http";
  return [
    ...["X-Forwarded-For", address, "X-Forwarded-Host", from.authority],
    ...["X-Forwarded-Proto", proto, "X-Real-IP", address],
  ];
}
