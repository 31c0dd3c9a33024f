import { CelDuration, CelError, CelTimestamp } from "./value.ts";

const second = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z. */
const firstMoment = -62_135_596_800n * second;
const lastMoment = 253_402_300_800n * second - 1n;
const maxSpan = 2n ** 63n - 1n;

const moment = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** A timestamp, or "range" beyond the years 1 to 9999. */
export function timestampAt(nanos: bigint): CelTimestamp | CelError {
  return nanos < firstMoment || nanos > lastMoment ? new CelError("timestamp overflow") : new CelTimestamp(nanos);
}

/** A duration, or "overflow" beyond 64 bits of nanoseconds. */
export function durationOf(nanos: bigint): CelDuration | CelError {
  return nanos > maxSpan || nanos < -maxSpan - 1n ? new CelError("duration overflow") : new CelDuration(nanos);
}

/** Reads RFC 3339. */
export function parseTimestamp(text: string): CelTimestamp | CelError {
  const invalid = () => new CelError(`invalid timestamp: ${JSON.stringify(text)}`);
  const match = moment.exec(text);
  if (!match) return invalid();
  const [year, month, day, hour, minute, seconds] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || hour > 23 || minute > 59 || seconds > 59) return invalid();
  date.setUTCHours(hour, minute, seconds);
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * (match[8] === "-" ? -1 : 1);
  const nanos = BigInt((match[7] ?? "").padEnd(9, "0") || "0");
  return timestampAt((BigInt(date.getTime() / 1000) - BigInt(offset * 60)) * second + nanos);
}

function fraction(nanos: bigint): string {
  return nanos === 0n ? "" : `.${nanos.toString().padStart(9, "0").replace(/0+$/, "")}`;
}

/** Seconds before a moment, and the nanoseconds left over. */
export function splitMoment(nanos: bigint): { readonly seconds: bigint; readonly rest: bigint } {
  const rest = ((nanos % second) + second) % second;
  return { seconds: (nanos - rest) / second, rest };
}

/** RFC 3339 in UTC, with as many decimals as there are. */
export function timestampText({ nanos }: CelTimestamp): string {
  const { seconds, rest } = splitMoment(nanos);
  return new Date(Number(seconds) * 1000).toISOString().replace(".000Z", `${fraction(rest)}Z`);
}

/** Seconds with an s, such as `90.5s`. */
export function durationText({ nanos }: CelDuration): string {
  const size = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? "-" : ""}${size / second}${fraction(size % second)}s`;
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
};

/** Reads a duration such as `1h30m`, `1.5s` or `-2ms`. */
export function parseDuration(text: string): CelDuration | CelError {
  const [, sign, body = ""] = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) ?? [];
  // Longer ones are beyond the range of durations, and cost more than their square to read.
  if (body === "" || body.length > 100) return new CelError(`time: invalid duration ${JSON.stringify(text)}`);
  let nanos = 0n;
  for (const [, whole = "", decimals = "", unit = "s"] of body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = units[unit] ?? second;
    nanos += BigInt(whole || "0") * scale + (BigInt(decimals || "0") * scale) / 10n ** BigInt(decimals.length);
  }
  return durationOf(sign === "-" ? -nanos : nanos);
}

/** The parts of a moment as clocks and calendars of a zone show it. */
export interface Calendar {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  /** From 0. */
  readonly dayOfYear: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Reads a moment in a zone: a name of the time zone database, or an offset such as `+02:00`. */
export function calendar({ nanos }: CelTimestamp, zone = "UTC"): Calendar | CelError {
  const milliseconds = Number(splitMoment(nanos).seconds) * 1000;
  const shift = zoneShift(zone, milliseconds);
  if (shift === undefined) return new CelError(`unknown time zone ${zone}`);
  const date = new Date(milliseconds + shift);
  const start = new Date(0);
  start.setUTCFullYear(date.getUTCFullYear(), 0, 1);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    dayOfYear: Math.floor((date.getTime() - start.getTime()) / 86_400_000),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

function zoneShift(zone: string, milliseconds: number): number | undefined {
  if (zone === "UTC" || zone === "") return 0;
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours !== undefined) return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const parts = new Map(format.formatToParts(milliseconds).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const local = new Date(0);
    local.setUTCFullYear(part("year"), part("month") - 1, part("day"));
    local.setUTCHours(part("hour"), part("minute"), part("second"));
    return local.getTime() - milliseconds;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
