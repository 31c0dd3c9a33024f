import type { CelType } from "./cel-type.ts";
import {
  CelDuration,
  CelError,
  CelList,
  CelMap,
  CelOpaque,
  CelOptional,
  type CelOutcome,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  mapKey,
  typeNameOf,
} from "./value.ts";

/** The one error for an operation that no overload knows. */
export const noSuchOverload = new CelError("no such overload");

const always = () => true;

/** Whether values are of a type, as far as a call needs to know (elements are not looked at). */
export function accepts(type?: CelType): (value: CelValue) => boolean {
  switch (type?.kind) {
    case "null":
      return (value) => value === null;
    case "bool":
      return (value) => typeof value === "boolean";
    case "int":
      return (value) => typeof value === "bigint";
    case "uint":
      return (value) => value instanceof CelUint;
    case "double":
      return (value) => typeof value === "number";
    case "string":
      return (value) => typeof value === "string";
    case "bytes":
      return (value) => value instanceof Uint8Array;
    case "timestamp":
      return (value) => value instanceof CelTimestamp;
    case "duration":
      return (value) => value instanceof CelDuration;
    case "list":
      return (value) => value instanceof CelList;
    case "map":
      return (value) => value instanceof CelMap;
    case "optional":
      return (value) => value instanceof CelOptional;
    case "type":
      return (value) => value instanceof CelTypeValue;
    case "opaque":
      return (value) => value instanceof CelOpaque && value.typeName === type.name;
    default:
      return always;
  }
}

/** `value.field`; on an optional it is an optional again. */
export function selectValue(value: CelOutcome, field: string): CelOutcome {
  if (value instanceof CelError) return value;
  if (value instanceof CelMap) {
    const found = value.field(field);
    return found === undefined ? new CelError(`no such key: ${field}`) : found;
  }
  if (!(value instanceof CelOptional)) return noSuchOverload;
  if (value.value === undefined) return value;
  if (!(value.value instanceof CelMap)) return noSuchOverload;
  const found = value.value.field(field);
  if (found instanceof CelError) return found;
  return found === undefined ? CelOptional.none : new CelOptional(found);
}

/** `value[key]`, or `value[?key]`, which answers an optional. */
export function indexValue(value: CelOutcome, key: CelOutcome, optional: boolean): CelOutcome {
  if (value instanceof CelError) return value;
  if (key instanceof CelError) return key;
  const wrapped = value instanceof CelOptional;
  const inner = wrapped ? value.value : value;
  if (inner === undefined) return CelOptional.none;
  const found = elementAt(inner, key);
  if (!optional && !wrapped) return found === undefined ? missing(inner, key) : found;
  if (found instanceof CelError) return found;
  return found === undefined ? CelOptional.none : new CelOptional(found);
}

function elementAt(container: CelValue, key: CelValue): CelOutcome | undefined {
  if (container instanceof CelMap) {
    return mapKey(key) === undefined && typeof key !== "number"
      ? new CelError(`unsupported key type: ${typeNameOf(key)}`)
      : container.get(key);
  }
  if (!(container instanceof CelList)) return noSuchOverload;
  const position = mapKey(key);
  if (typeof position !== "bigint") return new CelError(`unsupported index type '${typeNameOf(key)}' in list`);
  return position >= 0n && position < BigInt(container.size) ? container.at(Number(position)) : undefined;
}

function missing(container: CelValue, key: CelValue): CelError {
  const shown = key instanceof CelUint ? key.value : key;
  return new CelError(
    container instanceof CelMap ? `no such key: ${String(shown)}` : `index out of bounds: ${String(shown)}`,
  );
}
