/** How long ago something was, as kubectl's tables tell it: `45s`, `3m20s`, `5h`, `12d`, `<unknown>` for no time at all. */
export function ageText(since: unknown, now: number): string {
  const from = typeof since === "string" ? Date.parse(since) : Number.NaN;
  return Number.isNaN(from) ? "<unknown>" : humanDuration(now - from);
}

/** A length of time in milliseconds, in about three characters: the longer, the coarser. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return pair(days, "d", hours % 24, "h");
  if (hours < 8760 * 2) return `${days}d`;
  const years = Math.trunc(hours / 8760);
  if (years < 8) return pair(years, "y", Math.trunc((hours % 8760) / 24), "d");
  return `${years}y`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
