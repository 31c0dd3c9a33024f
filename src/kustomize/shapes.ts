import { Fault } from "../lib/fault.ts";
import { isMembers, type Members } from "./identity.ts";

/** What a field of a kustomization may hold. */
export type Shape =
  | { readonly form: "string" | "bool" | "int" | "any" }
  | { readonly form: "list"; readonly item: Shape }
  | { readonly form: "map"; readonly value: Shape }
  | { readonly form: "struct"; readonly name: string; readonly fields: Readonly<Record<string, Shape>> };

export const string: Shape = { form: "string" };
export const bool: Shape = { form: "bool" };
export const int: Shape = { form: "int" };
export const any: Shape = { form: "any" };
export const listOf = (item: Shape): Shape => ({ form: "list", item });
export const mapOf = (value: Shape): Shape => ({ form: "map", value });
export const struct = (name: string, fields: Readonly<Record<string, Shape>>): Shape => ({
  form: "struct",
  name,
  fields,
});

/** Checks that a value is of a shape, names told as Go tells them. Throws `invalid` for the first that is not. */
export function checkShape(shape: Shape, value: unknown): void {
  check(shape, value, { struct: "", path: "" });
}

interface Place {
  readonly struct: string;
  readonly path: string;
}

function check(shape: Shape, value: unknown, at: Place): void {
  if (value === null || value === undefined || shape.form === "any") return;
  switch (shape.form) {
    case "list":
      if (!Array.isArray(value)) throw mismatch(shape, value, at);
      for (const item of value) check(shape.item, item, at);
      return;
    case "map":
      if (!isMembers(value)) throw mismatch(shape, value, at);
      for (const name of sortedNames(value)) check(shape.value, value[name], at);
      return;
    case "struct":
      if (!isMembers(value)) throw mismatch(shape, value, at);
      for (const name of sortedNames(value)) {
        const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
        if (!field) throw new Fault("invalid", `json: unknown field ${JSON.stringify(name)}`);
        check(field, value[name], { struct: shape.name, path: at.path === "" ? name : `${at.path}.${name}` });
      }
      return;
    default:
      if (jsonForm(value) !== { string: "string", bool: "bool", int: "number" }[shape.form]) {
        throw mismatch(shape, value, at);
      }
  }
}

const sortedNames = (value: Members) => Object.keys(value).sort();

function mismatch(shape: Shape, value: unknown, { struct, path }: Place): Fault {
  const where = struct === "" ? "value" : `struct field ${struct}.${path}`;
  return new Fault("invalid", `json: cannot unmarshal ${jsonForm(value)} into Go ${where} of type ${goType(shape)}`);
}

function jsonForm(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function goType(shape: Shape): string {
  switch (shape.form) {
    case "list":
      return `[]${goType(shape.item)}`;
    case "map":
      return `map[string]${goType(shape.value)}`;
    case "struct":
      return `types.${shape.name}`;
    case "any":
      return "interface {}";
    case "int":
      return "int64";
    default:
      return shape.form;
  }
}
