import { isServedByNodes } from "../../api/networking/ingress-controller.ts";
import type { EndpointSliceInput } from "../proxy/service-input.ts";
import { objectKey } from "../proxy/service-input.ts";
import { backendOf } from "./backends.ts";
import type { IngressBackendInput, IngressClassInput, IngressInput, IngressServiceInput } from "./ingress-input.ts";
import { byPrecedence, type PathRule, pathRule } from "./paths.ts";
import type { Backend, HostRoutes, PathRoute, Route, RoutingTable } from "./routing-table.ts";

export interface IngressObjects {
  readonly ingresses: readonly IngressInput[];
  readonly classes: readonly IngressClassInput[];
  /** The Service of a `namespace/name`. */
  service(key: string): IngressServiceInput | undefined;
  /** The slices of such a Service. */
  slices(key: string): readonly EndpointSliceInput[];
}

/** Something about an Ingress that cannot be served as it is written. */
export interface IngressTrouble {
  readonly ingress: IngressInput;
  readonly reason: string;
  readonly message: string;
}

export interface IngressPlan {
  readonly table: RoutingTable;
  readonly troubles: readonly IngressTrouble[];
  /** Which Secrets are asked for, and by which Ingresses. */
  readonly secrets: ReadonlyMap<string, readonly IngressInput[]>;
  /** The same of Secrets that back ends are verified by. */
  readonly authorities: ReadonlyMap<string, readonly IngressInput[]>;
  /** Which Services it was made from, whether they are there or not. */
  readonly services: ReadonlySet<string>;
}

const redirectAnnotation = "ingress.kubernetes.io/ssl-redirect";

/** Ingresses of our classes as one table. What two of them want is the older one's; by name if they are of one second. */
export function planIngress(objects: IngressObjects): IngressPlan {
  const ours = objects.ingresses.filter((ingress) => isServedByNodes(ingress, objects.classes)).sort(byAge);
  const troubles: IngressTrouble[] = [];
  const hosts = new Map<string, { readonly paths: Ranked[]; fallback?: Route }>();
  const certificates = new Map<string, string>();
  const httpsOnly = new Map<string, ReadonlySet<string>>();
  const secrets = new Map<string, IngressInput[]>();
  const authorities = new Map<string, IngressInput[]>();
  const backends = new Map<string, Backend>();
  const services = new Set<string>();
  let fallback: Route | undefined;

  for (const ingress of ours) {
    const key = objectKey(ingress);
    const resolve = (wanted: IngressBackendInput): Backend => {
      if (wanted.service) services.add(`${ingress.metadata?.namespace ?? ""}/${wanted.service.name}`);
      const { backend, trouble } = backendOf(ingress, wanted, objects, backends);
      if (trouble) troubles.push({ ingress, ...trouble });
      if (backend.trust) note(authorities, backend.trust.secret, ingress);
      return backend;
    };
    const own = ingress.spec?.defaultBackend ? resolve(ingress.spec.defaultBackend) : undefined;
    if (own) fallback ??= { ingress: key, host: "*", backend: own };
    for (const { host: given, http } of ingress.spec?.rules ?? []) {
      const host = given ? given.toLowerCase() : "*";
      const routes = hosts.get(host) ?? { paths: [] };
      hosts.set(host, routes);
      for (const { path, pathType, backend: wanted } of http?.paths ?? []) {
        routes.paths.push({ ...pathRule(path, pathType), ingress: key, host, backend: resolve(wanted) });
      }
      if (own) routes.fallback ??= { ingress: key, host, backend: own };
    }
    const tls = ingress.spec?.tls ?? [];
    for (const { hosts: named = [], secretName } of tls) {
      if (!secretName) continue;
      const secret = `${ingress.metadata?.namespace ?? ""}/${secretName}`;
      note(secrets, secret, ingress);
      for (const host of named.length > 0 ? named : ["*"]) {
        if (!certificates.has(host.toLowerCase())) certificates.set(host.toLowerCase(), secret);
      }
    }
    if (tls.length > 0 && ingress.metadata?.annotations?.[redirectAnnotation] !== "false") {
      const only = tls.flatMap(({ hosts: named = [] }) => (named.length > 0 ? named : ["*"]));
      httpsOnly.set(key, new Set(only.map((host) => host.toLowerCase())));
    }
  }
  const table = { hosts: ranked(hosts), ...(fallback ? { fallback } : {}), certificates, httpsOnly };
  return { table, troubles, secrets, authorities, services };
}

function note(named: Map<string, IngressInput[]>, secret: string, ingress: IngressInput): void {
  const known = named.get(secret) ?? [];
  if (!known.includes(ingress)) named.set(secret, [...known, ingress]);
}

type Ranked = PathRoute & PathRule;

function ranked(
  hosts: ReadonlyMap<string, { readonly paths: readonly Ranked[]; readonly fallback?: Route }>,
): ReadonlyMap<string, HostRoutes> {
  return new Map(
    Array.from(hosts, ([host, { paths, fallback }]) => {
      const sorted = [...paths].sort(byPrecedence);
      const routes = sorted.map(({ matcher, ingress, backend }) => ({ matcher, ingress, host, backend }));
      return [host, { paths: routes, ...(fallback ? { fallback } : {}) }];
    }),
  );
}

function byAge(one: IngressInput, other: IngressInput): number {
  const [first, second] = [one, other].map(({ metadata }) => metadata?.creationTimestamp ?? "");
  return first!.localeCompare(second!) || (objectKey(one) < objectKey(other) ? -1 : 1);
}
