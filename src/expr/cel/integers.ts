import { CelError, CelUint } from "./value.ts";

const maxInt = 2n ** 63n - 1n;
const minInt = -(2n ** 63n);
const maxUint = 2n ** 64n - 1n;

/** The error of a result that 64 bits do not hold. */
export const integerOverflow = new CelError("integer overflow");
export const unsignedOverflow = new CelError("unsigned integer overflow");

/** An int, or the overflow error. */
export function toInt(value: bigint): bigint | CelError {
  return value > maxInt || value < minInt ? integerOverflow : value;
}

/** A uint, or the overflow error. */
export function toUint(value: bigint): CelUint | CelError {
  return value < 0n || value > maxUint ? unsignedOverflow : new CelUint(value);
}

/** A double cut to an int: the ends of the range themselves do not convert, since a double does not tell them apart. */
export function intOfDouble(value: number): bigint | CelError {
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) return integerOverflow;
  return BigInt(Math.trunc(value));
}
