import { Fault } from "../../lib/fault.ts";
import type { IntOrString } from "../../machinery/object.ts";

/** A number as it is, or a percentage of `total` rounded as told. Throws Fault `invalid` for other texts. */
export function resolveIntOrPercent(value: IntOrString, total: number, rounding: "up" | "down"): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent === undefined)
    throw new Fault("invalid", `${JSON.stringify(value)} is neither a number nor a percentage`);
  const share = (Number(percent) * total) / 100;
  return rounding === "up" ? Math.ceil(share) : Math.floor(share);
}
