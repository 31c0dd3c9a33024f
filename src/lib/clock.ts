import { performance } from "node:perf_hooks";

/** Where every room gets its time from; a test passes a virtual one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that never go back, from an arbitrary start. */
  monotonic(): number;
  /** Runs `task` once after `ms` milliseconds, unless disposed before. */
  after(ms: number, task: () => void): Disposable;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Builds `sleep` from `after`, the same for every clock. */
export function sleepWith(after: Clock["after"]): Clock["sleep"] {
  return (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = after(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      const abort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
}

/** Node's timers count in 31 bits and fire at once when asked for more. */
const longestTimer = 2 ** 31 - 1;

const after: Clock["after"] = (ms, task) => {
  let timer: NodeJS.Timeout;
  const wait = (left: number) => {
    timer = left > longestTimer ? setTimeout(() => wait(left - longestTimer), longestTimer) : setTimeout(task, left);
  };
  wait(ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
};

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after,
  sleep: sleepWith(after),
};
