import type { CronJob } from "../../api/batch/cron-job.ts";
import { parseSchedule, type Schedule } from "../../expr/cron.ts";

/** A little later than the minute itself, so that clocks that differ agree that it has come. */
const margin = 100;
/** Past so many missed times the user is told that something is wrong. */
const manyMissed = 100;

export interface Due {
  /** The latest time that has come since the last Job, in milliseconds since the epoch. */
  readonly at?: number;
  /** More than a hundred times were missed. */
  readonly tooMany: boolean;
  /** Milliseconds until the next time; absent when none will come. */
  readonly wait?: number;
}

/** Throws Fault `invalid` for a schedule or time zone that makes no sense. */
export function scheduleOf({ spec }: CronJob): Schedule {
  return parseSchedule(spec.schedule, spec.timeZone ?? "UTC");
}

/** The latest time due up to `now`; earlier ones that were missed are not made up for. */
export function due({ spec, status, metadata }: CronJob, schedule: Schedule, now: number): Due {
  const last = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp);
  const { startingDeadlineSeconds: deadline } = spec;
  const from = deadline === undefined ? last : Math.max(last, now - deadline * 1000);
  const first = schedule.next(from);
  if (first === undefined) return { tooMany: false };
  if (first > now) return { tooMany: false, wait: first - now + margin };
  const second = schedule.next(first);
  let at = first;
  let missed = 1;
  if (second !== undefined && second <= now) {
    // A long absence is jumped over by the distance of two times, and walked only at its end.
    const distance = Math.max(1000, second - first);
    missed = Math.floor((now - first) / distance) + 1;
    at = first + Math.max(0, missed - 2) * distance;
    if (schedule.next(at - 1) !== at) at = first;
    for (let next = schedule.next(at); next !== undefined && next <= now; next = schedule.next(next)) at = next;
  }
  const next = schedule.next(now);
  return { at, tooMany: missed > manyMissed, ...(next === undefined ? {} : { wait: next - now + margin }) };
}

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number) => `${value}`.padStart(2, "0");

/** As `Mon, 02 Jan 2006 15:04:05 +0000`. */
export function mailDate(time: number): string {
  const date = new Date(time);
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${days[date.getUTCDay()]}, ${two(date.getUTCDate())} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock} +0000`;
}
