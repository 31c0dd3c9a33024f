import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { addressBits } from "../addresses.ts";
import { type Errors, required } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type IPAddress = networking.IPAddress;

const place = path("spec", "parentRef");

/** An address that is taken, and by whom. Its name is the address. */
export const IPAddress = defineKind<networking.IPAddress>({
  type: "networking/v1.IPAddress",
  plural: "ipaddresses",
  shortNames: ["ip"],
  scope: "Cluster",
  name: "path",
  defaults: (address) => fill(address, { spec: {} as networking.IPAddressSpec }),
  validate: validateAddress,
  validateUpdate: (next, previous) =>
    isEqual(next.spec.parentRef, previous.spec.parentRef)
      ? []
      : [field.invalid(place, next.spec.parentRef, "field is immutable")],
  columns: [
    nameColumn,
    text("ParentRef", ({ spec: { parentRef } }) => {
      if (!parentRef) return "<none>";
      const { group, resource, namespace, name } = parentRef;
      return [...(group ? [group] : []), resource, ...(namespace ? [namespace] : []), name].join("/");
    }),
    ageColumn,
  ],
  versions: sameInVersions("networking.k8s.io/v1", { "networking.k8s.io/v1beta1": "networking/v1beta1.IPAddress" }),
});

function validateAddress({ metadata, spec: { parentRef } }: networking.IPAddress): Errors {
  const errors: FieldError[] = [];
  if (!addressBits(metadata.name)) {
    const detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    errors.push(field.invalid("metadata.name", metadata.name, detail));
  }
  if (!parentRef) return [...errors, field.required(place)];
  return [
    ...errors,
    ...required(place.child("resource"), parentRef.resource),
    ...required(place.child("name"), parentRef.name),
  ];
}
