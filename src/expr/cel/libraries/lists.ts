import { compare } from "../compare.ts";
import { type CostRule, exactly, multiply, type Range, traverses, unknownSize } from "../cost-rule.ts";
import { contains, equal } from "../equality.ts";
import { toInt, toUint } from "../integers.ts";
import type { Meter } from "../meter.ts";
import { type Overload, overload } from "../overload.ts";
import { durationOf } from "../time.ts";
import { ArrayList, CelDuration, CelError, CelList, type CelOutcome, CelUint, type CelValue } from "../value.ts";

type Unused = undefined;

/** The elements of a list, each counted; an error among them is the answer. */
export function elementsOf(list: CelList, meter: Meter): CelValue[] | CelError {
  const items: CelValue[] = [];
  for (let index = 0; index < list.size; index++) {
    meter.visit();
    const item = list.at(index);
    if (item instanceof CelError) return item;
    items.push(item);
  }
  return items;
}

function ordered(list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter): CelOutcome {
  const items = elementsOf(list, meter);
  if (items instanceof CelError) return items;
  for (let index = 1; index < items.length; index++) {
    const order = compare(items[index - 1] as CelValue, items[index] as CelValue);
    if (order instanceof CelError) return order;
    if (order > 0) return false;
  }
  return true;
}

/** Adds up by the type of the elements: a list whose type is not known may hold any. */
function sum(zero: CelValue) {
  return (list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter): CelOutcome => {
    const items = elementsOf(list, meter);
    if (items instanceof CelError) return items;
    let total: CelOutcome = items[0] ?? zero;
    for (const item of items.slice(1)) {
      total = addUp(total, item);
      if (total instanceof CelError) return total;
    }
    return total;
  };
}

function addUp(a: CelValue, b: CelValue): CelOutcome {
  if (typeof a === "bigint" && typeof b === "bigint") return toInt(a + b);
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a instanceof CelUint && b instanceof CelUint) return toUint(a.value + b.value);
  if (a instanceof CelDuration && b instanceof CelDuration) return durationOf(a.nanos + b.nanos);
  return new CelError("no such overload");
}

function extreme(name: string, better: (order: number) => boolean) {
  return (list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter): CelOutcome => {
    const items = elementsOf(list, meter);
    if (items instanceof CelError) return items;
    let best = items[0];
    if (best === undefined) return new CelError(`${name} called on empty list`);
    for (const item of items) {
      const order = compare(item, best);
      if (order instanceof CelError) return order;
      if (better(order)) best = item;
    }
    return best;
  };
}

function position(list: CelList, value: CelValue, last: boolean, meter: Meter): CelOutcome {
  const size = list.size;
  for (let step = 0; step < size; step++) {
    const index = last ? size - 1 - step : step;
    meter.visit();
    if (equal(list.at(index), value, meter) === true) return BigInt(index);
  }
  return -1n;
}

const comparable = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"];

/** The list functions that Kubernetes has of its own. */
export const listLibrary: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    overload("isSorted", `list(${type}).(): bool`, ordered, traverses),
    overload(
      "min",
      `list(${type}).(): ${type}`,
      extreme("min", (order) => order < 0),
      traverses,
    ),
    overload(
      "max",
      `list(${type}).(): ${type}`,
      extreme("max", (order) => order > 0),
      traverses,
    ),
  ]),
  overload("sum", "list(int).(): int", sum(0n), traverses),
  overload("sum", "list(uint).(): uint", sum(new CelUint(0n)), traverses),
  overload("sum", "list(double).(): double", sum(0), traverses),
  overload("sum", "list(duration).(): duration", sum(new CelDuration(0n)), traverses),
  overload(
    "indexOf",
    "list(A).(A): int",
    (list: CelList, value: CelValue, _c: Unused, _d: Unused, meter: Meter) => position(list, value, false, meter),
    traverses,
  ),
  overload(
    "lastIndexOf",
    "list(A).(A): int",
    (list: CelList, value: CelValue, _c: Unused, _d: Unused, meter: Meter) => position(list, value, true, meter),
    traverses,
  ),
];

/** A price by the size of a list, once for itself and `times` over for its elements; a new list is made. */
function perElement(times: (size: Range) => Range): CostRule {
  return {
    charge: (meter, args) => {
      const list = args[0];
      const size = exactly(list instanceof CelList ? list.size : 0);
      meter.charge(10 + Math.ceil(times(size).max));
    },
    estimate: (args) => {
      const size = args[0]?.size ?? unknownSize;
      const cost = times(size);
      return { cost: { min: 10 + cost.min, max: 10 + cost.max }, size };
    },
  };
}

const linear = perElement((size) => size);
const square = perElement((size) => multiply(size, size));

function sortBy(values: CelList, keys: CelList, meter: Meter): CelOutcome {
  const items = elementsOf(values, meter);
  const by = elementsOf(keys, meter);
  if (items instanceof CelError) return items;
  if (by instanceof CelError) return by;
  let failed: CelError | undefined;
  const order = items
    .map((item, index) => ({ item, key: by[index] as CelValue }))
    .sort((a, b) => {
      const result = compare(a.key, b.key);
      if (!(result instanceof CelError)) return result;
      failed ??= new CelError("list elements must be comparable");
      return 0;
    });
  return failed ?? new ArrayList(order.map(({ item }) => item));
}

