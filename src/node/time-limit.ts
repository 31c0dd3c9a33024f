import type { Client } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";

export interface TimeLimit {
  readonly clock: Clock;
  readonly ms: number;
  /** What the Fault says when the time is over. */
  readonly message: string;
  /** Gives up earlier, with Fault `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for a call no longer than allowed, also for one that does not heed the signal it is given. Throws Fault `unavailable` when
 * the time is over.
 */
export async function withinTime<T>(limit: TimeLimit, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, ms, message, signal } = limit;
  const stop = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = (fault: Fault) => {
    // First, so that this is what the caller hears and not what becomes of the call.
    reject(fault);
    stop.abort();
  };
  const abort = () => giveUp(new Fault("aborted", "the call was given up"));
  using _timer = clock.after(ms, () => giveUp(new Fault("unavailable", message)));
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await Promise.race([promise, call(stop.signal)]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Longer than the API server lets any ordinary request take. */
const longestCall = 90_000;

/**
 * A client whose calls, watches aside, end: one whose answer got lost fails with Fault `unavailable` as if the server were
 * away. Whoever waits for it would otherwise wait forever, since other calls keep the connection alive.
 */
export function timeLimited(client: Client, clock: Clock): Client {
  const limited = <T>(signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>) =>
    withinTime({ clock, ms: longestCall, message: "the API server does not answer", signal }, call);
  return {
    ...client,
    get: (kind, key, options) => limited(options?.signal, (signal) => client.get(kind, key, { ...options, signal })),
    list: (kind, options) => limited(options?.signal, (signal) => client.list(kind, { ...options, signal })),
    create: (kind, object, options) =>
      limited(options?.signal, (signal) => client.create(kind, object, { ...options, signal })),
    updateStatus: (kind, object, options) =>
      limited(options?.signal, (signal) => client.updateStatus(kind, object, { ...options, signal })),
    patch: (kind, key, patch, options) =>
      limited(options?.signal, (signal) => client.patch(kind, key, patch, { ...options, signal })),
    delete: (kind, key, options) =>
      limited(options?.signal, (signal) => client.delete(kind, key, { ...options, signal })),
    createSubresource: (kind, key, subresource, body, options) =>
      limited(options?.signal, (signal) =>
        client.createSubresource(kind, key, subresource, body, { ...options, signal }),
      ),
  };
}
