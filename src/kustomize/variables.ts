import { Fault } from "../lib/fault.ts";
import { changeField } from "./field-path.ts";
import { variableFields } from "./field-tables.ts";
import { groupVersionOf, idParts, idText, isMembers, isSelected, kindText } from "./identity.ts";
import type { Variable } from "./kustomization.ts";
import { replacementSteps, valueAt } from "./replacement-path.ts";
import { currentId, originalId, type Resource, withObject } from "./resource.ts";

/** Puts vars of several kustomizations together. Throws `invalid` for a name that stands twice. */
export function joinedVariables(before: readonly Variable[], added: readonly Variable[]): readonly Variable[] {
  const all = [...before];
  for (const one of added) {
    if (all.some(({ name }) => name === one.name)) throw new Fault("invalid", `var '${one.name}' already encountered`);
    all.push(one);
  }
  return all;
}

/** Replaces `$(NAME)` where vars are looked for. Throws `invalid` for a var whose object or field is not there. */
export function withVariables(resources: readonly Resource[], variables: readonly Variable[]): readonly Resource[] {
  if (variables.length === 0) return resources;
  const values = new Map(variables.map((one) => [one.name ?? "", valueOfVariable(one, resources)]));
  return resources.map((resource) => {
    const id = currentId(resource);
    const change = { set: (value: unknown) => expanded(value, values) };
    return withObject(
      resource,
      variableFields.reduce((object, field) => changeField(object, id, field, change), resource.object),
    );
  });
}

function valueOfVariable(variable: Variable, resources: readonly Resource[]): unknown {
  const { objref = {}, fieldref = {} } = variable;
  const versioned = groupVersionOf(objref.apiVersion ?? "");
  const pattern = {
    group: objref.group || versioned.group,
    version: objref.version || versioned.version,
    kind: objref.kind ?? "",
  };
  const path = fieldref.fieldPath || fieldref.fieldpath || "metadata.name";
  const found = resources.filter((resource) => {
    const id = originalId(resource);
    return (
      id.name === (objref.name ?? "") &&
      isSelected(id, pattern) &&
      (!objref.namespace || [id.namespace, currentId(resource).namespace].includes(objref.namespace))
    );
  });
  const told = `{${variable.name} ${kindText(pattern)} {${path}}}`;
  const [only] = found;
  if (!only) {
    throw new Fault("invalid", `var '${told}' cannot be mapped to a field in the set of known resources`);
  }
  if (found.length > 1) {
    const ids = found.map((one) => idParts(currentId(one))).join(" ");
    throw new Fault(
      "invalid",
      `found ${found.length} resId matches for var ${told} (unable to disambiguate): [${ids}]`,
    );
  }
  const value = valueAt(only.object, replacementSteps(path.replace(/\[(\d+)\]/g, ".$1")));
  if (value === undefined || value === null) {
    throw new Fault(
      "invalid",
      `field specified in var '${told}' not found in corresponding resource ${idText(currentId(only))}`,
    );
  }
  return value;
}

function expanded(value: unknown, values: ReadonlyMap<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((item) => expanded(item, values));
  if (isMembers(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        typeof member === "string" ? expanded(member, values) : member,
      ]),
    );
  }
  if (typeof value !== "string") return value;
  const alone = /^\$\(([^()]+)\)$/.exec(value)?.[1];
  // A text that is nothing but a var becomes what that is, number or truth.
  if (alone !== undefined && values.has(alone)) return values.get(alone);
  return value.replace(/\$(\$|\(([^()]+)\))/g, (all, next: string, name?: string) => {
    if (next === "$") return "$";
    return name !== undefined && values.has(name) ? String(values.get(name)) : all;
  });
}
