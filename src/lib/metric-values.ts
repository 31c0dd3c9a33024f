import type { Metrics } from "./metrics.ts";

/** What stands in metrics for tests to look at: values by name and labels of those whose name begins so, without buckets and zeros. */
export async function metricValues(metrics: Metrics, prefix: string): Promise<Readonly<Record<string, number>>> {
  const values: Record<string, number> = {};
  for (const line of (await metrics.text()).split("\n")) {
    if (!line.startsWith(prefix) || line.includes("_bucket{")) continue;
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (value !== 0) values[line.slice(prefix.length, line.lastIndexOf(" "))] = value;
  }
  return values;
}
