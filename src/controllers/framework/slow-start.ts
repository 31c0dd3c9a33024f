/**
 * Runs `count` calls in batches of 1, 2, 4, ...: when the server refuses them all (quota, admission), few are wasted.
 * Stops after the first batch with a failure and throws its first error; resolves with how many succeeded.
 */
export async function slowStart(count: number, call: (index: number) => Promise<unknown>): Promise<number> {
  let started = 0;
  for (let batch = 1; started < count; batch *= 2) {
    const size = Math.min(batch, count - started);
    const first = started;
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => call(first + index)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    started += size;
  }
  return started;
}
