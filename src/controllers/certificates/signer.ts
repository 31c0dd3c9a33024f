/** What a certificate is to be good for. */
export interface CertificateTerms {
  /** As a CertificateSigningRequest names them: `client auth`, `digital signature`. */
  readonly usages: readonly string[];
  /** How long it is wished to last; the signer may give less. */
  readonly seconds?: number;
}

/** Signs certificate requests under the cluster's authority. */
export interface CertificateSigner {
  /** The certificate (PEM) for a request (PEM). Throws Fault `invalid` when the request does not prove its key. */
  sign(request: string, terms: CertificateTerms): Promise<string>;
}

/** Upstream's signers. */
export const signers = {
  client: "kubernetes.io/kube-apiserver-client",
  kubeletClient: "kubernetes.io/kube-apiserver-client-kubelet",
  kubeletServing: "kubernetes.io/kubelet-serving",
  legacyUnknown: "kubernetes.io/legacy-unknown",
} as const;
