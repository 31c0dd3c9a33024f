import { Fault } from "../lib/fault.ts";
import { parseDuration } from "../machinery/times.ts";
import type { Flags } from "./part-flags.ts";

/** A flag that is true or false; undefined when it is not given. Throws Fault `invalid`. */
export function truthFlag(flags: Flags, name: string): boolean | undefined {
  const value = flags[name];
  if (value === undefined) return undefined;
  if (value === "true" || value === "false") return value === "true";
  throw new Fault("invalid", `${name} is true or false, not ${JSON.stringify(value)}`);
}

/** A flag in milliseconds. Throws Fault `invalid`. */
export function durationFlag(flags: Flags, name: string, usual: number): number {
  const value = flags[name];
  if (value === undefined) return usual;
  try {
    return Number(parseDuration(value) / 1_000_000n);
  } catch (error) {
    throw new Fault("invalid", `${name} ${JSON.stringify(value)} is no duration`, { cause: error });
  }
}

/** A flag that is a whole number; undefined when it is not given. Throws Fault `invalid`. */
export function wholeFlag(flags: Flags, name: string): number | undefined {
  const value = flags[name];
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new Fault("invalid", `${name} is a whole number, not ${JSON.stringify(value)}`);
  return Number(value);
}
