import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsLabel } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { isStrictSubset, validAddress, validRange } from "../addresses.ts";
import { type Errors, named } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Network = core.Network;

/** The label of namespaces whose pods are in a network: its name. */
export const networkLabel = "net.alpha.kubernetes.io/network";

/** A tenant's own network, which namespaces join by `spec.network`; Hypernetes' of 2016, no part of Kubernetes itself. */
export const Network = defineKind<core.Network>({
  type: "core/v1.Network",
  plural: "networks",
  scope: "Cluster",
  subresources: ["status"],
  name: "label",
  defaults: (network) => fill(network, { spec: {} }),
  validate: ({ spec }) => {
    const place = path("spec", "subnets");
    return Object.entries(spec.subnets ?? {}).flatMap(([name, subnet]) => [
      ...named(place.key(name), name, dnsLabel),
      ...validateSubnet(place.key(name), subnet),
    ]);
  },
  columns: [
    nameColumn,
    text("Tenant", ({ spec }) => spec.tenantID ?? ""),
    text("Subnets", ({ spec }) =>
      Object.values(spec.subnets ?? {})
        .map(({ cidr }) => cidr)
        .join(","),
    ),
    text("Status", ({ status }) => status?.phase ?? ""),
    ageColumn,
  ],
});

function validateSubnet(place: FieldPath, { cidr, gateway }: core.NetworkSubnet): Errors {
  const errors: FieldError[] = [...validRange(place.child("cidr"), cidr)];
  if (gateway === undefined) return errors;
  const wrong = validAddress(place.child("gateway"), gateway);
  errors.push(...wrong);
  if (errors.length === 0 && !isStrictSubset(`${gateway}/${gateway.includes(":") ? 128 : 32}`, cidr)) {
    errors.push(field.invalid(place.child("gateway"), gateway, `must be an address of ${cidr}`));
  }
  return errors;
}
