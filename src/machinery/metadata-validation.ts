import { goQuote } from "../lib/go-text.ts";
import { isEqual } from "./equality.ts";
import { type FieldPath, field, invalidEach, path } from "./fields.ts";
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "./generated/meta-v1.ts";
import { dnsLabel, generateNameRule, type NameRule, qualifiedName, validLabelValue } from "./names.ts";
import type { FieldError } from "./status-error.ts";

export interface MetadataRules {
  readonly namespaced: boolean;
  /** The rule for the name; what a name is generated from may end in `-` beside. */
  readonly name: NameRule;
  /**
   * Finalizers without a domain must be known ones: asked of built-in kinds, not of custom resources. Default true.
   */
  readonly strictFinalizers?: boolean;
  /** Where the metadata stands. Default `metadata`. */
  readonly place?: FieldPath;
}

const annotationsLimit = 256 * 1024;
const root = path("metadata");
const knownFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);
const immutableMembers = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** The faults of an object's metadata when it is made; its name has been generated already. */
export function validateMetadata(meta: ObjectMeta, rules: MetadataRules): readonly FieldError[] {
  const place = rules.place ?? root;
  const errors: FieldError[] = [];
  if (meta.generateName) {
    const messages = generateNameRule(rules.name)(meta.generateName);
    errors.push(...invalidEach(place.child("generateName"), meta.generateName, messages));
  }
  if (!meta.name) errors.push(field.required(place.child("name"), "name or generateName is required"));
  else errors.push(...invalidEach(place.child("name"), meta.name, rules.name(meta.name)));
  if (!rules.namespaced) {
    if (meta.namespace) errors.push(field.forbidden(place.child("namespace"), "not allowed on this type"));
  } else if (!meta.namespace) errors.push(field.required(place.child("namespace")));
  else errors.push(...invalidEach(place.child("namespace"), meta.namespace, dnsLabel(meta.namespace)));
  if ((meta.generation ?? 0) < 0) {
    errors.push(field.invalid(place.child("generation"), meta.generation, "must be greater than or equal to 0"));
  }
  errors.push(...validateShared(meta, place), ...validateFinalizers(meta.finalizers ?? [], place.child("finalizers")));
  errors.push(...validateManagedFields(meta.managedFields ?? [], place.child("managedFields")));
  if (rules.strictFinalizers !== false) errors.push(...unknownFinalizers(meta.finalizers ?? [], place));
  return errors;
}

