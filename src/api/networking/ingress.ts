import { ageColumn, firstOf, nameColumn, orNone, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";
import { ingressMappings } from "./ingress-versions.ts";
import { validateIngress } from "./validate-ingress.ts";

export type Ingress = networking.Ingress;

/** Routes HTTP from outside to Services by host and path. */
export const Ingress = defineKind<networking.Ingress>({
  type: "networking/v1.Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  scope: "Namespaced",
  subresources: ["status"],
  defaults: (ingress) => fill(ingress, { spec: {} }),
  prepareCreate: (ingress) => ({ ...ingress, status: { loadBalancer: {} } }),
  validate: validateIngress,
  columns: [
    nameColumn,
    text("Class", ({ spec, metadata }) =>
      orNone(spec.ingressClassName ?? metadata.annotations?.["kubernetes.io/ingress.class"]),
    ),
    text("Hosts", ({ spec: { rules = [] } }) => hostsText(rules)),
    text("Address", ({ status }) => addressText(status?.loadBalancer?.ingress)),
    text("Ports", ({ spec: { tls = [] } }) => (tls.length > 0 ? "80, 443" : "80")),
    ageColumn,
  ],
  versions: ingressMappings,
});

function hostsText(rules: readonly networking.IngressRule[]): string {
  const hosts = rules.flatMap(({ host }) => (host ? [host] : []));
  return firstOf(hosts, 3) || "*";
}

function addressText(entries: readonly networking.IngressLoadBalancerIngress[] = []): string {
  return [...new Set(entries.map(({ ip, hostname }) => ip || hostname || ""))]
    .filter((address) => address !== "")
    .sort()
    .join(",");
}
