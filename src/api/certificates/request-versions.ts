import type { KubeObject } from "../../machinery/object.ts";
import { fill } from "../fill.ts";
import type { VersionMapping } from "../kind.ts";
import { reducedVersion } from "../reduced-version.ts";
import { sameInOtherVersion } from "../renamed-version.ts";

const beta = "certificates.k8s.io/v1beta1";
const defaultUsages = ["key encipherment", "digital signature"];

type Request = KubeObject & {
  readonly spec?: { readonly signerName?: string; readonly usages?: readonly string[] };
};

/** Requests of the time when there was one signer for all. */
export const requestMappings: Readonly<Record<string, VersionMapping>> = {
  [beta]: {
    ...sameInOtherVersion("certificates.k8s.io/v1", {
      apiVersion: beta,
      type: "certificates/v1beta1.CertificateSigningRequest",
    }),
    defaults: (object) => {
      const request = object as Request;
      const spec = fill(request.spec ?? {}, { signerName: "kubernetes.io/legacy-unknown", usages: defaultUsages });
      return { ...request, spec };
    },
  },
  "certificates.k8s.io/v1alpha1": reducedVersion({
    stored: { apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest" },
    apiVersion: "certificates.k8s.io/v1alpha1",
    type: "certificates/v1alpha1.CertificateSigningRequest",
    spec: ["request", "username", "uid", "groups"],
    implied: { signerName: "kubernetes.io/legacy-unknown", usages: defaultUsages },
  }),
};
