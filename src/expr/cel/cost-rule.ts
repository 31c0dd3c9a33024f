import type { Meter } from "./meter.ts";
import { CelList, CelMap, type CelValue, costSize } from "./value.ts";

/** A range of sizes or of costs. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** What a static estimate says about a call: its cost without its arguments', and how large its result is. */
export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range;
}

/** What the estimate knows about an argument. */
export interface ArgumentSize {
  readonly size: Range;
  /** The size of a list's strings or bytes; absent if its elements are neither. */
  readonly elementSize?: Range;
  /** The argument itself is a list. */
  readonly isList: boolean;
}

/** The price of a call, before it (so that nothing large is made unpaid) and in the static estimate. */
export interface CostRule {
  charge(meter: Meter, args: readonly CelValue[]): void;
  estimate(args: readonly ArgumentSize[]): CallEstimate;
}

/** What it costs to walk one character. */
export const perCharacter = 0.1;
/** What one character of a regular expression adds. */
const perPatternCharacter = 0.25;

export const exactly = (cost: number): Range => ({ min: cost, max: cost });
export const unknownSize: Range = { min: 0, max: Number.POSITIVE_INFINITY };

export function add(a: Range, b: Range): Range {
  return { min: a.min + b.min, max: a.max + b.max };
}

/** A product in which nothing times endlessly many is nothing. */
export function multiply(a: Range, b: Range): Range {
  return { min: product(a.min, b.min), max: product(a.max, b.max) };
}

function product(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : a * b;
}

export function scale(range: Range, factor: number): Range {
  return { min: Math.ceil(range.min * factor), max: Math.ceil(range.max * factor) };
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

const sizeOf = (args: readonly ArgumentSize[], index: number): Range => args[index]?.size ?? unknownSize;
const argument = (args: readonly CelValue[], index: number): CelValue => args[index] as CelValue;

/** A fixed price. */
export function fixed(cost: number): CostRule {
  return { charge: (meter) => meter.charge(cost), estimate: () => ({ cost: exactly(cost) }) };
}

/** One argument is walked `times` over; the result is as large as `result` says. */
export function walks(index: number, times = 1, result?: (args: readonly ArgumentSize[]) => Range): CostRule {
  const factor = times * perCharacter;
  return {
    charge: (meter, args) => meter.charge(Math.ceil(costSize(argument(args, index)) * factor)),
    estimate: (args) => ({ cost: scale(sizeOf(args, index), factor), size: result?.(args) }),
  };
}

/** The result is as large as an argument. */
export const sameSize = (index: number) => (args: readonly ArgumentSize[]) => sizeOf(args, index);

/** Both arguments are walked and copied into one. */
export const joins: CostRule = {
  charge: (meter, args) =>
    meter.charge(Math.ceil((costSize(argument(args, 0)) + costSize(argument(args, 1))) * perCharacter)),
  estimate: (args) => {
    const size = add(sizeOf(args, 0), sizeOf(args, 1));
    return { cost: scale(size, perCharacter), size };
  },
};

/** Two lists become one at no more than the price of a call. */
export const joinsLists: CostRule = {
  charge: (meter) => meter.charge(1),
  estimate: (args) => ({ cost: exactly(1), size: add(sizeOf(args, 0), sizeOf(args, 1)) }),
};

/** Two values are compared as far as the shorter goes. */
export const compares: CostRule = {
  charge: (meter, args) =>
    meter.charge(Math.ceil(Math.min(costSize(argument(args, 0)), costSize(argument(args, 1))) * perCharacter)),
  estimate: (args) => {
    const max = Math.min(sizeOf(args, 0).max, sizeOf(args, 1).max);
    return { cost: scale({ min: max > 0 ? 1 : 0, max }, perCharacter) };
  },
};

/** Every element of a list is looked at. */
export const searches: CostRule = {
  charge: (meter, args) => meter.charge(costSize(argument(args, 1))),
  estimate: (args) => ({ cost: sizeOf(args, 1) }),
};

/** One string is looked for in another. */
export const finds: CostRule = {
  charge: (meter, args) => {
    const text = Math.ceil(costSize(argument(args, 0)) * perCharacter);
    meter.charge(text * Math.ceil(costSize(argument(args, 1)) * perCharacter));
  },
  estimate: (args) => ({
    cost: multiply(scale(sizeOf(args, 0), perCharacter), scale(sizeOf(args, 1), perCharacter)),
  }),
};

/** A regular expression (the second argument) is run over a string (the first). */
export const matches: CostRule = {
  charge: (meter, args) => {
    const text = Math.ceil((1 + costSize(argument(args, 0))) * perCharacter);
    meter.charge(text * Math.ceil(costSize(argument(args, 1)) * perPatternCharacter));
  },
  estimate: (args) => {
    const text = scale(add(sizeOf(args, 0), exactly(1)), perCharacter);
    const pattern = scale(sizeOf(args, 1), perPatternCharacter);
    return { cost: multiply(text, pattern), size: { min: 0, max: sizeOf(args, 0).max } };
  },
};

/** Every element of a list is compared, strings by their characters; a string is walked. */
export const traverses: CostRule = {
  charge: (meter, args) => meter.charge(traversal(meter, argument(args, 0))),
  estimate: (args) => {
    const [first] = args;
    if (!first?.isList) return { cost: scale(sizeOf(args, 0), perCharacter) };
    const element = add(exactly(1), scale(first.elementSize ?? exactly(0), perCharacter));
    return { cost: multiply(first.size, element) };
  },
};

function traversal(meter: Meter, value: CelValue): number {
  if (typeof value === "string" || value instanceof Uint8Array) return Math.floor(value.length * perCharacter);
  let cost = 0;
  if (value instanceof CelList) {
    for (let index = 0; index < value.size; index++) {
      meter.visit();
      const element = value.at(index);
      cost += traversal(meter, element as CelValue);
    }
    return cost;
  }
  if (value instanceof CelMap) {
    for (const key of value.keys()) {
      meter.visit();
      cost += traversal(meter, key) + traversal(meter, (value.get(key) ?? null) as CelValue);
    }
    return cost;
  }
  return 1;
}
