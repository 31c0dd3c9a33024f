import type { CertificateSigningRequest } from "../../../api/generated/certificates-v1.ts";
import { errorMessage } from "../../../lib/fault.ts";
import {
  parseCertificateRequest,
  type RequestedCertificate,
  requestText,
} from "../../../machinery/certificate-request.ts";
import { CommandError } from "../messages.ts";
import { humanDuration } from "../output/age.ts";
import { defineDescriber } from "./describer.ts";
import { pairs, row, rowIf, type Text, timeText } from "./text.ts";

/** `kubectl describe csr` */
export const signingRequest = defineDescriber<CertificateSigningRequest>("v1", (request) => {
  const { metadata, spec } = request;
  const asked = parsed(spec.request);
  const { expirationSeconds } = spec;
  return [
    row("Name", metadata.name),
    row("Labels", pairs(metadata.labels)),
    row("Annotations", pairs(metadata.annotations)),
    row("CreationTimestamp", timeText(metadata.creationTimestamp)),
    row("Requesting User", spec.username),
    rowIf("Signer", spec.signerName),
    rowIf("Requested Duration", expirationSeconds === undefined ? "" : humanDuration(expirationSeconds * 1000)),
    row("Status", statusText(request)),
    "Subject:",
    subjectText(asked),
    namesText(asked),
  ];
});

function parsed(encoded: string): RequestedCertificate {
  try {
    return parseCertificateRequest(requestText(encoded));
  } catch (error) {
    throw new CommandError(`Error parsing CSR: ${errorMessage(error)}`);
  }
}

function statusText({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type);
  const decision = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  return `${decision}${has("Failed") ? ",Failed" : ""}${status?.certificate ? ",Issued" : ""}`;
}

/** Columns of a margin, a label and a value; more values stand below the first. */
function listText(label: string, values: readonly string[]): Text {
  return values.map((value, at) => (at === 0 ? `\t${label}:\t${value}` : `\t\t${value}`));
}

function subjectText({ commonName, organizations, subject }: RequestedCertificate): Text {
  return [
    `\tCommon Name:\t${commonName}`,
    `\tSerial Number:\t${subject.serialNumber}`,
    listText("Organization", organizations),
    listText("Organizational Unit", subject.organizationalUnits),
    listText("Country", subject.countries),
    listText("Locality", subject.localities),
    listText("Province", subject.provinces),
    listText("StreetAddress", subject.streets),
    listText("PostalCode", subject.postalCodes),
  ];
}

function namesText({ dnsNames, emailAddresses, ipAddresses, uris }: RequestedCertificate): Text {
  if ([dnsNames, emailAddresses, ipAddresses, uris].every((names) => names.length === 0)) return undefined;
  return [
    "Subject Alternative Names:",
    listText("DNS Names", dnsNames),
    listText("Email Addresses", emailAddresses),
    listText("URIs", uris),
    listText("IP Addresses", ipAddresses.map(shortAddress)),
  ];
}

/** An IPv6 address with its zeros left out. */
function shortAddress(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
