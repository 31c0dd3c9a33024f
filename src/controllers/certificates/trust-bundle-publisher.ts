import { createHash } from "node:crypto";
import { bundlePrefix, ClusterTrustBundle } from "../../api/certificates/cluster-trust-bundle.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { defineController, done, watches } from "../framework/controller.ts";

const signerName = "kubernetes.io/kube-apiserver-serving";
/** Bundles of other signers are none of this controller's business. */
const published = { fieldSelector: `spec.signerName=${signerName}` };
/** There is one thing to look after; it goes by the name of a namespace that every cluster has. */
const key = { name: "kube-system" };

/**
 * Keeps the one ClusterTrustBundle by which workloads verify the API server: named after its contents, so that a change
 * of the authority makes a new one before the old one goes.
 */
export function trustBundlePublisher(rootCa: string) {
  const name = bundlePrefix(signerName) + createHash("sha256").update(rootCa).digest("hex").slice(0, 24);
  return defineController({
    name: "kube-apiserver-serving-clustertrustbundle-publisher",
    serviceAccount: "kube-apiserver-serving-clustertrustbundle-publisher",
    for: Namespace,
    wakes: () => false,
    watches: [watches(ClusterTrustBundle, () => [key], published)],
    workers: 1,
    async reconcile(asked, { cache, client }) {
      if (asked.name !== key.name) return done;
      const bundles = cache.informer(ClusterTrustBundle, published);
      const known = bundles.get({ name });
      if (!known) {
        const spec = { signerName, trustBundle: rootCa };
        await client.create(ClusterTrustBundle, { metadata: { name }, spec });
      } else if (known.spec.trustBundle !== rootCa) {
        await client.update(ClusterTrustBundle, { ...known, spec: { ...known.spec, trustBundle: rootCa } });
      }
      for (const { metadata, spec } of bundles.list()) {
        if (metadata.name === name || spec.signerName !== signerName) continue;
        try {
          await client.delete(ClusterTrustBundle, { name: metadata.name });
        } catch (error) {
          if (!isStatus(error, "NotFound")) throw error;
        }
      }
      return done;
    },
  });
}
