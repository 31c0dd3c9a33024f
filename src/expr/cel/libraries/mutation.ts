import { type CelObjectType, dyn, objectType, string } from "../cel-type.ts";
import { type Overload, overload } from "../overload.ts";
import { CelError, CelList, CelMap, type CelOutcome, FieldsObject } from "../value.ts";

const jsonPatch = objectType("JSONPatch", { op: string, path: string, from: string, value: dyn });

/** One step of a JSON patch, as the expressions of a mutating policy build it: `JSONPatch{op: ..., path: ...}`. */
export const jsonPatchType: CelObjectType = jsonPatch;

/** The types that a mutating policy's expressions may build: `JSONPatch`, and `Object` with a type per field path. */
export function mutationStructs(name: string): CelObjectType | undefined {
  if (name === jsonPatch.name) return jsonPatch;
  if (name !== "Object" && !name.startsWith("Object.")) return undefined;
  return { kind: "object", name, field: (field) => ({ type: dyn, jsonName: field }) };
}

/** What is wrong with a built `Object`: each part's type must be named after the path where it stands. */
export function misplacedType(value: CelOutcome, path = "Object"): string | undefined {
  if (value instanceof FieldsObject && value.typeName !== path) {
    return `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`;
  }
  if (value instanceof FieldsObject) {
    for (const field of value.keys()) {
      const fault = misplacedType(value.get(field) ?? null, `${path}.${String(field)}`);
      if (fault !== undefined) return fault;
    }
  } else if (value instanceof CelList) {
    for (let index = 0; index < value.size; index++) {
      const fault = misplacedType(value.at(index), path);
      if (fault !== undefined) return fault;
    }
  } else if (value instanceof CelMap) {
    for (const key of value.keys()) {
      const fault = misplacedType(value.get(key) ?? null, `${path}.${String(key)}`);
      if (fault !== undefined) return fault;
    }
  }
  return value instanceof CelError ? value.message : undefined;
}

/** Writing JSON pointers. */
export const mutationLibrary: readonly Overload[] = [
  overload("jsonpatch.escapeKey", "(string): string", (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1")),
];
