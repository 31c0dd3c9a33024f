import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { readEncryptionConfiguration } from "../registry/encryption/configuration.ts";
import { encryptedStore } from "../registry/encryption/encrypted-store.ts";
import { newEncryptionConfiguration, reloadEncryption } from "../registry/encryption/encryption-file.ts";
import type { Store } from "../store/store.ts";
import { writeSafely } from "./certificates.ts";
import type { ClusterConfig } from "./config.ts";
import { truthFlag } from "./flag-values.ts";
import { userFile } from "./user-file.ts";

export interface EncryptionOptions {
  readonly config: ClusterConfig;
  /** Stays the caller's to close, after this one. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Where a cluster keeps the configuration that was made for it, unless it was given another. */
export function encryptionFile(config: ClusterConfig): string {
  return join(config.dataDir, "pki", "encryption-config.yaml");
}

/**
 * The store as the cluster's encryption configuration wants values kept: without one, Secrets are sealed under a key
 * of the cluster's own. What lies in an older form is written anew in the background. Throws Fault `invalid`.
 */
export function openEncryption(options: EncryptionOptions): Store {
  const { config, store, random, log } = options;
  const flags = config.apiServerFlags ?? {};
  const given = flags["encryption-provider-config"];
  const path = given ?? encryptionFile(config);
  if (!given && !existsSync(path)) writeSafely(path, newEncryptionConfiguration(random), true);
  const text = userFile(path);
  const kept = encryptedStore({ store, rules: rulesIn(path, text), random, log });
  const rewriting = kept.rewriteStale().then(
    (rewritten) => rewritten > 0 && log.info("values were encrypted anew", { rewritten }),
    (error: unknown) => log.warn("not all values could be encrypted anew", { error: errorMessage(error) }),
  );
  const reads = truthFlag(flags, "encryption-provider-config-automatic-reload");
  const reloading = reads
    ? reloadEncryption({ ...options, store: kept, text, read: () => readFile(path, "utf8") })
    : undefined;
  return Object.assign(kept, {
    async [Symbol.asyncDispose]() {
      reloading?.[Symbol.dispose]();
      await rewriting;
    },
  });
}

function rulesIn(path: string, text: string) {
  try {
    return readEncryptionConfiguration(text);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(error.code, `${path}: ${error.message}`, { cause: error });
  }
}
