import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import { readEncryptionConfiguration } from "./configuration.ts";
import type { EncryptedStore } from "./encrypted-store.ts";

/** What a configuration with one new key says: Secrets are sealed, and what is clear can still be read. */
export function newEncryptionConfiguration(random: Random): string {
  return `# The key below opens every Secret of this cluster: keep it as safe as the cluster itself, and with each backup.
kind: EncryptionConfiguration
apiVersion: apiserver.config.k8s.io/v1
resources:
  - resources: [secrets]
    providers:
      - aesgcm:
          keys:
            - name: key1
              secret: ${Buffer.from(random.bytes(32)).toString("base64")}
      - identity: {}
`;
}

export interface ReloadOptions {
  readonly store: EncryptedStore;
  /** Reads the file. */
  readonly read: () => Promise<string>;
  /** What is in use now. */
  readonly text: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

const everyMinute = 60_000;

/** Looks after a configuration file until disposed: what it says anew is used at once, what makes no sense is not. */
export function reloadEncryption(options: ReloadOptions): Disposable {
  const { store, read, clock, log, metrics } = options;
  const reloads = metrics.counter(
    "apiserver_encryption_config_controller_automatic_reloads_total",
    "Reloads of the encryption configuration by their outcome.",
    ["status"],
  );
  let used = options.text;
  let timer: Disposable | undefined;
  let ended = false;
  const look = async () => {
    try {
      const text = await read();
      if (text !== used) {
        store.use(readEncryptionConfiguration(text));
        used = text;
        reloads.inc({ status: "success" });
        log.info("the encryption configuration was read anew", { rewritten: await store.rewriteStale() });
      }
    } catch (error) {
      reloads.inc({ status: "failure" });
      log.error("the encryption configuration cannot be used; the one before stays", { error: errorMessage(error) });
    }
    if (!ended) timer = clock.after(everyMinute, () => void look());
  };
  timer = clock.after(everyMinute, () => void look());
  return {
    [Symbol.dispose]() {
      ended = true;
      timer?.[Symbol.dispose]();
    },
  };
}
