import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { KeyPair } from "./certificates.ts";

/** How often, in ms, certificates are looked at: soon enough for whoever renews them by hand. */
const lookEvery = 60_000;

/** Credentials whose pairs are always the newest: whoever holds one of them reads its members anew for each connection. */
export interface LiveCredentials<T extends object> {
  readonly credentials: T;
  /** Puts others in the place of those that were there; gives the names of the pairs that are new. */
  replace(next: T): readonly string[];
}

export function liveCredentials<T extends object>(initial: T): LiveCredentials<T> {
  let current = initial;
  const view: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(initial)) {
    // Authorities and signing keys stay for the cluster's life.
    view[name] = isPair(value) ? withLivePair({}, () => current[name as keyof T] as KeyPair) : value;
  }
  return {
    credentials: view as T,
    replace(next) {
      const changed = changedPairs(current, next);
      current = next;
      return changed;
    },
  };
}

/**
 * Takes over what `read` gives, which renews what is about to end, until disposed. Undefined says that somebody is
 * writing just now.
 */
export function followCredentials<T extends object>(
  live: LiveCredentials<T>,
  read: () => Promise<T | undefined>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Disposable {
  const stop = new AbortController();
  const run = async () => {
    for (;;) {
      await clock.sleep(lookEvery, stop.signal);
      try {
        const next = await read();
        if (!next) continue;
        for (const name of live.replace(next)) log.info("a certificate was renewed", { name });
      } catch (error) {
        log.error(`certificates cannot be renewed: ${errorMessage(error)}`, { error });
      }
    }
  };
  run().catch(() => {}); // it ends by being stopped only
  return { [Symbol.dispose]: () => stop.abort() };
}

/** More members for a pair whose own are read anew each time. */
export function withLivePair<T extends object>(more: T, pair: () => KeyPair): T & KeyPair {
  return Object.defineProperties(
    { ...more },
    {
      cert: { enumerable: true, get: () => pair().cert },
      key: { enumerable: true, get: () => pair().key },
    },
  ) as T & KeyPair;
}

function changedPairs<T extends object>(before: T, next: T): readonly string[] {
  return pairsOf(next).flatMap(([name, { cert }]) =>
    (before[name as keyof T] as KeyPair).cert === cert ? [] : [name],
  );
}

function pairsOf(credentials: object): readonly (readonly [string, KeyPair])[] {
  return Object.entries(credentials).flatMap(([name, value]) => (isPair(value) ? [[name, value] as const] : []));
}

function isPair(value: unknown): value is KeyPair {
  return typeof value === "object" && value !== null && "cert" in value && "key" in value;
}
