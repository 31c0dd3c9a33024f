import { errorMessage } from "../../lib/fault.ts";
import { type FollowedText, followText } from "../../lib/followed-text.ts";
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

export interface ReloadOptions extends Pick<FollowedText, "read" | "text" | "clock"> {
  readonly store: EncryptedStore;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Looks after a configuration file until disposed: what it says anew is used at once, what makes no sense is not. */
export function reloadEncryption(options: ReloadOptions): Disposable {
  const { store, log, metrics } = options;
  const reloads = metrics.counter(
    "apiserver_encryption_config_controller_automatic_reloads_total",
    "Reloads of the encryption configuration by their outcome.",
    ["status"],
  );
  return followText({
    ...options,
    async use(next) {
      store.use(readEncryptionConfiguration(next));
      const rewritten = await store.rewriteStale();
      reloads.inc({ status: "success" });
      log.info("the encryption configuration was read anew", { rewritten });
    },
    failed(error) {
      reloads.inc({ status: "failure" });
      log.error("the encryption configuration cannot be used; the one before stays", { error: errorMessage(error) });
    },
  });
}
