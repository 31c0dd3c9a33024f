import { X509Certificate } from "node:crypto";
import { goQuote } from "../../lib/go-text.ts";
import { field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type { CertificateSigningRequest, RequestConditionType } from "../generated/certificates-v1.ts";
import { pemBlocks } from "./trust-anchors.ts";

type Status = CertificateSigningRequest["status"];

/** A status in which decisions that stand already stand as they were: a signer need not repeat every word of them. */
export function withDecisionsOf({ status: previous }: CertificateSigningRequest, status: Status): Status {
  const conditions = status?.conditions?.map((condition) => {
    const decided = condition.type === "Approved" || condition.type === "Denied";
    return (decided && previous?.conditions?.find(({ type }) => type === condition.type)) || condition;
  });
  return conditions ? { ...status, conditions } : status;
}

/** Faults of a change by way of `status` or `approval`: decisions stand, only approvers decide, and a certificate is issued once. */
export function validateRequestChange(
  next: CertificateSigningRequest,
  previous: CertificateSigningRequest,
  by: "status" | "approval",
): Errors {
  const errors: FieldError[] = [];
  const fault = (type: RequestConditionType, what: string) =>
    errors.push(field.forbidden("status.conditions", `updates may not ${what} a condition of type ${goQuote(type)}`));
  for (const type of ["Approved", "Denied", "Failed"] as const) {
    const [after, before] = [next, previous].map(({ status }) =>
      (status?.conditions ?? []).filter((condition) => condition.type === type),
    ) as [object[], object[]];
    if (after.length < before.length) fault(type, "remove");
    else if (by === "approval" || type === "Failed") continue;
    else if (after.length > before.length) fault(type, "add");
  }
  const [certificate = "", issued = ""] = [next.status?.certificate, previous.status?.certificate];
  if (certificate === issued) return errors;
  const why = certificateFault(certificate);
  if (why !== undefined) errors.push(field.invalid("status.certificate", "<certificate data>", why));
  if (issued) errors.push(field.forbidden("status.certificate", "updates may not modify existing certificate content"));
  return errors;
}

function certificateFault(encoded: string): string | undefined {
  if (encoded === "") return undefined;
  const blocks = pemBlocks(Buffer.from(encoded, "base64").toString("latin1"));
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(type)}`;
    if (hasHeaders) return "no PEM block headers are permitted";
    try {
      new X509Certificate(bytes);
    } catch {
      return "x509: malformed certificate";
    }
  }
  return blocks.length > 0 ? undefined : "must contain at least one CERTIFICATE PEM block";
}
