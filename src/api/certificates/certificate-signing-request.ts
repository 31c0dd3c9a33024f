import type * as certificates from "../generated/certificates-v1.ts";
import { defineKind } from "../kind.ts";

export type CertificateSigningRequest = certificates.CertificateSigningRequest;

/** Asks a signer for a certificate. */
export const CertificateSigningRequest = defineKind<certificates.CertificateSigningRequest>({
  type: "certificates/v1.CertificateSigningRequest",
  plural: "certificatesigningrequests",
  shortNames: ["csr"],
  scope: "Cluster",
  subresources: ["status", "approval"],
  fields: { "spec.signerName": ({ spec }) => spec.signerName },
});
