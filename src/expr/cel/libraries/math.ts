import { compare } from "../compare.ts";
import { toInt } from "../integers.ts";
import type { Meter } from "../meter.ts";
import { type Overload, overload } from "../overload.ts";
import { CelError, CelList, type CelOutcome, CelUint, type CelValue } from "../value.ts";
import { elementsOf } from "./lists.ts";

type Unused = undefined;
const numbers = ["int", "uint", "double"];
const mask = 2n ** 64n - 1n;

function extreme(better: (order: number) => boolean) {
  return (...args: readonly CelValue[]): CelOutcome => {
    let best = args[0] as CelValue;
    for (const item of args) {
      const order = compare(item, best);
      if (order instanceof CelError) return order;
      if (better(order)) best = item;
    }
    return best;
  };
}

function extremes(name: string, better: (order: number) => boolean): Overload[] {
  const best = extreme(better);
  const ofList = (list: CelValue, _b: Unused, _c: Unused, _d: Unused, meter: Meter): CelOutcome => {
    const items = list instanceof CelList ? elementsOf(list, meter) : new CelError("no such overload");
    if (items instanceof CelError) return items;
    return items.length > 0 ? best(...items) : new CelError(`math.${name}(list) argument must not be empty`);
  };
  return [
    ...numbers.flatMap((a) => [
      overload(`math.${name}`, `(${a}): ${a}`, (x: CelValue) => x),
      overload(`math.${name}`, `(list(${a})): ${a}`, ofList),
      ...numbers.map((b) =>
        overload(`math.${name}`, `(${a}, ${b}): ${a === b ? a : "dyn"}`, (x: CelValue, y: CelValue) => best(x, y)),
      ),
    ]),
  ];
}

function rounding(name: string, round: (value: number) => number): Overload {
  return overload(`math.${name}`, "(double): double", round);
}

/** Half away from zero. */
const roundHalf = (value: number): number => Math.sign(value) * Math.round(Math.abs(value));

function bits(name: string, combine: (a: bigint, b: bigint) => bigint): Overload[] {
  return [
    overload(`math.${name}`, "(int, int): int", (a: bigint, b: bigint) => BigInt.asIntN(64, combine(a, b))),
    overload(
      `math.${name}`,
      "(uint, uint): uint",
      (a: CelUint, b: CelUint) => new CelUint(combine(a.value, b.value) & mask),
    ),
  ];
}

function shifts(name: string, move: (value: bigint, by: bigint) => bigint): Overload[] {
  const failed = (by: bigint) => new CelError(`math.${name}() negative offset: ${by}`);
  return [
    overload(`math.${name}`, "(int, int): int", (a: bigint, by: bigint) =>
      by < 0n ? failed(by) : by > 63n ? 0n : BigInt.asIntN(64, move(a & mask, by)),
    ),
    overload(`math.${name}`, "(uint, int): uint", (a: CelUint, by: bigint) =>
      by < 0n ? failed(by) : new CelUint(by > 63n ? 0n : move(a.value, by) & mask),
    ),
  ];
}

/** cel-go's math library. */
export const mathLibrary: readonly Overload[] = [
  ...extremes("greatest", (order) => order > 0),
  ...extremes("least", (order) => order < 0),
  rounding("ceil", Math.ceil),
  rounding("floor", Math.floor),
  rounding("round", roundHalf),
  rounding("trunc", Math.trunc),
  overload("math.isNaN", "(double): bool", (value: number) => Number.isNaN(value)),
  overload("math.isInf", "(double): bool", (value: number) => Math.abs(value) === Number.POSITIVE_INFINITY),
  overload("math.isFinite", "(double): bool", (value: number) => Number.isFinite(value)),
  overload("math.abs", "(int): int", (value: bigint) => toInt(value < 0n ? -value : value)),
  overload("math.abs", "(uint): uint", (value: CelUint) => value),
  overload("math.abs", "(double): double", (value: number) => Math.abs(value)),
  overload("math.sign", "(int): int", (value: bigint) => (value === 0n ? 0n : value < 0n ? -1n : 1n)),
  overload("math.sign", "(uint): uint", (value: CelUint) => new CelUint(value.value === 0n ? 0n : 1n)),
  overload("math.sign", "(double): double", (value: number) => Math.sign(value)),
  overload("math.sqrt", "(double): double", (value: number) => Math.sqrt(value)),
  overload("math.sqrt", "(int): double", (value: bigint) => Math.sqrt(Number(value))),
  overload("math.sqrt", "(uint): double", (value: CelUint) => Math.sqrt(Number(value.value))),
  ...bits("bitAnd", (a, b) => a & b),
  ...bits("bitOr", (a, b) => a | b),
  ...bits("bitXor", (a, b) => a ^ b),
  overload("math.bitNot", "(int): int", (value: bigint) => ~value),
  overload("math.bitNot", "(uint): uint", (value: CelUint) => new CelUint(~value.value & mask)),
  ...shifts("bitShiftLeft", (value, by) => value << by),
  ...shifts("bitShiftRight", (value, by) => value >> by),
];
