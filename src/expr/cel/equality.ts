import { compareNumbers } from "./compare.ts";
import type { Meter } from "./meter.ts";
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
} from "./value.ts";

/** Whether two values are equal; numbers by worth whatever their types, and values of different types never. */
export function equal(a: CelOutcome, b: CelOutcome, meter: Meter): boolean | CelError {
  if (a instanceof CelError) return a;
  if (b instanceof CelError) return b;
  if (a === b) return !(typeof a === "number" && Number.isNaN(a));
  const left = worth(a);
  const right = worth(b);
  if (left !== undefined || right !== undefined)
    return left !== undefined && right !== undefined && compareNumbers(left, right) === 0;
  if (a instanceof CelList) return b instanceof CelList && equalLists(a, b, meter);
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b, meter);
  return equalScalars(a, b, meter);
}

function worth(value: CelValue): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof CelUint ? value.value : undefined;
}

function equalScalars(a: CelValue, b: CelValue, meter: Meter): boolean | CelError {
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanos === b.nanos;
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos;
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.name === b.name;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof CelOpaque) return b instanceof CelOpaque && a.typeName === b.typeName && a.equals(b);
  if (!(a instanceof CelOptional) || !(b instanceof CelOptional)) return false;
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equal(a.value, b.value, meter);
}

function equalLists(a: CelList, b: CelList, meter: Meter): boolean | CelError {
  if (a.size !== b.size) return false;
  const merge = a.merge ?? b.merge;
  if (merge?.by === "set") return everyElement(a, (element) => contains(b, element, meter));
  if (merge?.by === "map") return everyElement(a, (element) => matchesKeyed(b, element, merge.keys, meter));
  for (let index = 0; index < a.size; index++) {
    meter.visit();
    const same = equal(a.at(index), b.at(index), meter);
    if (same !== true) return same;
  }
  return true;
}

function everyElement(list: CelList, holds: (element: CelOutcome) => boolean | CelError): boolean | CelError {
  for (let index = 0; index < list.size; index++) {
    const held = holds(list.at(index));
    if (held !== true) return held;
  }
  return true;
}

/** Whether a list has an element equal to a value; an error only if none is. */
export function contains(list: CelList, value: CelOutcome, meter: Meter): boolean | CelError {
  let failed: CelError | undefined;
  for (let index = 0; index < list.size; index++) {
    meter.visit();
    const same = equal(list.at(index), value, meter);
    if (same === true) return true;
    if (same !== false) failed ??= same;
  }
  return failed ?? false;
}

/** The index of the element with the same keys as a value, or -1. */
export function indexOfKeyed(list: CelList, value: CelOutcome, keys: readonly string[], meter: Meter): number {
  for (let index = 0; index < list.size; index++) {
    meter.visit();
    const element = list.at(index);
    if (
      element instanceof CelMap &&
      value instanceof CelMap &&
      keys.every((key) => sameKey(element, value, key, meter))
    )
      return index;
  }
  return -1;
}

function sameKey(a: CelMap, b: CelMap, key: string, meter: Meter): boolean {
  const left = a.get(key);
  const right = b.get(key);
  return left === undefined || right === undefined ? left === right : equal(left, right, meter) === true;
}

function matchesKeyed(list: CelList, value: CelOutcome, keys: readonly string[], meter: Meter): boolean | CelError {
  const index = indexOfKeyed(list, value, keys, meter);
  return index < 0 ? false : equal(list.at(index), value, meter);
}

function equalMaps(a: CelMap, b: CelMap, meter: Meter): boolean | CelError {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    meter.visit();
    const right = b.get(key);
    if (right === undefined) return false;
    const same = equal(a.get(key) ?? null, right, meter);
    if (same !== true) return same;
  }
  return true;
}
