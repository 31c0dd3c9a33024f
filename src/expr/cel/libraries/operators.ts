import { compare } from "../compare.ts";
import { type CostRule, compares, joins, joinsLists, searches } from "../cost-rule.ts";
import { contains, equal, indexOfKeyed } from "../equality.ts";
import { toInt, toUint } from "../integers.ts";
import type { Meter } from "../meter.ts";
import { type Overload, overload } from "../overload.ts";
import { durationOf, timestampAt } from "../time.ts";
import {
  ArrayList,
  type CelDuration,
  CelError,
  type CelList,
  type CelMap,
  type CelOutcome,
  type CelTimestamp,
  CelUint,
  type CelValue,
  GrowingList,
  JoinedList,
  mapKey,
} from "../value.ts";

const divisionByZero = new CelError("division by zero");
const modulusByZero = new CelError("modulus by zero");

const arithmetic: readonly Overload[] = [
  overload("_+_", "(int, int): int", (a: bigint, b: bigint) => toInt(a + b)),
  overload("_+_", "(uint, uint): uint", (a: CelUint, b: CelUint) => toUint(a.value + b.value)),
  overload("_+_", "(double, double): double", (a: number, b: number) => a + b),
  overload("_+_", "(string, string): string", (a: string, b: string) => a + b, joins),
  overload(
    "_+_",
    "(bytes, bytes): bytes",
    (a: Uint8Array, b: Uint8Array) => new Uint8Array(Buffer.concat([a, b])),
    joins,
  ),
  overload("_+_", "(list(A), list(A)): list(A)", addLists, joinsLists),
  overload("_+_", "(timestamp, duration): timestamp", (a: CelTimestamp, b: CelDuration) =>
    timestampAt(a.nanos + b.nanos),
  ),
  overload("_+_", "(duration, timestamp): timestamp", (a: CelDuration, b: CelTimestamp) =>
    timestampAt(a.nanos + b.nanos),
  ),
  overload("_+_", "(duration, duration): duration", (a: CelDuration, b: CelDuration) => durationOf(a.nanos + b.nanos)),
  overload("_-_", "(int, int): int", (a: bigint, b: bigint) => toInt(a - b)),
  overload("_-_", "(uint, uint): uint", (a: CelUint, b: CelUint) => toUint(a.value - b.value)),
  overload("_-_", "(double, double): double", (a: number, b: number) => a - b),
  overload("_-_", "(timestamp, timestamp): duration", (a: CelTimestamp, b: CelTimestamp) =>
    durationOf(a.nanos - b.nanos),
  ),
  overload("_-_", "(timestamp, duration): timestamp", (a: CelTimestamp, b: CelDuration) =>
    timestampAt(a.nanos - b.nanos),
  ),
  overload("_-_", "(duration, duration): duration", (a: CelDuration, b: CelDuration) => durationOf(a.nanos - b.nanos)),
  overload("_*_", "(int, int): int", (a: bigint, b: bigint) => toInt(a * b)),
  overload("_*_", "(uint, uint): uint", (a: CelUint, b: CelUint) => toUint(a.value * b.value)),
  overload("_*_", "(double, double): double", (a: number, b: number) => a * b),
  overload("_/_", "(int, int): int", (a: bigint, b: bigint) => (b === 0n ? divisionByZero : toInt(a / b))),
  overload("_/_", "(uint, uint): uint", (a: CelUint, b: CelUint) =>
    b.value === 0n ? divisionByZero : new CelUint(a.value / b.value),
  ),
  overload("_/_", "(double, double): double", (a: number, b: number) => a / b),
  overload("_%_", "(int, int): int", (a: bigint, b: bigint) => {
    if (b === 0n) return modulusByZero;
    return a === -(2n ** 63n) && b === -1n ? new CelError("integer overflow") : a % b;
  }),
  overload("_%_", "(uint, uint): uint", (a: CelUint, b: CelUint) =>
    b.value === 0n ? modulusByZero : new CelUint(a.value % b.value),
  ),
  overload("-_", "(int): int", (a: bigint) => toInt(-a)),
  overload("-_", "(double): double", (a: number) => -a),
  overload("!_", "(bool): bool", (a: boolean) => !a),
];

