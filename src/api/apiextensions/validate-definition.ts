import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { dnsLabel1035, dnsSubdomain } from "../../machinery/names.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf, required, requiredOneOf } from "../checks.ts";
import type * as apiextensions from "../generated/apiextensions-v1.ts";
import { validateReviewVersions, validateWebhookClient } from "../webhook-client.ts";
import { keepsAllFields } from "./definition-versions.ts";
import { validateSelectableFields } from "./selectable-fields.ts";
import { validateSchema } from "./structural-schema.ts";

type Spec = apiextensions.CustomResourceDefinitionSpec;
type Version = apiextensions.CustomResourceDefinitionVersion;

const spec = path("spec");
const noNames: apiextensions.CustomResourceDefinitionNames = { plural: "", kind: "" };

/** The faults of a definition. Whether expressions compile, the server finds out. */
export function validateDefinition(definition: apiextensions.CustomResourceDefinition): Errors {
  const { metadata, spec: given, status } = definition;
  const errors: FieldError[] = [];
  const { names = noNames, group = "" } = given;
  // The name of one that is stored can change no more, whatever its spec says now.
  if (!metadata.resourceVersion && metadata.name !== `${names.plural}.${group}`) {
    errors.push(field.invalid("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  errors.push(...validateSpec(given, keepsAllFields(definition as KubeObject)));
  return [...errors, ...validateStored(given.versions ?? [], status?.storedVersions ?? [])];
}

function validateSpec(given: Spec, open: boolean): Errors {
  const { group = "", scope, names = noNames, conversion } = given;
  const versions = given.versions ?? [];
  const errors: FieldError[] = [];
  const groupPlace = spec.child("group");
  if (!group) errors.push(field.required(groupPlace));
  else if (!group.includes(".")) {
    errors.push(field.invalid(groupPlace, group, "should be a domain with at least one dot"));
  } else errors.push(...named(groupPlace, group, dnsSubdomain));
  errors.push(...requiredOneOf(spec.child("scope"), scope, ["Cluster", "Namespaced"]));
  if (given.preserveUnknownFields) {
    const detail =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    errors.push(field.invalid(spec.child("preserveUnknownFields"), true, detail));
  }
  const place = spec.child("versions");
  errors.push(...eachAt(versions, place, ({ name }, here) => named(here.child("name"), name, dnsLabel1035)));
  if (new Set(versions.map(({ name }) => name)).size < versions.length) {
    errors.push(field.invalid(place, versions, "must contain unique version names"));
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(field.invalid(place, versions, "must have exactly one version marked as storage version"));
  }
  errors.push(...validateNames(names, spec.child("names")));
  if (!open) errors.push(...validateSchemas(versions, place)); // of others the status tells
  errors.push(...eachAt(versions, place, validateVersion));
  return [...errors, ...validateConversion(conversion, spec.child("conversion"))];
}

function validateNames(names: apiextensions.CustomResourceDefinitionNames, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const plain = (member: "plural" | "singular", needed: boolean) => {
    const value = names[member];
    if (!value) {
      if (needed) errors.push(field.required(place.child(member)));
    } else errors.push(...named(place.child(member), value, dnsLabel1035));
  };
  const mixed = (member: "kind" | "listKind") => {
    const value = names[member];
    if (!value) {
      errors.push(field.required(place.child(member)));
      return;
    }
    for (const text of dnsLabel1035(value.toLowerCase())) {
      const detail = `may have mixed case, but should otherwise match: ${text}`;
      errors.push(field.invalid(place.child(member), value, detail));
    }
  };
  plain("plural", true);
  plain("singular", false);
  mixed("kind");
  mixed("listKind");
  errors.push(
    ...eachAt(names.shortNames, place.child("shortNames"), (name, here) => named(here, name, dnsLabel1035)),
    ...eachAt(names.categories, place.child("categories"), (name, here) => named(here, name, dnsLabel1035)),
  );
  if (names.kind && names.kind === names.listKind) {
    errors.push(field.invalid(place.child("listKind"), names.listKind, "kind and listKind may not be the same"));
  }
  return errors;
}

/** Versions that share one schema report its faults once, where the schema stood when there was only one. */
function validateSchemas(versions: readonly Version[], place: FieldPath): Errors {
  const [first] = versions;
  const missing = eachAt(versions, place, ({ schema }, here) =>
    schema?.openAPIV3Schema ? [] : [field.required(here.child("schema", "openAPIV3Schema"), "schemas are required")],
  );
  if (missing.length > 0 || !first?.schema?.openAPIV3Schema) return missing;
  if (versions.every(({ schema }) => isEqual(schema, first.schema))) {
    return validateSchema(first.schema.openAPIV3Schema, spec.child("validation", "openAPIV3Schema"));
  }
  return eachAt(versions, place, ({ schema }, here) =>
    validateSchema(schema?.openAPIV3Schema ?? {}, here.child("schema", "openAPIV3Schema")),
  );
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["", "byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

function validateVersion(version: Version, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const { deprecated, deprecationWarning: warning, subresources } = version;
  if (warning !== undefined) {
    const here = place.child("deprecationWarning");
    if (!deprecated) errors.push(field.invalid(here, warning, "can only be set for deprecated versions"));
    else if (warning === "") errors.push(field.invalid(here, warning, "cannot be empty string"));
    else if (Buffer.byteLength(warning) > 256) errors.push(field.tooLong(here, 256));
  }
  const scale = subresources?.scale;
  if (scale) {
    const here = place.child("subresources", "scale");
    errors.push(...jsonPathUnder(scale.specReplicasPath, ".spec", here.child("specReplicasPath")));
    errors.push(...jsonPathUnder(scale.statusReplicasPath, ".status", here.child("statusReplicasPath")));
    const labels = scale.labelSelectorPath;
    if (labels && !labels.startsWith(".spec.") && !labels.startsWith(".status.")) {
      const detail = "should be a json path under either .spec or .status";
      errors.push(field.invalid(here.child("labelSelectorPath"), labels, detail));
    }
  }
  errors.push(
    ...eachAt(version.additionalPrinterColumns, place.child("additionalPrinterColumns"), (column, here) => [
      ...required(here.child("name"), column.name),
      ...requiredOneOf(here.child("type"), column.type, columnTypes),
      ...oneOf(here.child("format"), column.format, columnFormats),
      ...required(here.child("jsonPath"), column.jsonPath),
      ...(column.jsonPath && !column.jsonPath.startsWith(".")
        ? [field.invalid(here.child("jsonPath"), column.jsonPath, "must be a simple json path starting with .")]
        : []),
    ]),
    ...validateSelectableFields(version, place.child("selectableFields")),
  );
  return errors;
}

function jsonPathUnder(text: string | undefined, root: string, place: FieldPath): Errors {
  if (!text) return [field.required(place)];
  if (!text.startsWith(`${root}.`)) return [field.invalid(place, text, `should be a json path under ${root}`)];
  return /[[\]*]/.test(text) ? [field.invalid(place, text, "should be a simple json path")] : [];
}

function validateConversion(conversion: apiextensions.CustomResourceConversion | undefined, place: FieldPath): Errors {
  if (!conversion) return [];
  const { strategy, webhook } = conversion;
  const errors: FieldError[] = [...requiredOneOf(place.child("strategy"), strategy, ["None", "Webhook"])];
  if (strategy !== "Webhook") {
    if (webhook)
      errors.push(field.forbidden(place.child("webhook"), "should not be set when strategy is not set to Webhook"));
    return errors;
  }
  const client = place.child("webhookClientConfig");
  if (!webhook?.clientConfig) errors.push(field.required(client, "required when strategy is set to Webhook"));
  else errors.push(...validateWebhookClient(webhook.clientConfig, client));
  const versions = webhook?.conversionReviewVersions;
  return [...errors, ...validateReviewVersions(versions, place.child("conversionReviewVersions"), ["v1", "v1beta1"])];
}

/** The faults of the versions that objects may be stored in: each must still be known, and the present one is among them. */
export function validateStored(versions: readonly Version[], stored: readonly string[]): Errors {
  const place = path("status", "storedVersions");
  if (stored.length === 0) return [field.invalid(place, stored, "must have at least one stored version")];
  const left = new Map(stored.map((name, index) => [name, index]));
  const errors: FieldError[] = [];
  for (const version of versions) {
    const known = left.delete(version.name);
    if (version.storage && !known) {
      errors.push(field.invalid(place, version, `must have the storage version ${version.name}`));
    }
  }
  const seen = new Set(versions.map(({ name }) => name));
  for (const [name, index] of left) {
    if (!seen.has(name))
      errors.push(
        field.invalid(
          place.index(index),
          name,
          "missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions".replaceAll(
            "v1",
            name,
          ),
        ),
      );
  }
  return errors;
}

/** The faults of a change: once established, a kind keeps its scope, kind and group. */
export function validateDefinitionUpdate(
  next: apiextensions.CustomResourceDefinition,
  previous: apiextensions.CustomResourceDefinition,
): Errors {
  const established = previous.status?.conditions?.some(
    ({ type, status }) => type === "Established" && status === "True",
  );
  const [after, before] = [next.spec, previous.spec];
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ["group", after.group, before.group],
    ["names.plural", after.names?.plural, before.names?.plural],
    ...(established
      ? ([
          ["scope", after.scope, before.scope],
          ["names.kind", after.names?.kind, before.names?.kind],
        ] as const)
      : []),
  ];
  return fixed.flatMap(([name, now, then]) => validateImmutable(path(`spec.${name}`), now, then));
}
