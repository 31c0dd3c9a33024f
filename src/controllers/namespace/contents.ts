import { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import type { Client } from "../../client/client.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { Remains } from "./conditions.ts";

/** Seconds that finalizers are given before the next look (as upstream). */
const finalizerSeconds = 15;

export interface Cleared extends Remains {
  /** Seconds that what is left will need, as far as can be told; 0 when nothing is left. */
  readonly estimate: number;
}

/**
 * Deletes everything of these kinds in a namespace, once, and says what is left. Pods go first and alone: what they use
 * must outlive them.
 */
export async function clear(
  client: Client,
  kinds: readonly KindRef<KubeObject>[],
  namespace: string,
  since: { readonly deletedAt: number; readonly now: number },
): Promise<Omit<Cleared, "undiscovered">> {
  const tally = new Tally();
  const isPod = (kind: KindRef<KubeObject>) => kind.group === "" && kind.kind === Pod.kind;
  for (const kind of kinds.filter(isPod)) await clearKind(client, kind, namespace, since, tally);
  if (tally.counts.size > 0 || tally.failures.length > 0) return tally;
  for (const kind of kinds) if (!isPod(kind)) await clearKind(client, kind, namespace, since, tally);
  return tally;
}

class Tally implements Omit<Cleared, "undiscovered"> {
  readonly counts = new Map<string, number>();
  readonly finalizers = new Map<string, number>();
  readonly failures: string[] = [];
  estimate = 0;

  left(kind: KindRef<unknown>, objects: readonly KubeObject[]): void {
    this.counts.set(`${kind.plural}.${kind.group}`, objects.length);
    for (const name of objects.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
      this.finalizers.set(name, (this.finalizers.get(name) ?? 0) + 1);
      this.needs(finalizerSeconds);
    }
  }

  needs(seconds: number): void {
    this.estimate = Math.max(this.estimate, seconds);
  }
}

async function clearKind(
  client: Client,
  kind: KindRef<KubeObject>,
  namespace: string,
  since: { readonly deletedAt: number; readonly now: number },
  tally: Tally,
): Promise<void> {
  try {
    const before = await listed(client, kind, namespace);
    if (before.length === 0) return;
    await client.deleteCollection(kind, { namespace, propagationPolicy: "Background" });
    const after = await listed(client, kind, namespace);
    if (after.length === 0) return;
    tally.left(kind, after);
    const grace = Math.max(0, ...after.map(graceOf));
    tally.needs(Math.max(1, grace - Math.floor((since.now - since.deletedAt) / 1000)));
  } catch (error) {
    // A kind that stopped being served has nothing left that anybody could reach.
    if (isStatus(error, "NotFound", "MethodNotAllowed")) return;
    tally.failures.push(`unable to delete ${kind.plural} in namespace ${namespace}: ${errorMessage(error)}`);
  }
}

async function listed(client: Client, kind: KindRef<KubeObject>, namespace: string): Promise<readonly KubeObject[]> {
  return (await client.list(kind, { namespace })).items;
}

/** Seconds that a pod was promised to end in. */
function graceOf(object: KubeObject): number {
  if (object.kind !== Pod.kind) return 0;
  const pod = object as unknown as Pod;
  if (isPodTerminal(pod)) return 0;
  return pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 0;
}
