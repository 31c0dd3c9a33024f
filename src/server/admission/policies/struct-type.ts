import { type CelField, type CelObjectType, type CelType, celTypes } from "../../../expr/cel/cel.ts";
import { escapeProperty } from "../../../expr/cel/escaping.ts";
import type { ScalarName, StructInfo, TypeInfo } from "../../../machinery/type-info.ts";

const scalars: Readonly<Record<ScalarName, CelType>> = {
  string: celTypes.string,
  bool: celTypes.bool,
  int32: celTypes.int,
  int64: celTypes.int,
  double: celTypes.double,
  byte: celTypes.int,
  bytes: celTypes.bytes,
  quantity: celTypes.string,
  intOrString: celTypes.dyn,
  time: celTypes.timestamp,
  microTime: celTypes.timestamp,
  duration: celTypes.string,
  raw: celTypes.dyn,
  fieldsV1: celTypes.dyn,
  any: celTypes.dyn,
};

const known = new WeakMap<StructInfo, CelObjectType>();

/** The type of a kind's objects as expressions see them; an object that may have any field is of any type. */
export function structType(info: StructInfo): CelType {
  if (info.open) return celTypes.dyn;
  const made = known.get(info);
  if (made) return made;
  let fields: ReadonlyMap<string, CelField> | undefined;
  // Types may contain themselves: their fields are looked at when somebody asks.
  const type: CelObjectType = {
    kind: "object",
    name: info.name,
    field(name) {
      fields ??= fieldsOf(info);
      return fields.get(name);
    },
  };
  known.set(info, type);
  return type;
}

function fieldsOf(info: StructInfo): ReadonlyMap<string, CelField> {
  const fields = new Map<string, CelField>();
  const always = { apiVersion: celTypes.string, kind: celTypes.string };
  for (const [name, type] of Object.entries(always)) fields.set(name, { type, jsonName: name });
  for (const [name, field] of info.fields) {
    const escaped = escapeProperty(name);
    if (escaped !== undefined) fields.set(escaped, { type: typeOf(field.type), jsonName: name });
  }
  return fields;
}

function typeOf(info: TypeInfo): CelType {
  switch (info.kind) {
    case "scalar":
      return scalars[info.scalar];
    case "list":
      return celTypes.listOf(typeOf(info.item));
    case "map":
      return celTypes.mapOf(celTypes.string, typeOf(info.value));
    case "struct":
      return structType(info);
    case "either":
      return celTypes.dyn;
  }
}
