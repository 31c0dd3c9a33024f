import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf } from "../checks.ts";
import { ageColumn, nameColumn, orNone, text } from "../columns.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import { change, fill } from "../fill.ts";
import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type CSIDriver = storage.CSIDriver;

const spec = path("spec");
const frozen = ["attachRequired", "fsGroupPolicy"] as const;

/** What a CSI driver can and needs. */
export const CSIDriver = defineKind<storage.CSIDriver>({
  type: "storage/v1.CSIDriver",
  plural: "csidrivers",
  scope: "Cluster",
  unconditionalUpdate: false,
  defaults: (driver) => change(fill(driver, { spec: {} }), { spec: withDefaults }),
  validate: validateDriver,
  validateUpdate: (next, previous) =>
    frozen.flatMap((name) => validateImmutable(spec.child(name), next.spec[name], previous.spec[name])),
  columns: [
    nameColumn,
    { name: "AttachRequired", type: "boolean", of: (driver) => driver.spec.attachRequired ?? true },
    { name: "PodInfoOnMount", type: "boolean", of: (driver) => driver.spec.podInfoOnMount ?? false },
    { name: "StorageCapacity", type: "boolean", of: (driver) => driver.spec.storageCapacity ?? false },
    text("TokenRequests", ({ spec: { tokenRequests = [] } }) =>
      tokenRequests.length === 0 ? "<unset>" : tokenRequests.map(({ audience }) => audience).join(","),
    ),
    { name: "RequiresRepublish", type: "boolean", of: (driver) => driver.spec.requiresRepublish ?? false },
    text("Modes", (driver) => orNone((driver.spec.volumeLifecycleModes ?? []).join(","))),
    ageColumn,
  ],
  versions: sameInVersions("storage.k8s.io/v1", { "storage.k8s.io/v1beta1": "storage/v1beta1.CSIDriver" }),
});

function withDefaults(given: storage.CSIDriverSpec): storage.CSIDriverSpec {
  const filled = fill(given, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: "ReadWriteOnceWithFSType",
    requiresRepublish: false,
    seLinuxMount: false,
  });
  return (filled.volumeLifecycleModes ?? []).length === 0
    ? { ...filled, volumeLifecycleModes: ["Persistent"] }
    : filled;
}

function validateDriver({ metadata, spec: given }: storage.CSIDriver): Errors {
  const errors: FieldError[] = [...validateDriverName(metadata.name, path("name"))];
  for (const name of ["attachRequired", "podInfoOnMount", "storageCapacity"] as const) {
    if (given[name] === undefined) errors.push(field.required(spec.child(name)));
  }
  const policies = ["File", "None", "ReadWriteOnceWithFSType"];
  errors.push(...oneOf(spec.child("fsGroupPolicy"), given.fsGroupPolicy, policies));
  errors.push(...validateTokens(given.tokenRequests, spec.child("tokenRequests")));
  const modes = spec.child("volumeLifecycleModes");
  return [
    ...errors,
    ...(given.volumeLifecycleModes ?? []).flatMap((mode) => oneOf(modes, mode, ["Ephemeral", "Persistent"])),
  ];
}

function validateTokens(requests: readonly storage.TokenRequest[] | undefined, place: FieldPath): Errors {
  const audiences = new Set<string>();
  return eachAt(requests, place, ({ audience, expirationSeconds }, here) => {
    const errors: FieldError[] = [];
    if (audiences.has(audience)) errors.push(field.duplicate(here.child("audience"), audience));
    audiences.add(audience);
    const at = here.child("expirationSeconds");
    if (expirationSeconds !== undefined && expirationSeconds < 600) {
      errors.push(field.invalid(at, expirationSeconds, "may not specify a duration less than 10 minutes"));
    }
    if (expirationSeconds !== undefined && expirationSeconds > 2 ** 32) {
      errors.push(field.invalid(at, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
    }
    return errors;
  });
}
