import { field, path } from "../../machinery/fields.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import type { StoredMeta } from "../../machinery/object.ts";
import { type Errors, named } from "../checks.ts";
import { nameColumn, text } from "../columns.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { validateSignerName } from "./signer-name.ts";
import { validateTrustAnchors } from "./trust-anchors.ts";

/** Certificates of authorities that workloads may trust, of a signer or of whoever may write them. */
export interface ClusterTrustBundle {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredMeta;
  readonly spec: {
    readonly signerName?: string;
    /** PEM certificates. */
    readonly trustBundle: string;
  };
}

const spec = path("spec");

/** See `ClusterTrustBundle`. Served where `--runtime-config` and the feature gate of its name ask for it. */
export const ClusterTrustBundle = defineKind<ClusterTrustBundle>({
  type: "certificates/v1beta1.ClusterTrustBundle",
  plural: "clustertrustbundles",
  scope: "Cluster",
  name: "path",
  unconditionalUpdate: false,
  validate: (bundle) => [
    ...validateName(bundle),
    ...(bundle.spec.signerName ? validateSignerName(bundle.spec.signerName, spec.child("signerName")) : []),
    ...validateTrustAnchors(bundle.spec.trustBundle ?? "", spec.child("trustBundle")),
  ],
  validateUpdate: (next, previous) => {
    const [now = "", before = ""] = [next.spec.signerName, previous.spec.signerName];
    return now === before ? [] : [field.invalid(spec.child("signerName"), now, "field is immutable")];
  },
  columns: [nameColumn, text("SignerName", (bundle) => bundle.spec.signerName || "<none>")],
  fields: { "spec.signerName": (bundle) => bundle.spec.signerName ?? "" },
  versions: sameInVersions("certificates.k8s.io/v1beta1", {
    "certificates.k8s.io/v1alpha1": "certificates/v1alpha1.ClusterTrustBundle",
  }),
});

/** What the names of a signer's bundles begin with. */
export function bundlePrefix(signerName: string): string {
  return `${signerName.replaceAll("/", ":")}:`;
}

function validateName({ metadata: { name }, spec: { signerName = "" } }: ClusterTrustBundle): Errors {
  const place = path("metadata", "name");
  if (signerName === "") {
    return name.includes(":")
      ? [field.invalid(place, name, 'ClusterTrustBundle without signer name must not have ":" in its name')]
      : named(place, name, dnsSubdomain);
  }
  const prefix = bundlePrefix(signerName);
  if (!name.startsWith(prefix)) {
    const detail = `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`;
    return [field.invalid(place, name, detail)];
  }
  return dnsSubdomain(name.slice(prefix.length)).map((detail) => field.invalid(place, name, detail));
}
