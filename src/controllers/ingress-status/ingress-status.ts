import { isNodeReady, Node } from "../../api/core/node.ts";
import { Ingress } from "../../api/networking/ingress.ts";
import { IngressClass } from "../../api/networking/ingress-class.ts";
import { isServedByNodes } from "../../api/networking/ingress-controller.ts";
import { isEqual } from "../../machinery/equality.ts";
import { keyOf } from "../../machinery/object.ts";
import { type Cache, defineController, done, watches } from "../framework/controller.ts";

/** The label by which nodes say whether they serve Ingresses. */
export const servingLabel = "navarch.io/ingress";

/** The service account of all that is done for Ingresses in the control plane. */
export const ingressAccount = "ingress-controller";

const every = (cache: Cache) => cache.list(Ingress).map(keyOf);

/** Tells in each Ingress that the nodes serve where that is: the addresses of those nodes that are ready. */
export const ingressStatusController = defineController({
  name: "ingress-status",
  serviceAccount: ingressAccount,
  for: Ingress,
  watches: [
    watches(Node, (node, previous, cache, change) =>
      change === "updated" && previous && isEqual(addressesOf(node), addressesOf(previous)) ? [] : every(cache),
    ),
    watches(IngressClass, (_class, _previous, cache) => every(cache)),
  ],
  async reconcile(key, { cache, client }) {
    const ingress = cache.get(Ingress, key);
    if (!ingress || ingress.metadata.deletionTimestamp) return done;
    // What another controller serves is told by that one.
    if (!isServedByNodes(ingress, cache.list(IngressClass))) return done;
    const addresses = cache.list(Node).flatMap(addressesOf);
    addresses.sort();
    const told = (ingress.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
    if (told.length === addresses.length && told.every((ip, index) => ip === addresses[index])) return done;
    const loadBalancer = addresses.length > 0 ? { ingress: addresses.map((ip) => ({ ip })) } : {};
    await client.updateStatus(Ingress, { ...ingress, status: { ...ingress.status, loadBalancer } });
    return done;
  },
});

/** Where a node serves Ingresses; nowhere if it does not, now. */
function addressesOf(node: Node): readonly string[] {
  if (node.metadata.labels?.[servingLabel] !== "true" || node.metadata.deletionTimestamp) return [];
  if (!isNodeReady(node)) return [];
  return (node.status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address);
}