function addLists(a: CelList, b: CelList, _c: unknown, _d: unknown, meter: Meter): CelOutcome {
  if (a instanceof GrowingList) {
    for (let index = 0; index < b.size; index++) {
      const element = b.at(index);
      if (element instanceof CelError) return element;
      meter.visit();
      a.items.push(element);
    }
    return a;
  }
  if (a.merge) return mergeLists(a, b, a.merge, meter);
  if (a.size === 0) return b;
  return b.size === 0 ? a : new JoinedList(a, b);
}

/** Sets keep what is new of the other; maps take over its elements with keys they have. */
function mergeLists(a: CelList, b: CelList, merge: NonNullable<CelList["merge"]>, meter: Meter): CelOutcome {
  const items: CelValue[] = [];
  for (let index = 0; index < a.size; index++) items.push(a.at(index) as CelValue);
  for (let index = 0; index < b.size; index++) {
    const element = b.at(index);
    if (element instanceof CelError) return element;
    if (merge.by === "map") {
      const place = indexOfKeyed(a, element, merge.keys, meter);
      if (place < 0) items.push(element);
      else items[place] = element;
    } else if (contains(a, element, meter) !== true) items.push(element);
  }
  return items.find((item) => (item as CelOutcome) instanceof CelError) ?? new ArrayList(items);
}

const equality: readonly Overload[] = [
  overload(
    "_==_",
    "(A, A): bool",
    (a: CelValue, b: CelValue, _c: unknown, _d: unknown, meter: Meter) => equal(a, b, meter),
    compares,
  ),
  overload(
    "_!=_",
    "(A, A): bool",
    (a: CelValue, b: CelValue, _c: unknown, _d: unknown, meter: Meter) => {
      const same = equal(a, b, meter);
      return typeof same === "boolean" ? !same : same;
    },
    compares,
  ),
  overload(
    "@in",
    "(A, list(A)): bool",
    (a: CelValue, list: CelList, _c: unknown, _d: unknown, meter: Meter) => contains(list, a, meter),
    searches,
  ),
  overload(
    "@in",
    "(A, map(A, B)): bool",
    (a: CelValue, map: CelMap) => mapKey(a) !== undefined && map.get(a) !== undefined,
  ),
];

const numbers = ["int", "uint", "double"] as const;
const comparable: readonly (readonly [string, string, CostRule?])[] = [
  ["bool", "bool"],
  ...numbers.flatMap((a) => numbers.map((b) => [a, b] as const)),
  ["string", "string", compares],
  ["bytes", "bytes", compares],
  ["timestamp", "timestamp"],
  ["duration", "duration"],
];
const relations: Readonly<Record<string, (order: number) => boolean>> = {
  "_<_": (order) => order < 0,
  "_<=_": (order) => order <= 0,
  "_>_": (order) => order > 0,
  "_>=_": (order) => order >= 0,
};

const ordering = Object.entries(relations).flatMap(([name, holds]) =>
  comparable.map(([left, right, cost]) =>
    overload(
      name,
      `(${left}, ${right}): bool`,
      (a: CelValue, b: CelValue) => {
        const order = compare(a, b);
        return order instanceof CelError ? order : holds(order);
      },
      cost,
    ),
  ),
);

const never = (): CelOutcome => new CelError("no such overload");

/** Operators that the compiler itself evaluates; declared for the checker. */
const special: readonly Overload[] = [
  overload("_&&_", "(bool, bool): bool", never),
  overload("_||_", "(bool, bool): bool", never),
  overload("_?_:_", "(bool, A, A): A", never),
  overload("@not_strictly_false", "(bool): bool", never),
  overload("_[_]", "(list(A), int): A", never),
  overload("_[_]", "(map(A, B), A): B", never),
];

/** The operators of the language. */
export const operators: readonly Overload[] = [...arithmetic, ...equality, ...ordering, ...special];
