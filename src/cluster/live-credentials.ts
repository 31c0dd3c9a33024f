import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { CertificateTools, KeyPair } from "./certificates.ts";
import type { ClusterConfig } from "./config.ts";
import { type Credentials, certificateFolder, ensureCredentials } from "./credentials.ts";

/** How often, in ms, certificates are looked at: soon enough for whoever renews them by hand. */
const lookEvery = 60_000;

/** Credentials whose pairs are always the newest: whoever holds one of them reads its members anew for each connection. */
export interface LiveCredentials {
  readonly credentials: Credentials;
  /** Puts others in the place of those that were there; gives the names of the pairs that are new. */
  replace(next: Credentials): readonly string[];
}

export function liveCredentials(initial: Credentials): LiveCredentials {
  let current = initial;
  const view: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(initial)) {
    // Authorities and signing keys stay for the cluster's life.
    view[name] = isPair(value) ? withLivePair({}, () => current[name as keyof Credentials] as KeyPair) : value;
  }
  return {
    credentials: view as unknown as Credentials,
    replace(next) {
      const changed = changedPairs(current, next);
      current = next;
      return changed;
    },
  };
}

/** Renews what is about to end, and takes over what somebody else has renewed, until disposed. */
export function followCredentials(
  live: LiveCredentials,
  config: ClusterConfig,
  tools: CertificateTools & { readonly log: Log },
): Disposable {
  const { clock, log } = tools;
  const stop = new AbortController();
  const run = async () => {
    for (;;) {
      await clock.sleep(lookEvery, stop.signal);
      try {
        if (!certificateFolder(config).whole) continue; // somebody is writing just now
        for (const name of live.replace(await ensureCredentials(config, tools))) {
          log.info("a certificate was renewed", { name });
        }
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

function changedPairs(before: Credentials, next: Credentials): readonly string[] {
  return pairsOf(next).flatMap(([name, { cert }]) =>
    (before[name as keyof Credentials] as KeyPair).cert === cert ? [] : [name],
  );
}

function pairsOf(credentials: Credentials): readonly (readonly [string, KeyPair])[] {
  return Object.entries(credentials).flatMap(([name, value]) => (isPair(value) ? [[name, value] as const] : []));
}

function isPair(value: unknown): value is KeyPair {
  return typeof value === "object" && value !== null && "cert" in value && "key" in value;
}
