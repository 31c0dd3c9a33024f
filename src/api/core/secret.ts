import { field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fillEmpty, without } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { goJsonObjectFault } from "../go-json-fault.ts";
import { defineKind } from "../kind.ts";
import { base64Length, dataLimit, validateImmutability } from "./config-map.ts";
import { validateDataKey } from "./validate-volumes.ts";

export type Secret = core.Secret;

const data = path("data");
const accountAnnotation = "kubernetes.io/service-account.name";

/** Small confidential data that pods read as environment or files. */
export const Secret = defineKind<core.Secret>({
  type: "core/v1.Secret",
  plural: "secrets",
  scope: "Namespaced",
  defaults: (secret) => merged(fillEmpty(secret, { type: "Opaque" })),
  validate: (secret) => [...validateKeys(secret), ...validateType(secret)],
  validateUpdate: (next, previous) => [
    ...validateImmutable(path("type"), next.type, previous.type),
    ...validateImmutability(next, previous, ["data"]),
  ],
  columns: [
    nameColumn,
    text("Type", ({ type }) => type ?? ""),
    text("Data", (secret) => Object.keys(secret.data ?? {}).length),
    ageColumn,
  ],
  fields: { type: ({ type }) => type ?? "" },
});

/** `stringData` is for writing only: it ends up in `data`, encoded. */
function merged(secret: core.Secret): core.Secret {
  if (!secret.stringData) return secret;
  const encoded = Object.entries(secret.stringData).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return { ...without(secret, "stringData"), data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

function validateKeys(secret: core.Secret): Errors {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    errors.push(...validateDataKey(key, data.key(key)));
    size += base64Length(value);
  }
  if (size > dataLimit) errors.push(field.tooLong(data, dataLimit));
  return errors;
}

function validateType({ type, metadata, data: values = {} }: core.Secret): Errors {
  // Upstream forgot to fill in the place of these two kinds' keys, and clients see it so.
  const unfilled = path("data[%s]");
  const missing = (key: string) => !(key in values);
  const required = (...keys: readonly string[]) => keys.filter(missing).map((key) => field.required(data.key(key)));
  switch (type) {
    case "kubernetes.io/service-account-token":
      if (metadata.annotations?.[accountAnnotation]) return [];
      return [field.required(path("metadata", "annotations").key(accountAnnotation))];
    case "kubernetes.io/dockercfg":
      return validateDocker(".dockercfg", values);
    case "kubernetes.io/dockerconfigjson":
      return validateDocker(".dockerconfigjson", values);
    case "kubernetes.io/basic-auth":
      if (!missing("username") || !missing("password")) return [];
      return [field.required(unfilled.key("username")), field.required(unfilled.key("password"))];
    case "kubernetes.io/ssh-auth":
      return values["ssh-privatekey"] ? [] : [field.required(unfilled.key("ssh-privatekey"))];
    case "kubernetes.io/tls":
      return required("tls.crt", "tls.key");
    default:
      return [];
  }
}

function validateDocker(key: string, values: Readonly<Record<string, string>>): Errors {
  const encoded = values[key];
  if (encoded === undefined) return [field.required(data.key(key))];
  const fault = goJsonObjectFault(Buffer.from(encoded, "base64").toString());
  return fault === undefined ? [] : [field.invalid(data.key(key), "<secret contents redacted>", fault)];
}
