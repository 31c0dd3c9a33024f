import { ConfigMap } from "../../api/core/config-map.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { type Cache, defineLoop, type ReconcileContext } from "../framework/controller.ts";

const day = 86_400_000;
/** How long a token must have been of no use (as `--legacy-service-account-token-clean-up-period`). */
const unusedFor = 365 * day;
const tracking = { namespace: "kube-system", name: "kube-apiserver-legacy-service-account-token-tracking" };
const lastUsedLabel = "kubernetes.io/legacy-token-last-used";
const invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";
const account = "kubernetes.io/service-account.name";
const accountUid = "kubernetes.io/service-account.uid";
const dateForm = /^\d{4}-\d{2}-\d{2}$/;
const isDate = (text: string | undefined): text is string => text !== undefined && dateForm.test(text);
const dateOf = (millis: number) => new Date(millis).toISOString().slice(0, 10);

/** Marks Secrets with generated tokens that nobody has used for a year as invalid, and deletes them after another year. */
export const legacyTokenCleaner = defineLoop({
  name: "legacy-serviceaccount-token-cleaner",
  serviceAccount: "legacy-service-account-token-cleaner",
  eventSource: "legacy-service-account-token-cleaner",
  reads: [Secret, ServiceAccount, Pod] as readonly unknown[] as readonly KindRef<KubeObject>[],
  async run(context) {
    const { clock, signal } = context;
    while (!signal.aborted) {
      await clean(context);
      await clock.sleep(day, signal).catch(() => {});
    }
  },
});

async function clean(context: ReconcileContext): Promise<void> {
  const { cache, client, clock, log } = context;
  const tracked = await client.get(ConfigMap, tracking).catch((error: unknown) => {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  });
  const since = tracked?.data?.since;
  // The day on which it began to be written down is not a whole one.
  if (!isDate(since) || clock.now() < Date.parse(since) + day + unusedFor) return;
  const now = clock.now();
  for (const secret of cache.list(Secret)) {
    const verdict = judge(secret, cache, now);
    if (verdict === "keep") continue;
    const { namespace, name, uid, resourceVersion } = secret.metadata;
    try {
      if (verdict === "delete")
        await client.delete(Secret, { namespace, name }, { preconditions: { resourceVersion } });
      else {
        const body = { metadata: { uid, labels: { [invalidSinceLabel]: dateOf(now) } } };
        await client.patch(Secret, { namespace, name }, { type: "merge", body });
      }
    } catch (error) {
      if (!isStatus(error, "Conflict", "NotFound")) log.warn(`legacy token ${name}: ${errorMessage(error)}`);
    }
  }
}

/** What is to become of a Secret. */
export function judge(secret: Secret, cache: Cache, now: number): "keep" | "invalidate" | "delete" {
  const { namespace, name, labels, annotations, creationTimestamp, deletionTimestamp } = secret.metadata;
  if (secret.type !== "kubernetes.io/service-account-token" || deletionTimestamp) return "keep";
  if (Date.parse(creationTimestamp ?? "") >= now - unusedFor) return "keep";
  const limit = dateOf(now - unusedFor);
  const lastUsed = labels?.[lastUsedLabel];
  if (lastUsed !== undefined && (!isDate(lastUsed) || lastUsed >= limit)) return "keep";
  const owner = cache.get(ServiceAccount, { namespace, name: annotations?.[account] ?? "" });
  const uid = annotations?.[accountUid];
  // One that its account does not list was made by hand.
  if (!owner?.secrets?.some((each) => each.name === name) || (uid && uid !== owner.metadata.uid)) return "keep";
  if (cache.list(Pod, namespace).some((pod) => names(pod.spec, name))) return "keep";
  const invalidSince = labels?.[invalidSinceLabel];
  if (!isDate(invalidSince)) return "invalidate";
  return invalidSince >= limit ? "keep" : "delete";
}

const secretKeys = new Set(["secretRef", "secretKeyRef", "secret", "imagePullSecrets", "nodePublishSecretRef"]);

/** Whether a part of a pod names a Secret: by `secretName`, or by `name` in what one of those keys holds. */
function names(part: unknown, secret: string, inside = false): boolean {
  if (Array.isArray(part)) return part.some((each) => names(each, secret, inside));
  if (typeof part !== "object" || part === null) return false;
  return Object.entries(part).some(([key, value]) =>
    typeof value === "string"
      ? value === secret && (key === "secretName" || (inside && key === "name"))
      : names(value, secret, secretKeys.has(key)),
  );
}
