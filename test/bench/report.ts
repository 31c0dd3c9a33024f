/** One line of the table. */
export interface Row {
  readonly measure: string;
  readonly value: number;
  readonly unit: string;
  /** What this machine could do at best, measured in the same run, in the same unit. */
  readonly raw?: { readonly what: string; readonly value: number };
  readonly goal?: Goal;
  /** What else was seen; goes to the JSON and, when short, behind the table. */
  readonly note?: string;
}

/** A goal for the value, or for its ratio to the raw limit. */
export type Goal =
  | { readonly atMost: number }
  | { readonly atLeast: number }
  | { readonly ratioAtLeast: number; readonly atLeast?: number };

/** An aligned table of all rows. */
export function tableOf(rows: readonly Row[]): string {
  const head = ["MEASURE", "VALUE", "UNIT", "RAW LIMIT", "RATIO", "GOAL", ""];
  const lines = rows.map((row) => [
    row.measure,
    plain(row.value),
    row.unit,
    row.raw ? `${plain(row.raw.value)} ${row.raw.what}` : "",
    row.raw ? ratioOf(row)!.toFixed(2) : "",
    row.goal ? goalText(row.goal) : "",
    row.goal ? (isMet(row) ? "ok" : "MISSED") : "",
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]!.length)));
  const right = new Set([1, 4]);
  const align = (line: readonly string[]) =>
    line
      .map((cell, column) => (right.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd();
  return [head, ...lines].map(align).join("\n");
}

/** Value by raw limit: of rates and of times alike. */
export function ratioOf({ value, raw }: Row): number | undefined {
  return raw && value / raw.value;
}

export function isMet(row: Row): boolean {
  const { goal, value } = row;
  if (!goal) return true;
  if ("atMost" in goal) return value <= goal.atMost;
  const enough = goal.atLeast === undefined || value >= goal.atLeast;
  return enough && (!("ratioAtLeast" in goal) || (ratioOf(row) ?? 0) >= goal.ratioAtLeast);
}

function goalText(goal: Goal): string {
  if ("atMost" in goal) return `<= ${plain(goal.atMost)}`;
  const value = goal.atLeast === undefined ? "" : `>= ${plain(goal.atLeast)}`;
  if (!("ratioAtLeast" in goal)) return value;
  return [`ratio >= ${goal.ratioAtLeast}`, value].filter((text) => text !== "").join(", ");
}

function plain(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
