import { X509Certificate } from "node:crypto";
import { CertificateSigningRequest, hasRequestCondition } from "../../api/certificates/certificate-signing-request.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { timeMillis } from "../../machinery/times.ts";
import { defineLoop } from "../framework/controller.ts";
import { certificateAccount } from "./requests.ts";

const hour = 3_600_000;
/** How long requests stay, as upstream: decided ones an hour, others a day. */
const keepDecided = hour;
const keepPending = 24 * hour;

/** Deletes requests that nobody needs any more, once an hour. */
export const certificateCleaner = defineLoop({
  name: "certificatesigningrequest-cleaner",
  serviceAccount: certificateAccount,
  eventSource: "certificatesigningrequest-cleaner-controller",
  reads: [CertificateSigningRequest],
  async run({ cache, client, clock, signal }) {
    for (;;) {
      for (const request of cache.list(CertificateSigningRequest)) {
        if (!isOver(request, clock.now())) continue;
        const { uid } = request.metadata;
        try {
          await client.delete(CertificateSigningRequest, keyOf(request), { preconditions: { uid } });
        } catch (error) {
          if (!isStatus(error, "NotFound", "Conflict")) throw error;
        }
      }
      await clock.sleep(hour, signal);
    }
  },
});

/** Whether a request has served its time. */
export function isOver(request: CertificateSigningRequest, now: number): boolean {
  const { metadata, status } = request;
  const { conditions = [], certificate } = status ?? {};
  if (conditions.length === 0) return now - timeMillis(metadata.creationTimestamp) > keepPending;
  if (certificate && hasEnded(certificate, now)) return true;
  const settled =
    certificate !== undefined || hasRequestCondition(request, "Denied") || hasRequestCondition(request, "Failed");
  const last = Math.max(...conditions.map(({ lastUpdateTime }) => (lastUpdateTime ? timeMillis(lastUpdateTime) : 0)));
  return settled && now - last > keepDecided;
}

function hasEnded(encoded: string, now: number): boolean {
  try {
    return new X509Certificate(Buffer.from(encoded, "base64")).validToDate.getTime() < now;
  } catch {
    return false; // an outside signer's answer that we cannot read goes with its age
  }
}
