import { perCharacter } from "../cost-rule.ts";
import type { Meter } from "../meter.ts";
import { durationText, timestampText } from "../time.ts";
import {
  CelDuration,
  CelError,
  CelList,
  CelMap,
  type CelOutcome,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  typeNameOf,
} from "../value.ts";
import { doubleText } from "./number-text.ts";

const mostDecimals = 1000;

/** `'%s has %d'.format([a, b])`: %s, %d, %f, %e, %b, %o, %x, %X and %%. */
export function formatText(pattern: string, values: CelList, _c: unknown, _d: unknown, meter: Meter): CelOutcome {
  let next = 0;
  let failed: CelError | undefined;
  const text = pattern.replace(
    /%(?:%|(?:\.(\d+))?([a-zA-Z])?)/g,
    (all, decimals: string | undefined, verb: string | undefined) => {
      if (all === "%%") return "%";
      const index = next++;
      if (index >= values.size) failed ??= new CelError(`index ${index} out of range`);
      if (failed) return "";
      const value = values.at(index);
      const part = value instanceof CelError ? value : write(verb ?? "", value, decimals, meter);
      if (part instanceof CelError) failed ??= part;
      else {
        meter.charge(Math.ceil(part.length * perCharacter));
        return part;
      }
      return "";
    },
  );
  return failed ?? text;
}

function write(verb: string, value: CelValue, decimals: string | undefined, meter: Meter): string | CelError {
  const places = decimals === undefined ? 6 : Number(decimals);
  if (places > mostDecimals) return new CelError(`could not parse formatting clause: precision ${places} too large`);
  switch (verb) {
    case "s":
      return textOf(value, meter);
    case "d":
      if (typeof value === "number" && !Number.isFinite(value)) return infinite(value);
      return integer(value)?.toString() ?? wrong(verb, value, "decimal clause can only be used on integers");
    case "f":
    case "e": {
      const number = typeof value === "number" ? value : Number(integer(value) ?? Number.NaN);
      if (typeof value !== "number" && integer(value) === undefined)
        return wrong(verb, value, "fixed-point clause can only be used on doubles");
      if (!Number.isFinite(number)) return infinite(number);
      return verb === "f" ? fixedPoint(number, Math.min(places, 60)) : exponential(number, Math.min(places, 100));
    }
    case "b":
      if (typeof value === "boolean") return value ? "1" : "0";
      return integer(value)?.toString(2) ?? wrong(verb, value, "only integers and bools can be formatted as binary");
    case "o":
      return integer(value)?.toString(8) ?? wrong(verb, value, "octal clause can only be used on integers");
    case "x":
    case "X": {
      const text = hexadecimal(value);
      if (text === undefined)
        return wrong(verb, value, "only integers, byte buffers, and strings can be formatted as hex");
      return verb === "X" ? text.toUpperCase() : text;
    }
    default:
      return new CelError(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(verb)}`);
  }
}

function infinite(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/** Rounded to places, halves to the even neighbour (toFixed rounds them up). */
function fixedPoint(value: number, places: number): string {
  const long = value.toFixed(places + 40);
  const kept = places === 0 ? long.slice(0, -41) : long.slice(0, -40);
  const half = /^50*$/.test(long.slice(-40));
  return half && /[02468]$/.test(kept) ? kept : value.toFixed(places);
}

function wrong(verb: string, value: CelValue, why: string): CelError {
  return new CelError(`error during formatting: %${verb}: ${why}, was given ${typeNameOf(value)}`);
}

function integer(value: CelValue): bigint | undefined {
  if (typeof value === "bigint") return value;
  return value instanceof CelUint ? value.value : undefined;
}

function exponential(number: number, places: number): string {
  return number.toExponential(places).replace(/e([+-])(\d)$/, "e$10$2");
}

function hexadecimal(value: CelValue): string | undefined {
  if (typeof value === "string") return Buffer.from(value).toString("hex");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return integer(value)?.toString(16);
}

function textOf(value: CelOutcome, meter: Meter): string | CelError {
  meter.visit();
  if (value instanceof CelError) return value;
  if (typeof value === "number") return Number.isFinite(value) ? doubleText(value) : infinite(value);
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof CelUint) return String(value.value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return durationText(value);
  if (value instanceof CelTypeValue) return value.name;
  if (value instanceof CelList) return listText(value, meter);
  if (value instanceof CelMap) return mapText(value, meter);
  return wrong(
    "s",
    value,
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
  );
}

function listText(list: CelList, meter: Meter): string | CelError {
  const parts: string[] = [];
  for (let index = 0; index < list.size; index++) {
    const part = textOf(list.at(index), meter);
    if (part instanceof CelError) return part;
    meter.charge(Math.ceil(part.length * perCharacter));
    parts.push(part);
  }
  return `[${parts.join(", ")}]`;
}

function mapText(map: CelMap, meter: Meter): string | CelError {
  const parts: string[] = [];
  for (const key of map.keys()) {
    const name = textOf(key, meter);
    const part = textOf(map.get(key) ?? null, meter);
    if (name instanceof CelError) return name;
    if (part instanceof CelError) return part;
    meter.charge(Math.ceil(part.length * perCharacter));
    parts.push(`${name}: ${part}`);
  }
  return `{${parts.sort().join(", ")}}`;
}
