import { field, path } from "../../machinery/fields.ts";
import { qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, nonNegative, positive } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as coordination from "../generated/coordination-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type Lease = coordination.Lease;

/** A lock with an expiry: leader election and node heartbeats. */
export const Lease = defineKind<coordination.Lease>({
  type: "coordination/v1.Lease",
  plural: "leases",
  scope: "Namespaced",
  createOnUpdate: true,
  unconditionalUpdate: false,
  defaults: (lease) => fill(lease, { spec: {} }),
  validate: validateLease,
  columns: [nameColumn, text("Holder", ({ spec }) => spec.holderIdentity ?? ""), ageColumn],
  versions: sameInVersions("coordination.k8s.io/v1", { "coordination.k8s.io/v1beta1": "coordination/v1beta1.Lease" }),
});

function validateLease({ spec }: coordination.Lease): Errors {
  const place = path("spec");
  const errors: FieldError[] = [
    ...positive(place.child("leaseDurationSeconds"), spec.leaseDurationSeconds),
    ...nonNegative(place.child("leaseTransitions"), spec.leaseTransitions),
  ];
  if (spec.strategy !== undefined && spec.strategy !== "OldestEmulationVersion") {
    errors.push(...named(place.child("strategy"), spec.strategy, qualifiedName));
  }
  if (spec.preferredHolder && !spec.strategy) {
    const detail = "strategy must be specified when `preferredHolder` is specified";
    errors.push(field.forbidden(place.child("preferredHolder"), detail));
  }
  return errors;
}
