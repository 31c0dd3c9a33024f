import type { FieldInfo, StructInfo, TypeInfo } from "../type-info.ts";
import { keyStep, valueStep } from "./path-element.ts";

/** How the parts of a value are owned: one by one, or as a whole. */
export type Shape = LeafShape | StructShape | MapShape | SetShape | KeyedShape | FreeShape;

/** Owned as a whole, whatever is in it. */
export interface LeafShape {
  readonly kind: "leaf";
}

/** Members that have names in the type. */
export interface StructShape {
  readonly kind: "struct";
  readonly field: (name: string) => Shape | undefined;
  /** Members that the type does not name are carried all the same. */
  readonly open: boolean;
}

/** Members whose names are data. */
export interface MapShape {
  readonly kind: "map";
  readonly value: Shape;
}

/** A list of different values in which order says nothing. */
export interface SetShape {
  readonly kind: "set";
}

/** A list whose elements are told apart by some of their members. */
export interface KeyedShape {
  readonly kind: "keyed";
  readonly keys: readonly string[];
  /** Values of keys that an element leaves out. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly item: Shape;
}

/** A value without a type: objects are maps, all else is a leaf. */
export interface FreeShape {
  readonly kind: "free";
}

export const leafShape: LeafShape = { kind: "leaf" };
export const freeShape: FreeShape = { kind: "free" };
const setShape: SetShape = { kind: "set" };

const ofFields = new WeakMap<FieldInfo, Shape>();
const ofTypes = new WeakMap<TypeInfo, Shape>();

/** The shape of a whole type. */
export function shapeOf(type: TypeInfo): Shape {
  let shape = ofTypes.get(type);
  if (!shape) {
    shape = typeShape(type);
    ofTypes.set(type, shape);
  }
  return shape;
}

function typeShape(type: TypeInfo): Shape {
  switch (type.kind) {
    case "struct":
      return type.atomic ? leafShape : structShape(type);
    case "map":
      return { kind: "map", value: shapeOf(type.value) };
    case "list":
    case "either":
      return leafShape;
    case "scalar":
      return type.scalar === "raw" || type.scalar === "fieldsV1" ? freeShape : leafShape;
  }
}

function structShape(type: StructInfo): Shape {
  return {
    kind: "struct",
    open: type.open,
    field: (name) => {
      const field = type.fields.get(name);
      if (!field) return type.open ? freeShape : undefined;
      return shapeOfField(field);
    },
  };
}

/** The shape of what stands in a field. */
export function shapeOfField(field: FieldInfo): Shape {
  let shape = ofFields.get(field);
  if (!shape) {
    shape = fieldShape(field);
    ofFields.set(field, shape);
  }
  return shape;
}

function fieldShape(field: FieldInfo): Shape {
  const { type } = field;
  if (type.kind === "struct" && field.structType) {
    return field.structType === "atomic" ? leafShape : structShape(type);
  }
  if (type.kind === "map" && field.mapType === "atomic") return leafShape;
  if (type.kind !== "list") return shapeOf(type);
  if (field.listType === "set") return setShape;
  if (field.listType !== "map") return leafShape;
  const keys = [...(field.listMapKeys ?? [])].sort();
  const defaults: Record<string, unknown> = {};
  if (type.item.kind === "struct") {
    for (const key of keys) {
      const value = type.item.fields.get(key)?.default;
      if (value !== undefined) defaults[key] = value;
    }
  }
  return { kind: "keyed", keys, defaults, item: shapeOf(type.item) };
}

/** The shape that a value without a type has. */
export function deduced(shape: Shape, value: unknown): Exclude<Shape, FreeShape> {
  if (shape.kind !== "free") return shape;
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { kind: "map", value: freeShape }
    : leafShape;
}

/** The step to an element of a set or keyed list. */
export function stepTo(shape: SetShape | KeyedShape, item: unknown): string {
  if (shape.kind === "set") return valueStep(item);
  const keys: Record<string, unknown> = {};
  const members = typeof item === "object" && item !== null ? (item as Readonly<Record<string, unknown>>) : {};
  for (const key of shape.keys) {
    const value = members[key] ?? shape.defaults[key];
    if (value !== undefined) keys[key] = value;
  }
  return keyStep(keys);
}
