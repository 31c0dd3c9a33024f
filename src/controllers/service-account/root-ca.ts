import { ConfigMap } from "../../api/core/config-map.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { declared, defineController, done, type ReconcileContext, watches } from "../framework/controller.ts";

const name = "kube-root-ca.crt";
/** A cluster has many other ConfigMaps, which are none of this controller's business. */
const published = { fieldSelector: `metadata.name=${name}` };
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. " +
  "No other usage is guaranteed across distributions of Kubernetes clusters.";

function publishMetrics(metrics: Metrics) {
  return {
    syncs: metrics.counter("root_ca_cert_publisher_sync_total", "Looks at namespaces, by the code of the outcome.", [
      "code",
    ]),
    times: metrics.histogram(
      "root_ca_cert_publisher_sync_duration_seconds",
      "Seconds that a look at a namespace took.",
      ["code"],
      growingBounds(0.001, 2, 15),
    ),
  };
}

/** Puts the authority's certificate (PEM) into every namespace, where pods' token volumes take it from. */
export function rootCaController(rootCa: string) {
  return defineController({
    name: "root-ca-certificate-publisher",
    serviceAccount: "root-ca-cert-publisher",
    for: Namespace,
    watches: [watches(ConfigMap, ({ metadata }) => [{ name: metadata.namespace }], published)],
    meters: declared(publishMetrics),
    async reconcile({ name: namespace }, context) {
      const { cache, clock, metrics } = context;
      if (cache.get(Namespace, { name: namespace })?.status?.phase !== "Active") return done;
      const { syncs, times } = metrics.meter(publishMetrics);
      const began = clock.monotonic();
      let code = "200";
      try {
        await publish(rootCa, namespace, context);
      } catch (error) {
        code = error instanceof StatusError ? String(error.code) : "500";
        throw error;
      } finally {
        syncs.inc({ code });
        times.observe({ code }, (clock.monotonic() - began) / 1000);
      }
      return done;
    },
  });
}

async function publish(rootCa: string, namespace: string, { cache, client }: ReconcileContext): Promise<void> {
  const data = { "ca.crt": rootCa };
  const known = cache.informer(ConfigMap, published).get({ namespace, name });
  if (!known) {
    const annotations = { "kubernetes.io/description": description };
    await client.create(ConfigMap, { metadata: { namespace, name, annotations }, data });
  } else if (known.data?.["ca.crt"] !== rootCa || Object.keys(known.data).length !== 1) {
    await client.update(ConfigMap, { ...known, data });
  }
}
