import { finds, matches, walks } from "../cost-rule.ts";
import { intOfDouble, toInt, toUint, unsignedOverflow } from "../integers.ts";
import { type Overload, overload } from "../overload.ts";
import { findIn } from "../patterns.ts";
import {
  type Calendar,
  calendar,
  durationOf,
  durationText,
  parseDuration,
  parseTimestamp,
  splitMoment,
  timestampAt,
  timestampText,
} from "../time.ts";
import {
  type CelDuration,
  CelError,
  type CelList,
  type CelMap,
  type CelOutcome,
  type CelTimestamp,
  CelTypeValue,
  type CelUint,
  type CelValue,
  codePoints,
  typeNameOf,
} from "../value.ts";
import { doubleText } from "./number-text.ts";
import { operators } from "./operators.ts";

function conversionError(from: string, to: string): CelError {
  return new CelError(`type conversion error from '${from}' to '${to}'`);
}

const same = <T extends CelValue>(value: T): T => value;

function both(name: string, type: string, result: string, run: (value: never) => CelOutcome): Overload[] {
  return [overload(name, `(${type}): ${result}`, run), overload(name, `${type}.(): ${result}`, run)];
}

const sizes: readonly Overload[] = [
  ...both("size", "string", "int", (text: string) => BigInt(codePoints(text))),
  ...both("size", "bytes", "int", (bytes: Uint8Array) => BigInt(bytes.length)),
  ...both("size", "list(A)", "int", (list: CelList) => BigInt(list.size)),
  ...both("size", "map(A, B)", "int", (map: CelMap) => BigInt(map.size)),
];

function parseInteger(text: string, make: (value: bigint) => CelOutcome, to: string): CelOutcome {
  if (!/^[+-]?\d+$/.test(text) || text.length > 40) return conversionError("string", to);
  const value = make(BigInt(text.replace(/^\+/, "")));
  return value instanceof CelError ? conversionError("string", to) : value;
}

function parseDouble(text: string): CelOutcome {
  const special: Readonly<Record<string, number>> = {
    nan: Number.NaN,
    inf: Number.POSITIVE_INFINITY,
    infinity: Number.POSITIVE_INFINITY,
  };
  const [, sign, body = ""] = /^([+-]?)(.+)$/s.exec(text) ?? [];
  const value = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(body) ? Number(body) : special[body.toLowerCase()];
  if (value === undefined) return conversionError("string", "double");
  return sign === "-" ? -value : value;
}

function utf8(bytes: Uint8Array): CelOutcome {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return new CelError("invalid UTF-8 in bytes, cannot convert to string");
    throw error;
  }
}

