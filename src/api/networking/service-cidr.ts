import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { validRange } from "../addresses.ts";
import { type Errors, eachAt } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type ServiceCIDR = networking.ServiceCIDR;

const place = path("spec", "cidrs");

/** Address ranges that Services get their cluster addresses from. */
export const ServiceCIDR = defineKind<networking.ServiceCIDR>({
  type: "networking/v1.ServiceCIDR",
  plural: "servicecidrs",
  scope: "Cluster",
  subresources: ["status"],
  generationOf: () => undefined,
  defaults: (range) => fill(range, { spec: {} }),
  validate: validateRanges,
  validateUpdate: (next, previous) =>
    isEqual(next.spec.cidrs, previous.spec.cidrs) ? [] : [field.invalid(place, next.spec.cidrs, "field is immutable")],
  columns: [nameColumn, text("CIDRs", ({ spec }) => (spec.cidrs ?? []).join(",")), ageColumn],
  versions: sameInVersions("networking.k8s.io/v1", { "networking.k8s.io/v1beta1": "networking/v1beta1.ServiceCIDR" }),
});

function validateRanges({ spec: { cidrs = [] } }: networking.ServiceCIDR): Errors {
  const errors: FieldError[] = [];
  if (cidrs.length === 0) errors.push(field.required(place, "at least one CIDR required"));
  if (cidrs.length > 2) errors.push(field.invalid(place, cidrs, "may only hold up to 2 values"));
  const wrong = eachAt(cidrs, place, (range, here) => validRange(here, range));
  errors.push(...wrong);
  const [first, second] = cidrs;
  if (wrong.length === 0 && first !== undefined && second !== undefined) {
    if (first.includes(":") === second.includes(":")) {
      errors.push(
        field.invalid(
          place,
          cidrs,
          "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96",
        ),
      );
    }
  }
  return errors;
}
