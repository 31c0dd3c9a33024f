import type { Target } from "../proxy/front.ts";
import type { PathMatcher } from "./paths.ts";

/** `namespace/name:port`, and how to speak to those who answer there: HTTP/1.1 or HTTP/2 (`h2`), over TLS or not (`http`, `h2c`). */
export interface Backend {
  readonly key: string;
  readonly protocol: "http" | "h2c" | "https" | "h2";
  /** The Secret of the authority that its endpoints are verified by, and the name they have to prove; empty is the request's host. */
  readonly trust?: { readonly secret: string; readonly name: string };
  /** Those that may get requests now; empty is answered with 503. */
  readonly endpoints: readonly Target[];
}

/** Where a request goes. */
export interface Route {
  /** `namespace/name` of the Ingress. */
  readonly ingress: string;
  /** As the rule has it, `*` for every host. */
  readonly host: string;
  readonly backend: Backend;
}

export interface PathRoute extends Route {
  readonly matcher: PathMatcher;
}

/** What one host of the rules leads to. */
export interface HostRoutes {
  /** Those with precedence first. */
  readonly paths: readonly PathRoute[];
  /** For paths that none of them matches. */
  readonly fallback?: Route;
}

/** All that an engine needs to know to answer requests. Plain data; a new one replaces the whole of the old. */
export interface RoutingTable {
  readonly hosts: ReadonlyMap<string, HostRoutes>;
  /** For hosts that no rule has, and where those have no path for a request. */
  readonly fallback?: Route;
  /** Per host (or `*`) the Secret whose certificate is shown. */
  readonly certificates: ReadonlyMap<string, string>;
  /** Which hosts of which Ingress are for HTTPS only: `ingress` then `host`, `*` for all. */
  readonly httpsOnly: ReadonlyMap<string, ReadonlySet<string>>;
}

export const emptyTable: RoutingTable = { hosts: new Map(), certificates: new Map(), httpsOnly: new Map() };

/** What a request asks for, as far as its way goes. */
export interface Asked {
  /** Without port, in lower case. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  readonly secure: boolean;
}

/** What becomes of a request. */
export type Decision =
  | { readonly kind: "forward"; readonly route: Route }
  /** To the same place over HTTPS. */
  | { readonly kind: "redirect"; readonly route: Route }
  | { readonly kind: "not-found" };

/** Decides by host, then path: an exact host counts before a wildcard one, and that before rules for all hosts. */
export function decide(table: RoutingTable, { host, path, secure }: Asked): Decision {
  const route = routeOf(table, host, path);
  if (!route) return { kind: "not-found" };
  const only = secure ? undefined : table.httpsOnly.get(route.ingress);
  return { kind: only && named(only, host) ? "redirect" : "forward", route };
}

function routeOf(table: RoutingTable, host: string, path: string): Route | undefined {
  const routes = forHost(table.hosts, host);
  return routes?.paths.find(({ matcher }) => matcher(path)) ?? routes?.fallback ?? table.fallback;
}

/** The value for a host: its own, that of its wildcard (one label, as `*.example.com`), or that for all. */
export function forHost<T>(values: ReadonlyMap<string, T>, host: string): T | undefined {
  return values.get(host) ?? values.get(wildcardOf(host)) ?? values.get("*");
}

function named(hosts: ReadonlySet<string>, host: string): boolean {
  return hosts.has(host) || hosts.has(wildcardOf(host)) || hosts.has("*");
}

function wildcardOf(host: string): string {
  const dot = host.indexOf(".");
  return dot > 0 ? `*${host.slice(dot)}` : "*";
}

/** Every back end of a table, once. */
export function backendsOf({ hosts, fallback }: RoutingTable): readonly Backend[] {
  const found = new Map<string, Backend>();
  const add = (route: Route | undefined) => route && found.set(route.backend.key, route.backend);
  add(fallback);
  for (const host of hosts.values()) {
    add(host.fallback);
    for (const path of host.paths) add(path);
  }
  return [...found.values()];
}