/** The faults of a change of metadata; `next` carries the resource version that it was made from. */
export function validateMetadataUpdate(
  next: ObjectMeta,
  previous: ObjectMeta,
  rules: Pick<MetadataRules, "strictFinalizers" | "place"> = {},
): readonly FieldError[] {
  const place = rules.place ?? root;
  const errors: FieldError[] = [];
  if (previous.deletionTimestamp) {
    const known = new Set(previous.finalizers);
    const added = [...new Set(next.finalizers)].filter((name) => !known.has(name)).sort();
    if (added.length > 0) {
      const names = `[]string{${added.map(goQuote).join(", ")}}`;
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${names}`;
      errors.push(field.forbidden(place.child("finalizers"), detail));
    }
  }
  if (!next.resourceVersion) {
    errors.push(
      field.invalid(place.child("resourceVersion"), next.resourceVersion ?? "", "must be specified for an update"),
    );
  }
  if ((next.generation ?? 0) < (previous.generation ?? 0)) {
    errors.push(field.invalid(place.child("generation"), next.generation ?? 0, "must not be decremented"));
  }
  for (const name of immutableMembers) {
    const text = name === "name" || name === "namespace" || name === "uid";
    const [after, before] = text ? [next[name] ?? "", previous[name] ?? ""] : [next[name], previous[name]];
    if (after !== before) errors.push(immutable(place.child(name), after));
  }
  errors.push(...validateShared(next, place));
  errors.push(...validateManagedFields(next.managedFields ?? [], place.child("managedFields")));
  if (rules.strictFinalizers !== false) errors.push(...unknownFinalizers(next.finalizers ?? [], place));
  return errors;
}

const immutable = (place: FieldPath, value: unknown) => field.invalid(place, value, "field is immutable");

/** The fault of a field that must not change, if it did. */
export function validateImmutable(place: FieldPath, next: unknown, previous: unknown): readonly FieldError[] {
  return isEqual(next, previous) ? [] : [immutable(place, next)];
}

function validateShared(meta: ObjectMeta, place: FieldPath): readonly FieldError[] {
  return [
    ...validateLabels(meta.labels, place.child("labels")),
    ...validateAnnotations(meta.annotations, place.child("annotations")),
    ...validateOwners(meta.ownerReferences ?? [], place.child("ownerReferences")),
  ];
}

/** The faults of labels: their keys are qualified names, their values short. */
export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  place: FieldPath,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] ?? "";
    errors.push(...invalidEach(place, key, qualifiedName(key)), ...invalidEach(place, value, validLabelValue(value)));
  }
  return errors;
}

/** The faults of annotations: their keys are qualified names whatever their case, all of them at most 256 KiB. */
export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  place: FieldPath,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  let characters = 0;
  for (const key in annotations) {
    errors.push(...invalidEach(place, key, qualifiedName(key.toLowerCase())));
    characters += key.length + (annotations[key] ?? "").length;
  }
  // A character is at most three bytes, so most objects need no counting.
  if (annotations && characters * 3 > annotationsLimit) {
    let bytes = 0;
    for (const key in annotations) bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] ?? "");
    if (bytes > annotationsLimit) errors.push(field.tooLong(place, annotationsLimit));
  }
  return errors;
}

function validateOwners(owners: readonly OwnerReference[], place: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  let controller = "";
  for (const owner of owners) {
    const slash = owner.apiVersion.indexOf("/");
    if (owner.apiVersion.slice(slash + 1) === "") {
      errors.push(field.invalid(place.child("apiVersion"), owner.apiVersion, "version must not be empty"));
    }
    for (const name of ["kind", "name", "uid"] as const) {
      if (!owner[name]) errors.push(field.invalid(place.child(name), owner[name] ?? "", "must not be empty"));
    }
    if (owner.apiVersion === "v1" && owner.kind === "Event") {
      errors.push(field.invalid(place, owner, "/v1, Kind=Event is disallowed from being an owner"));
    }
    if (!owner.controller) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller) {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(field.invalid(place, owners, detail));
    } else controller = name;
  }
  return errors;
}

/** The faults of finalizers that all kinds share. */
export function validateFinalizers(finalizers: readonly string[], place: FieldPath): readonly FieldError[] {
  const errors = finalizers.flatMap((name) => invalidEach(place, name, qualifiedName(name)));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.push(field.invalid(place, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  }
  return errors;
}

/** The faults of finalizers in a place's `finalizers` that belong to nobody: neither Kubernetes' own nor of a domain. */
export function unknownFinalizers(finalizers: readonly string[], place: FieldPath): readonly FieldError[] {
  return finalizers.flatMap((name, position) =>
    name.includes("/") || knownFinalizers.has(name)
      ? []
      : [
          field.invalid(
            place.child("finalizers").index(position),
            name,
            "name is neither a standard finalizer name nor is it fully qualified",
          ),
        ],
  );
}

const usualManager = /^[ -~]{0,128}$/;

/** The faults of a field manager's name. */
export function validateFieldManager(manager: string, place: FieldPath): readonly FieldError[] {
  if (usualManager.test(manager)) return [];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(manager) > 128) errors.push(field.tooLong(place, 128));
  const at = [...manager].findIndex((character) => /[\p{C}\p{Zl}\p{Zp}]/u.test(character));
  if (at >= 0) errors.push(field.invalid(place, manager, "should only contain printable characters"));
  return errors;
}

function validateManagedFields(entries: readonly ManagedFieldsEntry[], place: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  entries.forEach((entry, position) => {
    const here = place.index(position);
    if (entry.operation !== "Apply" && entry.operation !== "Update") {
      errors.push(field.invalid(here.child("operation"), entry.operation ?? "", "must be `Apply` or `Update`"));
    }
    if (entry.fieldsType && entry.fieldsType !== "FieldsV1") {
      errors.push(field.invalid(here.child("fieldsType"), entry.fieldsType, "must be `FieldsV1`"));
    }
    errors.push(...validateFieldManager(entry.manager ?? "", here.child("manager")));
    if ((entry.subresource ?? "").length > 256) errors.push(field.tooLong(here.child("subresource"), 256));
  });
  return errors;
}
