import { walks } from "../cost-rule.ts";
import { type Overload, overload } from "../overload.ts";
import { ArrayList, CelError, CelOpaque, EntryMap } from "../value.ts";

class UrlValue extends CelOpaque {
  readonly typeName = "kubernetes.URL";
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  constructor(scheme: string, host: string, path: string, query: string) {
    super();
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
  equals(other: CelOpaque): boolean {
    return (
      other instanceof UrlValue &&
      other.scheme === this.scheme &&
      other.host === this.host &&
      other.path === this.path &&
      other.query === this.query
    );
  }
  get hostname(): string {
    return this.host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  }
  get port(): string {
    return /:(\d*)$/.exec(this.host.replace(/^\[.*\]/, ""))?.[1] ?? "";
  }
}

function failure(text: string, why: string): CelError {
  return new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${why}`);
}

/** Reads an absolute URL, or an absolute path; a fragment is not taken apart. */
export function parseUrl(text: string): UrlValue | CelError {
  if (text === "") return failure(text, "empty url");
  if (/[\u0000-\u001f\u007f]/.test(text)) return failure(text, "net/url: invalid control character in URL");
  const [, scheme = "", rest = ""] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(text) ?? [];
  if (scheme === "" && /^:/.test(text)) return failure(text, "missing protocol scheme");
  if (!rest.startsWith("/")) return failure(text, "invalid URI for request");
  const [, authority = "", path = "", query = ""] =
    /^(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s.exec(scheme === "" && rest.startsWith("///") ? rest.slice(2) : rest) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const fault = hostFault(host) ?? (/%(?![0-9A-Fa-f]{2})/.test(path) ? "invalid URL escape" : undefined);
  return fault ? failure(text, fault) : new UrlValue(scheme.toLowerCase(), host, escapePath(path), query);
}

function hostFault(host: string): string | undefined {
  const [, name = "", port = ""] = /^(\[[^\]]*\]|[^:]*)(.*)$/s.exec(host) ?? [];
  if (port !== "" && !/^:\d*$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  const wrong = /[ "<>^`{|}\\]/.exec(name);
  return wrong ? `invalid character ${JSON.stringify(wrong[0])} in host name` : undefined;
}

const escapePath = (path: string): string =>
  path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]]/gu, (sign) => encodeURIComponent(sign.toWellFormed()));

function queryOf(url: UrlValue): EntryMap {
  const found = new Map<string, string[]>();
  for (const pair of url.query.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const at = pair.indexOf("=");
    const key = unescapeQuery(at < 0 ? pair : pair.slice(0, at));
    const value = unescapeQuery(at < 0 ? "" : pair.slice(at + 1));
    if (key === undefined || value === undefined) continue;
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return new EntryMap(Array.from(found, ([key, values]) => [key, new ArrayList(values)] as const));
}

function unescapeQuery(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** URLs and their parts. */
export const urlLibrary: readonly Overload[] = [
  overload("url", "(string): kubernetes.URL", parseUrl, walks(0)),
  overload("isURL", "(string): bool", (text: string) => parseUrl(text) instanceof UrlValue),
  overload("getScheme", "kubernetes.URL.(): string", (url: UrlValue) => url.scheme),
  overload("getHost", "kubernetes.URL.(): string", (url: UrlValue) => url.host),
  overload("getHostname", "kubernetes.URL.(): string", (url: UrlValue) => url.hostname),
  overload("getPort", "kubernetes.URL.(): string", (url: UrlValue) => url.port),
  overload("getEscapedPath", "kubernetes.URL.(): string", (url: UrlValue) => url.path),
  overload("getQuery", "kubernetes.URL.(): map(string, list(string))", queryOf),
];
