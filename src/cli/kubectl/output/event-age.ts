import type { Event } from "../../../api/generated/core-v1.ts";
import { ageText } from "./age.ts";

/** When an event happened: `3m`, or `2s (x5 over 3m)` of what came again. */
export function eventAge(event: Event, now: number): string {
  const { eventTime, firstTimestamp, lastTimestamp, series, count = 0 } = event;
  const first = ageText(eventTime ?? firstTimestamp, now);
  if (series) return `${ageText(series.lastObservedTime, now)} (x${series.count ?? 0} over ${first})`;
  return count > 1 ? `${ageText(lastTimestamp, now)} (x${count} over ${first})` : first;
}
