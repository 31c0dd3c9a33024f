import type { Node } from "../../api/core/node.ts";
import { usualAmounts } from "../../node/simulated-nodes/make-nodes.ts";

/** What a cluster's description says of nodes that are only played. */
export interface SimulatedPart {
  readonly count?: number;
  readonly zones?: readonly string[];
  /** What each has. */
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: number;
  /** A file of KWOK's Stage documents. */
  readonly stages?: string;
}

/** What each of the nodes has, as they are made by. */
export function amountsOf({ cpu, memory, pods }: SimulatedPart): Partial<typeof usualAmounts> {
  return { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}), ...(pods ? { pods: String(pods) } : {}) };
}

/** Simulated nodes that there are, as the part that makes them again; undefined for none. `uneven` when they differ in size: the first one's is told. */
export function describeSimulated(
  nodes: readonly Node[],
): { readonly part: SimulatedPart; readonly uneven: boolean } | undefined {
  const inOrder = nodes.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name, "en", { numeric: true }));
  const sizes = inOrder.map(sizeOf);
  const [size] = sizes;
  if (!size) return undefined;
  const zones = shortestTurn(inOrder.map(({ metadata }) => metadata.labels?.["topology.kubernetes.io/zone"] ?? ""));
  const part = { count: nodes.length, ...(zones.some(Boolean) ? { zones } : {}), ...size };
  return { part, uneven: sizes.some((other) => JSON.stringify(other) !== JSON.stringify(size)) };
}

function sizeOf({ status }: Node): SimulatedPart {
  const { cpu, memory, pods } = status?.capacity ?? {};
  return {
    ...(cpu && cpu !== usualAmounts.cpu ? { cpu } : {}),
    ...(memory && memory !== usualAmounts.memory ? { memory } : {}),
    ...(pods && pods !== usualAmounts.pods ? { pods: Number(pods) } : {}),
  };
}

/** The shortest beginning of a list that, said again and again, is the whole list. */
function shortestTurn(words: readonly string[]): readonly string[] {
  for (let length = 1; length < words.length; length += 1) {
    if (words.every((word, at) => word === words[at % length])) return words.slice(0, length);
  }
  return words;
}
