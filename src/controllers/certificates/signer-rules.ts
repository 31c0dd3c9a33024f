import type { RequestedCertificate } from "../../machinery/certificate-request.ts";
import { signers } from "./signer.ts";

const nodePrefix = "system:node:";
const nodeGroup = "system:nodes";

/** Why a signer does not sign a request with these usages, as its rules (upstream's documentation of signers) have it. */
export function signerFault(
  signer: string,
  request: RequestedCertificate,
  usages: readonly string[],
): string | undefined {
  switch (signer) {
    case signers.kubeletServing:
      return kubeletServingFault(request, usages);
    case signers.kubeletClient:
      return kubeletClientFault(request, usages);
    case signers.client: {
      const others = usages.filter(
        (usage) => !["digital signature", "key encipherment", "client auth"].includes(usage),
      );
      if (usages.includes("client auth") && others.length === 0) return undefined;
      return `invalid usages for client certificate: ${JSON.stringify(usages)}`;
    }
    default:
      return undefined;
  }
}

/** Why a request is not for the certificate by which a node's agent calls the API. */
export function kubeletClientFault(request: RequestedCertificate, usages: readonly string[]): string | undefined {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request;
  const named = nodeNameFault(request);
  if (named) return named;
  if (dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
  if (emailAddresses.length > 0) return "email subjectAltNames are not allowed";
  if (ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
  if (uris.length > 0) return "URI subjectAltNames are not allowed";
  return hasUsages(usages, "client auth") ? undefined : "usages did not match [client auth, digital signature]";
}

function kubeletServingFault(request: RequestedCertificate, usages: readonly string[]): string | undefined {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request;
  const named = nodeNameFault(request);
  if (named) return named;
  if (dnsNames.length === 0 && ipAddresses.length === 0) return "at least one DNS or IP subjectAltName is required";
  if (emailAddresses.length > 0) return "email subjectAltNames are not allowed";
  if (uris.length > 0) return "URI subjectAltNames are not allowed";
  return hasUsages(usages, "server auth") ? undefined : "usages did not match [digital signature, server auth]";
}

function nodeNameFault({ organizations, commonName }: RequestedCertificate): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== nodeGroup) {
    return `subject organization is not ${nodeGroup}`;
  }
  return commonName.startsWith(nodePrefix) ? undefined : "subject common name does not begin with system:node:";
}

// RSA keys may also encipher keys; other keys cannot.
function hasUsages(usages: readonly string[], purpose: string): boolean {
  const needed = ["digital signature", purpose];
  return (
    needed.every((usage) => usages.includes(usage)) &&
    usages.every((usage) => [...needed, "key encipherment"].includes(usage))
  );
}
