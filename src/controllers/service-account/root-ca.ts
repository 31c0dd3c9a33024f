import { ConfigMap } from "../../api/core/config-map.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { defineController, done, watches } from "../framework/controller.ts";

const name = "kube-root-ca.crt";
/** A cluster has many other ConfigMaps, which are none of this controller's business. */
const published = { fieldSelector: `metadata.name=${name}` };
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. " +
  "No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Puts the authority's certificate (PEM) into every namespace, where pods' token volumes take it from. */
export function rootCaController(rootCa: string) {
  return defineController({
    name: "root-ca-certificate-publisher",
    serviceAccount: "root-ca-cert-publisher",
    for: Namespace,
    watches: [watches(ConfigMap, ({ metadata }) => [{ name: metadata.namespace }], published)],
    async reconcile({ name: namespace }, { cache, client }) {
      if (cache.get(Namespace, { name: namespace })?.status?.phase !== "Active") return done;
      const data = { "ca.crt": rootCa };
      const known = cache.informer(ConfigMap, published).get({ namespace, name });
      if (!known) {
        const annotations = { "kubernetes.io/description": description };
        await client.create(ConfigMap, { metadata: { namespace, name, annotations }, data });
      } else if (known.data?.["ca.crt"] !== rootCa || Object.keys(known.data).length !== 1) {
        await client.update(ConfigMap, { ...known, data });
      }
      return done;
    },
  });
}