const booleans: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true])),
  ...Object.fromEntries(["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false])),
};

const conversions: readonly Overload[] = [
  overload("dyn", "(A): dyn", same),
  overload("type", "(A): type(A)", (value: CelValue) => new CelTypeValue(typeNameOf(value))),
  overload("bool", "(bool): bool", same),
  overload("bool", "(string): bool", (text: string) =>
    Object.hasOwn(booleans, text) ? (booleans[text] as boolean) : conversionError("string", "bool"),
  ),
  overload("int", "(int): int", same),
  overload("int", "(uint): int", (value: CelUint) => toInt(value.value)),
  overload("int", "(double): int", intOfDouble),
  overload("int", "(string): int", (text: string) => parseInteger(text, toInt, "int")),
  overload("int", "(timestamp): int", (at: CelTimestamp) => splitMoment(at.nanos).seconds),
  overload("int", "(duration): int", (span: CelDuration) => span.nanos),
  overload("uint", "(uint): uint", same),
  overload("uint", "(int): uint", (value: bigint) => toUint(value)),
  overload("uint", "(double): uint", (value: number) =>
    Number.isFinite(value) && value > -1 && value < 2 ** 64 ? toUint(BigInt(Math.trunc(value))) : unsignedOverflow,
  ),
  overload("uint", "(string): uint", (text: string) => parseInteger(text, toUint, "uint")),
  overload("double", "(double): double", same),
  overload("double", "(int): double", (value: bigint) => Number(value)),
  overload("double", "(uint): double", (value: CelUint) => Number(value.value)),
  overload("double", "(string): double", parseDouble),
  overload("string", "(string): string", same),
  overload("string", "(bool): string", (value: boolean) => String(value)),
  overload("string", "(int): string", (value: bigint) => String(value)),
  overload("string", "(uint): string", (value: CelUint) => String(value.value)),
  overload("string", "(double): string", doubleText),
  overload(
    "string",
    "(bytes): string",
    utf8,
    walks(0, 1, ([bytes]) => ({ min: (bytes?.size.min ?? 0) / 4, max: bytes?.size.max ?? Number.POSITIVE_INFINITY })),
  ),
  overload("string", "(timestamp): string", timestampText),
  overload("string", "(duration): string", durationText),
  overload("bytes", "(bytes): bytes", same),
  overload(
    "bytes",
    "(string): bytes",
    (text: string) => new Uint8Array(Buffer.from(text)),
    walks(0, 1, ([text]) => ({ min: text?.size.min ?? 0, max: (text?.size.max ?? Number.POSITIVE_INFINITY) * 4 })),
  ),
  overload("timestamp", "(timestamp): timestamp", same),
  overload("timestamp", "(string): timestamp", parseTimestamp),
  overload("timestamp", "(int): timestamp", (seconds: bigint) => timestampAt(seconds * 1_000_000_000n)),
  overload("duration", "(duration): duration", same),
  overload("duration", "(string): duration", parseDuration),
  overload("duration", "(int): duration", (nanos: bigint) => durationOf(nanos)),
];

const texts: readonly Overload[] = [
  overload("contains", "string.(string): bool", (text: string, part: string) => text.includes(part), finds),
  overload("startsWith", "string.(string): bool", (text: string, part: string) => text.startsWith(part), walks(1)),
  overload("endsWith", "string.(string): bool", (text: string, part: string) => text.endsWith(part), walks(1)),
  overload("matches", "string.(string): bool", findIn, matches),
  overload("matches", "(string, string): bool", findIn, matches),
];

const calendarParts: Readonly<Record<string, (at: Calendar) => number>> = {
  getFullYear: (at) => at.year,
  getMonth: (at) => at.month,
  getDayOfYear: (at) => at.dayOfYear,
  getDayOfMonth: (at) => at.day - 1,
  getDate: (at) => at.day,
  getDayOfWeek: (at) => at.weekday,
  getHours: (at) => at.hour,
  getMinutes: (at) => at.minute,
  getSeconds: (at) => at.second,
};

function calendarPart(at: CelTimestamp, zone: string | undefined, part: (at: Calendar) => number): CelOutcome {
  const shown = calendar(at, zone);
  return shown instanceof CelError ? shown : BigInt(part(shown));
}

const millisecondsOf = (nanos: bigint) => (splitMoment(nanos).rest / 1_000_000n) % 1000n;

const times: readonly Overload[] = [
  ...Object.entries(calendarParts).flatMap(([name, part]) => [
    overload(name, "timestamp.(): int", (at: CelTimestamp) => calendarPart(at, undefined, part)),
    overload(name, "timestamp.(string): int", (at: CelTimestamp, zone: string) => calendarPart(at, zone, part)),
  ]),
  overload("getMilliseconds", "timestamp.(): int", (at: CelTimestamp) => millisecondsOf(at.nanos)),
  overload("getMilliseconds", "timestamp.(string): int", (at: CelTimestamp) => millisecondsOf(at.nanos)),
  overload("getHours", "duration.(): int", (span: CelDuration) => span.nanos / 3_600_000_000_000n),
  overload("getMinutes", "duration.(): int", (span: CelDuration) => span.nanos / 60_000_000_000n),
  overload("getSeconds", "duration.(): int", (span: CelDuration) => span.nanos / 1_000_000_000n),
  overload("getMilliseconds", "duration.(): int", (span: CelDuration) => (span.nanos / 1_000_000n) % 1000n),
];

/** The functions every CEL implementation has. */
export const standardLibrary: readonly Overload[] = [...operators, ...sizes, ...conversions, ...texts, ...times];
