import { type CelValue, misplacedType, toJson } from "../../../expr/cel/cel.ts";
import { CelError, CelList, CelMap } from "../../../expr/cel/value.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { configurationFaults } from "../../../machinery/apply/check.ts";
import { mergeApplied } from "../../../machinery/apply/merge.ts";
import { deduced, type Shape, shapeOf } from "../../../machinery/apply/shape.ts";
import { applyJsonPatch, TestFailed } from "../../../machinery/patch-json.ts";
import type { StructInfo } from "../../../machinery/type-info.ts";
import type { AnyObject } from "../../../registry/resource.ts";

/** An object as a mutation leaves it, not decoded yet, or why it cannot be carried out. */
export type Mutated = { readonly object: unknown } | { readonly fault: string };

/** Puts an `Object{...}` over an object, as server-side apply merges, but without anybody owning anything. */
export function mutateByConfiguration(object: AnyObject, value: CelValue, type: StructInfo | undefined): Mutated {
  const misplaced = misplacedType(value);
  if (misplaced !== undefined) return { fault: `type mismatch: ${misplaced}` };
  const json = toJson(value);
  if (json instanceof CelError) return { fault: json.message };
  const config = { ...(json as object), apiVersion: object.apiVersion, kind: object.kind };
  const shape: Shape = type ? shapeOf(type) : { kind: "free" };
  const faults = type && configurationFaults(type, config);
  const refused = (why: string) => ({ fault: `error applying patch: ${why}` });
  if (faults !== undefined) return refused(`failed to convert patch object to typed object: ${faults}`);
  const wholes = atomicPlaces(shape, config, "");
  if (wholes.length > 0) {
    return refused(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${wholes.join(", ")}`);
  }
  return { object: mergeApplied(shape, object, config) };
}

/** Where a configuration sets what is only ever replaced as a whole: whoever means to add to it would lose the rest. */
function atomicPlaces(given: Shape, value: unknown, place: string): readonly string[] {
  if (typeof value !== "object" || value === null || given.kind === "free") return [];
  const shape = deduced(given, value);
  if (shape.kind === "leaf") return [place];
  if (Array.isArray(value)) {
    const item: Shape = shape.kind === "keyed" ? shape.item : { kind: "leaf" };
    return value.flatMap((one, index) => atomicPlaces(item, one, `${place}[${index}]`));
  }
  return Object.entries(value).flatMap(([name, member]) => {
    const known = shape.kind === "struct" ? shape.field(name) : shape.kind === "map" ? shape.value : undefined;
    return known ? atomicPlaces(known, member, `${place}.${name}`) : [];
  });
}

/** Carries out a list of `JSONPatch{...}`; a test that fails leaves the object as it is. */
export function mutateByPatch(object: AnyObject, value: CelValue): Mutated {
  const steps = patchSteps(value);
  if ("fault" in steps) return steps;
  try {
    return { object: applyJsonPatch(object, steps.steps) };
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    if (cause instanceof TestFailed) return { object };
    return { fault: `JSONPath: ${errorMessage(cause ?? error)}` };
  }
}

function patchSteps(list: CelValue): { readonly steps: readonly object[] } | { readonly fault: string } {
  if (!(list instanceof CelList)) return { fault: "type mismatch: JSONPatchType.expression should evaluate to array" };
  const steps: object[] = [];
  for (let index = 0; index < list.size; index++) {
    const step = list.at(index);
    if (!(step instanceof CelMap)) {
      return { fault: "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch" };
    }
    const part = (name: string) => step.get(name) ?? "";
    const made: Record<string, unknown> = { op: part("op"), path: part("path") };
    if (part("from") !== "") made.from = part("from");
    const given = step.get("value");
    if (given !== undefined && !(given instanceof CelError)) {
      const misplaced = given instanceof CelMap && given.typeName !== "map" ? misplacedPart(given) : undefined;
      if (misplaced !== undefined) return { fault: `type mismatch: ${misplaced}` };
      const json = toJson(given);
      if (json instanceof CelError) {
        return {
          fault: `JSONPath valueExpression evaluated to a type that could not marshal to JSON: ${json.message}`,
        };
      }
      made.value = json;
    }
    steps.push(made);
  }
  return { steps };
}

/** The value of a step may be any part of an object; its parts must be named after where they stand in it. */
function misplacedPart(value: CelMap): string | undefined {
  return misplacedType(value, value.typeName);
}
