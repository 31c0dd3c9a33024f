import { Node } from "../../api/core/node.ts";
import { keyOf } from "../../machinery/object.ts";
import { defineController, done } from "../framework/controller.ts";
import { changeTaints } from "../framework/taints.ts";
import { conditionTaints } from "./condition-taints.ts";

/** Labels whose older names get the same value. */
const olderLabels: Readonly<Record<string, string>> = {
  "kubernetes.io/os": "beta.kubernetes.io/os",
  "kubernetes.io/arch": "beta.kubernetes.io/arch",
};

/** Keeps new pods off nodes by what their conditions say, and keeps older label names equal to newer ones. */
export const nodeTaintController = defineController({
  name: "nodelifecycle-taints",
  serviceAccount: "node-controller",
  eventSource: "node-controller",
  for: Node,
  workers: 8,
  async reconcile(key, { cache, client, clock }) {
    const known = cache.get(Node, key);
    if (!known || known.metadata.deletionTimestamp) return done;
    const node = await changeTaints(client, known, (taints) => conditionTaints(known, taints, clock.now()));
    const labels = missingLabels(node);
    if (Object.keys(labels).length > 0) {
      await client.patch(Node, keyOf(node), { type: "merge", body: { metadata: { labels } } });
    }
    return done;
  },
});

function missingLabels({ metadata: { labels = {} } }: Node): Readonly<Record<string, string>> {
  const wrong = Object.entries(olderLabels).filter(
    ([newer, older]) => labels[newer] !== undefined && labels[older] !== labels[newer],
  );
  return Object.fromEntries(wrong.map(([newer, older]) => [older, labels[newer] ?? ""]));
}
