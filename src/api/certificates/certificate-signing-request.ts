import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { humanDuration } from "../durations.ts";
import type * as certificates from "../generated/certificates-v1.ts";
import { defineKind } from "../kind.ts";
import { validateRequestChange, withDecisionsOf } from "./request-updates.ts";
import { requestMappings } from "./request-versions.ts";
import { validateSignerName } from "./signer-name.ts";

export type CertificateSigningRequest = certificates.CertificateSigningRequest;

const spec = path("spec");
const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

/** Asks a signer for a certificate. The server writes down who asks. */
export const CertificateSigningRequest = defineKind<certificates.CertificateSigningRequest>({
  type: "certificates/v1.CertificateSigningRequest",
  plural: "certificatesigningrequests",
  shortNames: ["csr"],
  scope: "Cluster",
  subresources: ["status", "approval"],
  generationOf: () => undefined,
  prepareCreate: (request) => ({ ...request, status: {} }),
  // What was asked for never changes; approval and signing go by their subresources.
  prepareUpdate: (next, previous) => ({ ...next, spec: previous.spec, status: previous.status }),
  prepareStatus: (next, previous) => ({
    ...previous,
    metadata: next.metadata,
    status: withDecisionsOf(previous, next.status),
  }),
  validate: (request) => [...validateRequest(request), ...validateConditions(request)],
  validateStatus: (next, previous) => [...validateConditions(next), ...validateRequestChange(next, previous, "status")],
  columns: [
    nameColumn,
    ageColumn,
    text("SignerName", (request) => request.spec.signerName ?? "<none>"),
    text("Requestor", (request) => request.spec.username ?? ""),
    text("RequestedDuration", ({ spec: { expirationSeconds } }) =>
      expirationSeconds === undefined ? "<none>" : humanDuration(expirationSeconds * 1000),
    ),
    text("Condition", conditionText),
  ],
  fields: { "spec.signerName": (request) => request.spec.signerName ?? "" },
  versions: requestMappings,
});

/** True when the request was given a condition. */
export function hasRequestCondition(
  request: certificates.CertificateSigningRequest,
  condition: certificates.RequestConditionType,
): boolean {
  return request.status?.conditions?.some(({ type }) => type === condition) ?? false;
}

function conditionText(request: certificates.CertificateSigningRequest): string {
  const states: string[] = [];
  if (hasRequestCondition(request, "Denied")) states.push("Denied");
  else states.push(hasRequestCondition(request, "Approved") ? "Approved" : "Pending");
  if (hasRequestCondition(request, "Failed")) states.push("Failed");
  if (request.status?.certificate) states.push("Issued");
  return states.join(",");
}

function pemFault(encoded: string | undefined): string | undefined {
  const text = Buffer.from(encoded ?? "", "base64").toString("latin1");
  const block = /-----BEGIN ([^-]+)-----[\s\S]+?-----END \1-----/.exec(text);
  return block?.[1] === "CERTIFICATE REQUEST" ? undefined : "PEM block type must be CERTIFICATE REQUEST";
}

function validateRequest({ spec: given }: certificates.CertificateSigningRequest): Errors {
  const errors: FieldError[] = [];
  const fault = pemFault(given.request);
  if (fault !== undefined) {
    errors.push(field.invalid(spec.child("request"), given.request ?? "", `error parsing request: ${fault}`));
  }
  const place = spec.child("usages");
  if ((given.usages ?? []).length === 0) errors.push(field.required(place, "usages must be specified"));
  errors.push(
    ...eachAt(given.usages, place, (usage, here, index) => [
      ...oneOf(here, usage, usages),
      ...((given.usages ?? []).indexOf(usage) < index ? [field.duplicate(here, usage)] : []),
    ]),
  );
  errors.push(...validateSignerName(given.signerName, spec.child("signerName")));
  const { expirationSeconds } = given;
  if (expirationSeconds !== undefined && expirationSeconds < 600) {
    const detail = "may not specify a duration less than 600 seconds (10 minutes)";
    errors.push(field.invalid(spec.child("expirationSeconds"), expirationSeconds, detail));
  }
  return errors;
}

function validateConditions({ status }: certificates.CertificateSigningRequest): Errors {
  const place = path("status", "conditions");
  const seen = new Set<string>();
  const errors = eachAt(status?.conditions, place, ({ type, status: value }, here) => {
    const faults: FieldError[] = [];
    if (!type) faults.push(field.required(here.child("type")));
    else if (seen.has(type)) faults.push(field.duplicate(here.child("type"), type));
    seen.add(type);
    const decided = type === "Approved" || type === "Denied" || type === "Failed";
    if (!value) faults.push(field.required(here.child("status")));
    else faults.push(...oneOf(here.child("status"), value, decided ? ["True"] : ["False", "True", "Unknown"]));
    return faults;
  });
  if (!seen.has("Approved") || !seen.has("Denied")) return errors;
  return [...errors, field.invalid(place, "Denied", "Approved and Denied conditions are mutually exclusive")];
}
