import { Fault } from "../lib/fault.ts";
import type { Duration, MicroTime, Time } from "./object.ts";

const secondsForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const microForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const anyForm = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)$/;

/** An instant: whole seconds since the epoch, and the billionths beyond them. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** Reads RFC 3339. Throws `invalid` with the text that Kubernetes gives. */
export function parseTime(text: string): Instant {
  const match = anyForm.exec(text);
  const [, day = "", clock = "", fraction = "", zone = ""] = match ?? [];
  const millis = match ? Date.parse(`${day}T${clock}${zone.toUpperCase()}`) : Number.NaN;
  // Date.parse lets the 30th of February and 24:00 pass; Kubernetes does not.
  const valid =
    !Number.isNaN(millis) &&
    clock < "24" &&
    new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) &&
    !/:60$/.test(clock);
  if (!valid) throw new Fault("invalid", timeFault(text));
  return { seconds: millis / 1000, nanos: fraction === "" ? 0 : Number(fraction.slice(0, 9).padEnd(9, "0")) };
}

function timeFault(text: string): string {
  const quoted = JSON.stringify(text);
  if (anyForm.test(text)) {
    const part = /^\d{4}-(?:0[1-9]|1[0-2])-/.test(text)
      ? /-(?:0[1-9]|[12]\d|3[01])[Tt]/.test(text)
        ? dayOrClock(text)
        : "day"
      : "month";
    return `parsing time ${quoted}: ${part} out of range`;
  }
  const year = /^\d{4}/.test(text);
  const rest = year ? text.slice(4) : text;
  return `parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(rest)} as ${year ? '"-"' : '"2006"'}`;
}

const dayOrClock = (text: string) => {
  if (text.slice(11, 13) > "23") return "hour";
  if (text.slice(14, 16) > "59") return "minute";
  return text.slice(17, 19) > "59" ? "second" : "day";
};

const zeroSeconds = Date.parse("0001-01-01T00:00:00Z") / 1000;

const lastSeconds = Date.parse("9999-12-31T23:59:59Z") / 1000;
const firstSeconds = Date.parse("0000-01-01T00:00:00Z") / 1000;

/** Writes whole seconds since the epoch as a Time. Throws `invalid` for years that have not four digits. */
export function formatSeconds(seconds: number): Time {
  return `${toTheSecond(seconds)}Z`;
}

/** Writes an instant as a MicroTime; what is finer is cut off. Throws `invalid` for years that have not four digits. */
export function formatMicro({ seconds, nanos }: Instant): MicroTime {
  if (!(nanos >= 0 && nanos < 1e9)) throw new Fault("invalid", `nanoseconds outside of range [0,999999999]: ${nanos}`);
  return `${toTheSecond(seconds)}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}

// Protobuf carries any number; text carries only those that people write.
function toTheSecond(seconds: number): string {
  if (!(seconds >= firstSeconds && seconds <= lastSeconds)) {
    throw new Fault("invalid", "year outside of range [0,9999]");
  }
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}

/** The canonical form of a Time: UTC, whole seconds. Undefined for the zero time, which means "not set". Throws `invalid`. */
export function canonicalTime(text: string): Time | undefined {
  // The usual form needs its numbers checked all the same, except the year.
  if (secondsForm.test(text) && plausible(text)) return text.startsWith("0001-01-01T00:00:00") ? undefined : text;
  const { seconds } = parseTime(text);
  return seconds === zeroSeconds ? undefined : formatSeconds(seconds);
}

/** The canonical form of a MicroTime: UTC, six places. Undefined for the zero time. Throws `invalid`. */
export function canonicalMicroTime(text: string): MicroTime | undefined {
  if (microForm.test(text) && plausible(text)) return text.startsWith("0001-01-01T00:00:00.000000") ? undefined : text;
  const instant = parseTime(text);
  return instant.seconds === zeroSeconds && instant.nanos === 0 ? undefined : formatMicro(instant);
}

/** Whether numbers in the usual places are within bounds that every month has; the rest is left to the careful reader. */
const plausible = (text: string) =>
  /^....-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d/.test(text);

/** A time in milliseconds since the epoch. Throws `invalid`. */
export function timeMillis(text: Time | MicroTime): number {
  const { seconds, nanos } = parseTime(text);
  return seconds * 1000 + Math.floor(nanos / 1e6);
}

/** Milliseconds since the epoch as a Time; what is finer than a second is cut off. */
export function timeOf(millis: number): Time {
  return formatSeconds(Math.floor(millis / 1000));
}

/** Milliseconds since the epoch as a MicroTime. */
export function microTimeOf(millis: number): MicroTime {
  const seconds = Math.floor(millis / 1000);
  return formatMicro({ seconds, nanos: Math.round((millis - seconds * 1000) * 1e6) });
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Reads a duration (`1h30m`, `1.5s`, `-2ms`) as billionths of a second. Throws `invalid` with the text that Go gives. */
export function parseDuration(text: string): bigint {
  const negative = text.startsWith("-");
  let rest = text.replace(/^[+-]/, "");
  const invalid = (what = "invalid duration") => new Fault("invalid", `time: ${what} ${JSON.stringify(text)}`);
  if (rest === "0") return 0n;
  if (rest === "") throw invalid();
  let total = 0n;
  while (rest !== "") {
    const match = /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest);
    const [all = "", whole = "", fraction = "", unit = ""] = match ?? [];
    if (whole === "" && fraction === "") throw invalid();
    if (unit === "") throw invalid("missing unit in duration");
    const size = units[unit];
    if (size === undefined) {
      throw new Fault("invalid", `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    }
    total += BigInt(whole || "0") * size + (BigInt(fraction || "0") * size) / 10n ** BigInt(fraction.length);
    rest = rest.slice(all.length);
  }
  if (total > 2n ** 63n - 1n) throw invalid();
  return negative ? -total : total;
}

/** Writes billionths of a second as Go writes a duration: `1h0m0s`, `1.5s`, `20ms`, `0s`. */
export function formatDuration(nanos: bigint): Duration {
  if (nanos === 0n) return "0s";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  if (size < 1_000_000_000n) {
    const [unit, divisor] = size < 1000n ? ["ns", 1n] : size < 1_000_000n ? ["µs", 1000n] : ["ms", 1_000_000n];
    return `${sign}${decimalText(size, divisor as bigint)}${unit}`;
  }
  const hours = size / 3_600_000_000_000n;
  const minutes = (size / 60_000_000_000n) % 60n;
  const seconds = decimalText(size % 60_000_000_000n, 1_000_000_000n);
  return `${sign}${hours > 0n ? `${hours}h` : ""}${hours > 0n || minutes > 0n ? `${minutes}m` : ""}${seconds}s`;
}

function decimalText(value: bigint, divisor: bigint): string {
  const fraction = (value % divisor)
    .toString()
    .padStart(divisor.toString().length - 1, "0")
    .replace(/0+$/, "");
  return divisor === 1n || fraction === "" ? String(value / divisor) : `${value / divisor}.${fraction}`;
}
