import { Fault } from "../lib/fault.ts";

/** When something is due, again and again. Times are in milliseconds since the epoch. */
export interface Schedule {
  /** The first time due after `time`; undefined if there is none within five years. */
  next(time: number): number | undefined;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const longestWait = 5 * 366 * dayMs;

const shorthands: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/**
 * Reads five fields (minute, hour, day of month, month, day of week), a shorthand such as `@daily`, or `@every 1h30m`.
 * Hours are those of `timeZone` (IANA name, default UTC), which `TZ=` before the fields overrides. Throws Fault `invalid`.
 */
export function parseSchedule(text: string, timeZone = "UTC"): Schedule {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text.trim());
  if (zoned) return parseSchedule(zoned[2] ?? "", zoned[1]);
  const spec = text.trim();
  if (spec.startsWith("@every ")) return every(spec.slice("@every ".length));
  const fields = (shorthands[spec] ?? spec).split(/\s+/);
  if (fields.length !== 5) throw new Fault("invalid", `expected exactly 5 fields, found ${fields.length}: ${spec}`);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const days = parseField(day, 1, 31);
  const weekly = parseField(weekday, 0, 6, weekdays);
  return new Calendar(
    {
      minutes: parseField(minute, 0, 59).values,
      hours: parseField(hour, 0, 23).values,
      months: parseField(month, 1, 12, months).values,
      // A day that is named in one of the two fields is enough, unless a field leaves it open.
      isDay: (date, name) =>
        days.open || weekly.open
          ? days.values.has(date) && weekly.values.has(name)
          : days.values.has(date) || weekly.values.has(name),
    },
    offsetIn(timeZone),
  );
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** A plain star: the field asks for nothing. */
  readonly open: boolean;
}

function parseField(text: string, low: number, high: number, names: readonly string[] = []): Field {
  const values = new Set<number>();
  let open = false;
  for (const part of text.split(",")) {
    const [range = "", stepText, ...moreSteps] = part.split("/");
    const [first = "", last, ...moreEnds] = range.split("-");
    const star = first === "*" || first === "?";
    const step = stepText === undefined ? 1 : number(stepText, part, []);
    const start = star ? low : number(first, part, names);
    const single = stepText === undefined ? start : high;
    const end = star ? high : last === undefined ? single : number(last, part, names);
    if (moreSteps.length + moreEnds.length > 0 || step < 1 || start < low || end > high || start > end) {
      throw new Fault("invalid", `${JSON.stringify(part)} is not within ${low}-${high}`);
    }
    if (star && step === 1) open = true;
    for (let value = start; value <= end; value += step) values.add(value);
  }
  return { values, open };
}

function number(text: string, part: string, names: readonly string[]): number {
  const named = names.indexOf(text.toLowerCase());
  if (named !== -1) return names === months ? named + 1 : named;
  if (!/^\d+$/.test(text)) throw new Fault("invalid", `${JSON.stringify(part)} is not a number or a range`);
  return Number(text);
}

const unitMs: Readonly<Record<string, number>> = { h: hourMs, m: minuteMs, s: 1000, ms: 1 };

function every(text: string): Schedule {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  const length = parts.reduce((sum, [, count = "", unit = ""]) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
  if (parts.map(([whole]) => whole).join("") !== text || text === "") {
    throw new Fault("invalid", `${JSON.stringify(text)} is not a duration`);
  }
  const delay = Math.max(1000, Math.floor(length / 1000) * 1000);
  return { next: (time) => Math.floor(time / 1000) * 1000 + delay };
}

interface Fields {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly isDay: (date: number, weekday: number) => boolean;
}

class Calendar implements Schedule {
  readonly #fields: Fields;
  readonly #offset: (time: number) => number;

  constructor(fields: Fields, offset: (time: number) => number) {
    this.#fields = fields;
    this.#offset = offset;
  }

  next(time: number): number | undefined {
    const { minutes, hours, months, isDay } = this.#fields;
    const limit = time + longestWait;
    for (let at = Math.floor(time / minuteMs) * minuteMs + minuteMs; at <= limit; ) {
      const local = new Date(at + this.#offset(at));
      if (!months.has(local.getUTCMonth() + 1) || !isDay(local.getUTCDate(), local.getUTCDay())) at = this.#nextDay(at);
      else if (!hours.has(local.getUTCHours())) at += hourMs - local.getUTCMinutes() * minuteMs;
      else if (!minutes.has(local.getUTCMinutes())) at += minuteMs;
      else return at;
    }
    return undefined;
  }

  /** The first moment of the next local day, which a change of the clocks may have made shorter or longer. */
  #nextDay(at: number): number {
    const local = at + this.#offset(at);
    const midnight = local - mod(local, dayMs) + dayMs;
    const landed = at + midnight - local;
    const over = landed + this.#offset(landed) - midnight;
    const mended = landed - over;
    // Where midnight itself is skipped, the day begins after it.
    return mended > at && mended + this.#offset(mended) >= midnight ? mended : Math.max(landed, at + minuteMs);
  }
}

const mod = (value: number, by: number) => ((value % by) + by) % by;

/** How far a zone's clocks are ahead of UTC at a moment, in milliseconds. Throws Fault `invalid` for an unknown zone. */
function offsetIn(timeZone: string): (time: number) => number {
  if (timeZone === "UTC") return () => 0;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (error) {
    throw new Fault("invalid", `unknown time zone ${timeZone}`, { cause: error });
  }
  // Clocks change on whole quarters of an hour.
  let known = { from: Number.NaN, offset: 0 };
  return (time) => {
    const from = Math.floor(time / (15 * minuteMs));
    if (known.from !== from) {
      const part = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
      const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
      const local = Date.UTC(year, month - 1, day, hour, minute, second);
      known = { from, offset: local - Math.floor(time / 1000) * 1000 };
    }
    return known.offset;
  };
}
