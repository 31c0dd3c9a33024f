import type { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import type { Clock } from "../../lib/clock.ts";
import type { AnyObject } from "../resource.ts";
import type { Strategy } from "../strategy.ts";
import { timestamp } from "../write.ts";

type Status = NonNullable<CertificateSigningRequest["status"]>;

/** Writes down when a request was approved, denied or failed, where whoever decided left that out. */
export function signingRequestStrategy(clock: Clock): Strategy {
  return {
    prepareUpdate: (next, previous) => {
      const { status } = next as AnyObject & { readonly status?: Status };
      const before = (previous as AnyObject & { readonly status?: Status }).status?.conditions ?? [];
      if (!status?.conditions?.some((one) => !one.lastUpdateTime || !one.lastTransitionTime)) return next;
      const now = timestamp(clock.now());
      const conditions = status.conditions.map((condition) => {
        const same = before.find((one) => one.type === condition.type && one.status === condition.status);
        return {
          ...condition,
          lastUpdateTime: condition.lastUpdateTime || now,
          lastTransitionTime: condition.lastTransitionTime || same?.lastTransitionTime || now,
        };
      });
      return { ...next, status: { ...status, conditions } };
    },
  };
}
