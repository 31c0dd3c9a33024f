import { Node } from "../../api/core/node.ts";
import { tolerates } from "../../api/core/tolerations.ts";
import type { Taint, Toleration } from "../../api/generated/core-v1.ts";
import type { Client } from "../../client/client.ts";
import { isEqual } from "../../machinery/equality.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";

/** The taints of these effects that no toleration covers. */
export function untolerated(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly Taint["effect"][],
): readonly Taint[] {
  return (taints ?? []).filter(
    (taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)),
  );
}

export const isSameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;

/** How often a change that lost its race is made again on top of what won. */
const attempts = 5;

/** Writes a node's taints as `change` makes them; writes nothing when they stay the same. Returns the node as it is then. */
export async function changeTaints(
  client: Client,
  node: Node,
  change: (taints: readonly Taint[]) => readonly Taint[],
): Promise<Node> {
  for (let current = node, attempt = 1; ; attempt += 1) {
    const before = current.spec.taints ?? [];
    const taints = change(before);
    if (isEqual(taints, before)) return current;
    const { uid, resourceVersion } = current.metadata;
    const body = { metadata: { uid, resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
    try {
      return await client.patch(Node, keyOf(current), { type: "merge", body });
    } catch (error) {
      // Nodes write their status often; the taints themselves have hardly changed.
      if (!isStatus(error, "Conflict") || attempt >= attempts) throw error;
      current = await client.get(Node, keyOf(current));
      if (current.metadata.uid !== uid) throw error;
    }
  }
}
