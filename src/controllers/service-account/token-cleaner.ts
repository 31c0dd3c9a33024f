import { Secret } from "../../api/core/secret.ts";
import { defineController, done } from "../framework/controller.ts";

const namespace = "kube-system";
const bootstrapType = "bootstrap.kubernetes.io/token";

/** Deletes the tokens that nodes join with once they have ended. */
export const tokenCleaner = defineController({
  name: "token-cleaner",
  serviceAccount: "token-cleaner",
  for: Secret,
  workers: 1,
  async reconcile(key, { cache, client, clock }) {
    const secret = key.namespace === namespace ? cache.get(Secret, key) : undefined;
    const expiration = secret?.type === bootstrapType ? secret.data?.expiration : undefined;
    if (!secret || !expiration) return done;
    const until = Date.parse(Buffer.from(expiration, "base64").toString());
    // A time that makes no sense lets nobody in either.
    const left = Number.isNaN(until) ? 0 : until - clock.now();
    if (left > 0) return { requeueAfter: left };
    const { uid, resourceVersion } = secret.metadata;
    await client.delete(Secret, key, { preconditions: { uid, ...(resourceVersion ? { resourceVersion } : {}) } });
    return done;
  },
});