function distinct(list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter): CelOutcome {
  const items = elementsOf(list, meter);
  if (items instanceof CelError) return items;
  const found: CelValue[] = [];
  for (const item of items) if (contains(new ArrayList(found), item, meter) !== true) found.push(item);
  return new ArrayList(found);
}

function slice(list: CelList, start: bigint, end: bigint, _d: Unused, meter: Meter): CelOutcome {
  if (start < 0n || end < 0n) return new CelError(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end)
    return new CelError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > BigInt(list.size)) return new CelError(`cannot slice(${start}, ${end}), list is length ${list.size}`);
  const items: CelValue[] = [];
  for (let index = Number(start); index < Number(end); index++) {
    meter.visit();
    const item = list.at(index);
    if (item instanceof CelError) return item;
    items.push(item);
  }
  return new ArrayList(items);
}

function flatten(list: CelList, depth: bigint, meter: Meter): CelOutcome {
  if (depth < 0n) return new CelError("level must be non-negative");
  const flat: CelValue[] = [];
  const walk = (part: CelList, left: bigint): CelError | undefined => {
    const items = elementsOf(part, meter);
    if (items instanceof CelError) return items;
    for (const item of items) {
      const failed = item instanceof CelList && left > 0n ? walk(item, left - 1n) : void flat.push(item);
      if (failed) return failed;
    }
    return undefined;
  };
  return walk(list, depth) ?? new ArrayList(flat);
}

function range(end: bigint, meter: Meter): CelOutcome {
  const size = Number(end < 0n ? 0n : end);
  meter.charge(10 + size);
  return new ArrayList(Array.from({ length: size }, (_, index) => BigInt(index)));
}

function reverse(list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter): CelOutcome {
  const items = elementsOf(list, meter);
  return items instanceof CelError ? items : new ArrayList(items.reverse());
}

const paidInside: CostRule = {
  charge: () => undefined,
  estimate: () => ({ cost: { min: 10, max: Number.POSITIVE_INFINITY }, size: unknownSize }),
};

/** cel-go's lists library, version 3. */
export const extendedListLibrary: readonly Overload[] = [
  overload("slice", "list(A).(int, int): list(A)", slice, linear),
  overload(
    "flatten",
    "list(list(A)).(): list(A)",
    (list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter) => flatten(list, 1n, meter),
    linear,
  ),
  overload(
    "flatten",
    "list(dyn).(int): list(dyn)",
    (list: CelList, depth: bigint, _c: Unused, _d: Unused, meter: Meter) => flatten(list, depth, meter),
    linear,
  ),
  ...comparable.map((type) =>
    overload(
      "sort",
      `list(${type}).(): list(${type})`,
      (list: CelList, _b: Unused, _c: Unused, _d: Unused, meter: Meter) => sortBy(list, list, meter),
      square,
    ),
  ),
  ...comparable.map((type) =>
    overload(
      "@sortByAssociatedKeys",
      `list(A).(list(${type})): list(A)`,
      (list: CelList, keys: CelList, _c: Unused, _d: Unused, meter: Meter) => sortBy(list, keys, meter),
      square,
    ),
  ),
  overload("distinct", "list(A).(): list(A)", distinct, square),
  overload("reverse", "list(A).(): list(A)", reverse, linear),
  overload(
    "lists.range",
    "(int): list(int)",
    (end: bigint, _b: Unused, _c: Unused, _d: Unused, meter: Meter) => range(end, meter),
    paidInside,
  ),
];

function subset(list: CelList, part: CelList, meter: Meter): boolean | CelError {
  const items = elementsOf(part, meter);
  if (items instanceof CelError) return items;
  for (const item of items) if (contains(list, item, meter) !== true) return false;
  return true;
}

const product: CostRule = {
  charge: (meter, args) => {
    const [a, b] = args;
    meter.charge(1 + (a instanceof CelList ? a.size : 0) * (b instanceof CelList ? b.size : 0));
  },
  estimate: (args) => {
    const cost = multiply(args[0]?.size ?? unknownSize, args[1]?.size ?? unknownSize);
    return { cost: { min: 1 + cost.min, max: 1 + cost.max } };
  },
};

/** Lists seen as sets. */
export const setLibrary: readonly Overload[] = [
  overload(
    "sets.contains",
    "(list(A), list(A)): bool",
    (a: CelList, b: CelList, _c: Unused, _d: Unused, meter: Meter) => subset(a, b, meter),
    product,
  ),
  overload(
    "sets.equivalent",
    "(list(A), list(A)): bool",
    (a: CelList, b: CelList, _c: Unused, _d: Unused, meter: Meter) => {
      const there = subset(a, b, meter);
      return there === true ? subset(b, a, meter) : there;
    },
    product,
  ),
  overload(
    "sets.intersects",
    "(list(A), list(A)): bool",
    (a: CelList, b: CelList, _c: Unused, _d: Unused, meter: Meter) => {
      const items = elementsOf(b, meter);
      return items instanceof CelError ? items : items.some((item) => contains(a, item, meter) === true);
    },
    product,
  ),
];
