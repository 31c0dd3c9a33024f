import { Namespace } from "../../api/core/namespace.ts";
import { Network, networkLabel } from "../../api/core/network.ts";
import { NetworkPolicy } from "../../api/networking/network-policy.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { defineController, done, watches } from "../framework/controller.ts";

/** The policy by which a namespace's pods are left to their own network. */
export const policyName = "tenant-network";
const managerLabel = "app.kubernetes.io/managed-by";
const manager = "tenant-network-controller";

/**
 * Keeps networks of tenants apart: pods of a namespace with `spec.network` can be reached from namespaces of the same
 * network alone. Namespaces without one are as ever. The names of networks are labels of their namespaces, so that policies
 * can select them.
 */
export const tenantNetworkController = defineController({
  name: "tenant-network",
  for: Namespace,
  watches: [
    watches(NetworkPolicy, ({ metadata }) => (metadata.name === policyName ? [{ name: metadata.namespace }] : []), {
      fieldSelector: `metadata.name=${policyName}`,
    }),
  ],
  workers: 4,
  async reconcile(key, { cache, client }) {
    const namespace = cache.get(Namespace, key);
    if (!namespace || namespace.metadata.deletionTimestamp) return done;
    const network = namespace.spec?.network;
    if (namespace.metadata.labels?.[networkLabel] !== network) {
      const labels = { [networkLabel]: network ?? null };
      await client.patch(Namespace, key, { type: "merge", body: { metadata: { labels } } });
    }
    const place = { namespace: key.name, name: policyName };
    const known = cache.informer(NetworkPolicy, { fieldSelector: `metadata.name=${policyName}` }).get(place);
    if (!network) {
      if (known?.metadata.labels?.[managerLabel] !== manager) return done;
      await client.delete(NetworkPolicy, place, { preconditions: { uid: known.metadata.uid } }).catch((error) => {
        if (!isStatus(error, "NotFound")) throw error;
      });
      return done;
    }
    const own = { namespaceSelector: { matchLabels: { [networkLabel]: network } } };
    const spec = { podSelector: {}, ingress: [{ from: [own] }], policyTypes: ["Ingress"] } as const;
    if (!known) {
      await client.create(NetworkPolicy, { metadata: { ...place, labels: { [managerLabel]: manager } }, spec });
    } else if (!isEqual(known.spec, spec)) await client.update(NetworkPolicy, { ...known, spec });
    return done;
  },
});

/** Says of every network that it is there. */
export const networkController = defineController({
  name: "network",
  serviceAccount: "tenant-network-controller",
  for: Network as unknown as KindRef<KubeObject>,
  workers: 1,
  async reconcile(key, { cache, client }) {
    const network = cache.get(Network, key);
    const phase = network?.metadata.deletionTimestamp ? "Terminating" : "Active";
    if (!network || network.status?.phase === phase) return done;
    await client.updateStatus(Network, { ...network, status: { phase } });
    return done;
  },
});
