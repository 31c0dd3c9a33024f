import { type Random, seededRandom } from "../../../src/lib/random.ts";
import type { ScalarName, StructInfo, TypeInfo } from "../../../src/machinery/type-info.ts";

/** Choices of one round of a fuzz, the same for the same seed and round. */
export class Dice {
  readonly random: Random;

  constructor(seed: number, round: number) {
    this.random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b));
    this.random.next();
  }

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.random.next() * end);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const oddTexts = [
  "",
  " ",
  "a",
  "default",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "$patch",
  "$retainKeys",
  "$setElementOrder/containers",
  "$deleteFromPrimitiveList/finalizers",
  "null",
  "true",
  "yes",
  "0777",
  "1e999",
  "-0",
  "../../etc/passwd",
  "a/b",
  "~1~0",
  "kubernetes.io/x",
  "\u0000",
  "\ud800",
  "é\u0301",
  "\u2028",
  "🙂",
  "\r\n",
  "x".repeat(300),
  "1970-01-01T00:00:00Z",
  "9999-99-99T99:99:99Z",
  "100m",
  "1Ei",
  "9".repeat(40),
  "1e-400",
  "%00",
  "%zz",
  "*&anchor",
];

const oddNumbers = [0, -0, 1, -1, 0.5, 1e21, 1e308, -1e308, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 2 ** 63, 65536, 1e-7];

export function anyText(dice: Dice): string {
  if (dice.chance(0.5)) return dice.one(oddTexts);
  return Buffer.from(dice.random.bytes(dice.below(12))).toString(dice.chance(0.5) ? "latin1" : "utf8");
}

/** Any JSON value, odd ones more often than life has them. */
export function anyValue(dice: Dice, depth = 4): unknown {
  const kind = dice.below(depth > 0 ? 8 : 5);
  if (kind === 0) return null;
  if (kind === 1) return dice.chance(0.5);
  if (kind === 2) return dice.one(oddNumbers);
  if (kind < 5) return anyText(dice);
  if (kind === 5) return dice.many(4, () => anyValue(dice, depth - 1));
  return anyObject(dice, () => anyText(dice), depth);
}

function anyObject(dice: Dice, key: () => string, depth: number): Record<string, unknown> {
  return own(dice.many(5, () => [key(), anyValue(dice, depth - 1)] as const));
}

// As JSON.parse makes them: `__proto__` is a member like any other.
function own(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}

/** A value that mostly has a type's form, with some of it wrong. */
export function typedValue(dice: Dice, type: TypeInfo, depth = 6): unknown {
  if (dice.chance(0.04)) return anyValue(dice, 2);
  switch (type.kind) {
    case "struct":
      return depth > 0 ? structOf(dice, type, depth) : {};
    case "list":
      return depth > 0 ? dice.many(3, () => typedValue(dice, type.item, depth - 1)) : [];
    case "map":
      return own(
        dice.many(3, () => [anyText(dice), depth > 0 ? typedValue(dice, type.value, depth - 1) : null] as const),
      );
    case "either":
      return depth > 0 ? typedValue(dice, type.struct, depth - 1) : {};
    case "scalar":
      return scalarOf(dice, type.scalar);
  }
}

function scalarOf(dice: Dice, name: ScalarName): unknown {
  switch (name) {
    case "bool":
      return dice.chance(0.5);
    case "int32":
    case "int64":
    case "byte":
      return dice.below(100);
    case "double":
      return dice.random.next();
    case "quantity":
      return dice.one(["100m", "1Gi", "5", "0.5", 3]);
    case "intOrString":
      return dice.one([80, "http", "25%"]);
    case "time":
      return dice.one(["2026-01-01T00:00:00Z", null]);
    case "microTime":
      return "2026-01-01T00:00:00.000001Z";
    case "duration":
      return dice.one(["1m30s", "5s"]);
    case "bytes":
      return Buffer.from(anyText(dice)).toString("base64");
    case "raw":
    case "any":
    case "fieldsV1":
      return dice.chance(0.5) ? { a: anyValue(dice, 2) } : {};
    default:
      return anyText(dice);
  }
}

function structOf(dice: Dice, type: StructInfo, depth: number): Record<string, unknown> {
  const entries: (readonly [string, unknown])[] = [];
  const share = depth > 4 ? 0.5 : 0.15;
  for (const [name, field] of type.fields) {
    if (dice.chance(share)) entries.push([name, typedValue(dice, field.type, depth - 1)]);
  }
  if (dice.chance(0.1)) entries.push([anyText(dice), anyValue(dice, 2)]);
  return own(entries);
}

/** The text with a few of its characters changed, moved, doubled or cut. */
export function damaged(dice: Dice, bytes: Uint8Array): Uint8Array {
  let made = Buffer.from(bytes);
  for (let times = 1 + dice.below(4); times > 0 && made.length > 0; times--) {
    const at = dice.below(made.length);
    const end = Math.min(made.length, at + 1 + dice.below(12));
    const how = dice.below(5);
    if (how === 0) made[at] = dice.below(256);
    else if (how === 1) made = Buffer.concat([made.subarray(0, at), made.subarray(end)]);
    else if (how === 2) made = Buffer.concat([made.subarray(0, end), made.subarray(at)]);
    else if (how === 3) made = Buffer.concat([made.subarray(0, at), dice.random.bytes(3), made.subarray(at)]);
    else made = made.subarray(0, at);
  }
  return made;
}
