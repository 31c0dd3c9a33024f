import type { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import { timeOf } from "../../machinery/times.ts";

type Condition = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>[number];

/** The identity that upstream's three certificate controllers share. */
export const certificateAccount = "certificate-controller";

/** A request with one more condition, which is true from now on. */
export function withCondition(
  request: CertificateSigningRequest,
  condition: Pick<Condition, "type" | "reason" | "message">,
  now: number,
): CertificateSigningRequest {
  const time = timeOf(now);
  const added = { ...condition, status: "True", lastUpdateTime: time, lastTransitionTime: time } as Condition;
  const { conditions = [] } = request.status ?? {};
  return { ...request, status: { ...request.status, conditions: [...conditions, added] } };
}
