interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const bounds: readonly Bounds[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: months },
  { low: 0, high: 6, names: days },
];
const descriptors = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
const duration = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*$/;

/**
 * What is wrong with a CronJob's schedule, in the words that Kubernetes' users know; undefined if nothing is. Only the form
 * is looked at: when a schedule fires is the controller's matter.
 */
export function scheduleFault(schedule: string): string | undefined {
  const text = schedule.replace(/^(TZ|CRON_TZ)=\S+\s+/, "");
  if (text === "") return "empty spec string";
  if (text.startsWith("@")) return descriptorFault(text);
  const fields = text.split(/\s+/).filter((part) => part !== "");
  if (fields.length !== bounds.length) {
    return `expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`;
  }
  for (const [index, limits] of bounds.entries()) {
    for (const part of (fields[index] ?? "").split(",")) {
      const fault = part === "" ? undefined : partFault(part, limits);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function descriptorFault(text: string): string | undefined {
  if (descriptors.includes(text)) return undefined;
  if (!text.startsWith("@every ")) return `unrecognized descriptor: ${text}`;
  const length = text.slice("@every ".length);
  if (duration.test(length)) return undefined;
  return `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(length)}`;
}

function partFault(part: string, { low, high, names }: Bounds): string | undefined {
  const [range = "", step, ...moreSlashes] = part.split("/");
  const [first = "", last, ...moreHyphens] = range.split("-");
  let [start, end] = [low, high];
  if (first !== "*" && first !== "?") {
    const from = numberOf(first, part, names);
    if (typeof from === "string") return from;
    start = from;
    if (moreHyphens.length > 0) return `too many hyphens: ${part}`;
    end = from;
    if (last !== undefined) {
      const to = numberOf(last, part, names);
      if (typeof to === "string") return to;
      end = to;
    }
  }
  if (moreSlashes.length > 0) return `too many slashes: ${part}`;
  if (step !== undefined) {
    const every = numberOf(step, part);
    if (typeof every === "string") return every;
    if (last === undefined) end = high;
    if (every === 0) return `step of range should be a positive number: ${part}`;
  }
  if (start < low) return `beginning of range (${start}) below minimum (${low}): ${part}`;
  if (end > high) return `end of range (${end}) above maximum (${high}): ${part}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${part}`;
  return undefined;
}

function numberOf(text: string, part: string, names: readonly string[] = []): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return names === months ? named + 1 : named;
  if (!/^[-+]?\d+$/.test(text)) {
    return `failed to parse int from ${part}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${part}` : number;
}
