import { Node } from "../../api/core/node.ts";
import { keyOf } from "../../machinery/object.ts";
import { defineController, done } from "../framework/controller.ts";

const annotation = "node.alpha.kubernetes.io/ttl";

/** Seconds that nodes may keep Secrets and ConfigMaps before they look again, by the size of the cluster. */
const steps: readonly { readonly from: number; readonly to: number; readonly ttl: number }[] = [
  { from: 0, to: 100, ttl: 0 },
  { from: 90, to: 500, ttl: 15 },
  { from: 450, to: 1000, ttl: 30 },
  { from: 900, to: 2000, ttl: 60 },
  { from: 1800, to: Number.POSITIVE_INFINITY, ttl: 300 },
];

/** The step for a number of nodes, given the step before: it is left only beyond its margin. */
export function ttlStep(nodes: number, before: number): number {
  let step = before;
  while (nodes > (steps[step]?.to ?? 0)) step += 1;
  while (step > 0 && nodes < (steps[step]?.from ?? 0)) step -= 1;
  return step;
}

/** Tells nodes how long they may keep what they read: the larger the cluster, the longer. */
export function nodeTtlController() {
  let step = 0;
  return defineController({
    name: "ttl",
    for: Node,
    workers: 5,
    async reconcile(key, { cache, client }) {
      step = ttlStep(cache.list(Node).length, step);
      const node = cache.get(Node, key);
      const ttl = `${steps[step]?.ttl ?? 0}`;
      if (!node || node.metadata.annotations?.[annotation] === ttl) return done;
      const body = { metadata: { annotations: { [annotation]: ttl } } };
      await client.patch(Node, keyOf(node), { type: "merge", body });
      return done;
    },
  });
}
