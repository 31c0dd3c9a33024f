import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateMetadata } from "../../machinery/metadata-validation.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import type { ObjectMeta } from "../../machinery/object.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { isMembers, type Members, type Schema } from "./schema.ts";
import { memberSchema } from "./schema-form.ts";
import { keyText } from "./validate-value.ts";

type Check = (value: unknown, schema: Schema, place: FieldPath, errors: FieldError[]) => void;

/** The faults of lists that are sets or maps by their schema: elements that are there twice. */
export function validateLists(value: unknown, schema: Schema): Errors {
  return walk(value, schema, checkList);
}

/** The faults of objects within the object: each has a kind, a version and metadata like any other. */
export function validateEmbedded(value: unknown, schema: Schema): Errors {
  return walk(value, schema, checkEmbedded);
}

function walk(value: unknown, schema: Schema, check: Check): Errors {
  const errors: FieldError[] = [];
  const visit = (part: unknown, its: Schema, place: FieldPath) => {
    check(part, its, place, errors);
    const { items } = its;
    if (Array.isArray(part)) {
      for (const [index, item] of part.entries()) if (items) visit(item, items, place.index(index));
    } else if (isMembers(part)) {
      for (const [name, member] of Object.entries(part)) {
        const known = memberSchema(its, name);
        if (known === undefined || known === true) continue;
        visit(
          member,
          known,
          its.properties && Object.hasOwn(its.properties, name) ? place.child(name) : place.key(name),
        );
      }
    }
  };
  visit(value, schema, path());
  return errors;
}

const checkList: Check = (value, schema, place, errors) => {
  const kind = schema["x-kubernetes-list-type"];
  if (!Array.isArray(value) || (kind !== "set" && kind !== "map")) return;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  value.forEach((item, index) => {
    const text = kind === "set" ? JSON.stringify(item) : keyText(item, keys);
    if (seen.has(text)) errors.push(field.duplicate(place.index(index), kind === "set" ? item : keysOf(item, keys)));
    seen.add(text);
  });
};

function keysOf(item: unknown, keys: readonly string[]): Members {
  return Object.fromEntries(keys.map((key) => [key, isMembers(item) ? item[key] : undefined]));
}

const checkEmbedded: Check = (value, schema, place, errors) => {
  if (!schema["x-kubernetes-embedded-resource"] || !isMembers(value)) return;
  for (const name of ["apiVersion", "kind"]) {
    if (typeof value[name] !== "string" || value[name] === "") {
      errors.push(field.required(place.child(name), "must not be empty"));
    }
  }
  const metadata = (isMembers(value.metadata) ? value.metadata : {}) as ObjectMeta;
  if (!metadata.name && !metadata.generateName) return;
  const rules = {
    namespaced: metadata.namespace !== undefined,
    name: dnsSubdomain,
    strictFinalizers: false,
    place: place.child("metadata"),
  };
  errors.push(...validateMetadata({ ...metadata, name: metadata.name ?? "generated" }, rules));
};
