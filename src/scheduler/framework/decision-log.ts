import type { Pod } from "../../api/generated/core-v1.ts";
import { type KubeObject, keyText, type ObjectKey } from "../../machinery/object.ts";
import type { Decision, ScoreTable } from "./decide.ts";
import { explain } from "./explain.ts";
import type { Refusal } from "./plugin.ts";

/** What a node got. */
export interface NodeScore {
  readonly node: string;
  readonly total: number;
  /** Weighted, by plugin. */
  readonly byPlugin: Readonly<Record<string, number>>;
}

/** One decision about a pod as `navarch why` shows it. */
export interface RecordedDecision {
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly scheduler: string;
  /** Undefined when no node was found. */
  readonly node?: string;
  readonly message: string;
  /** Nodes that would have done. */
  readonly feasible: number;
  /** The best nodes, the chosen one first; empty when there was no choice. */
  readonly scores: readonly NodeScore[];
  /** Which plugin refused which nodes, and why; at most so many names each, with the number of all. */
  readonly refusals: readonly (Refusal & { readonly count: number })[];
  /** Pods that were told to go to make room. */
  readonly victims?: readonly string[];
}

const podsKept = 2000;
const decisionsPerPod = 5;
const scoresKept = 10;
const namesKept = 100;

/** The last decisions about the pods that were decided last, newest first. */
export class DecisionLog {
  readonly #byPod = new Map<string, RecordedDecision[]>();

  record(pod: Pod, scheduler: string, decision: Decision, time: number): void {
    const { namespace, name, uid } = pod.metadata;
    const key = keyText({ namespace, name });
    const entry = recorded({ namespace, name, uid }, scheduler, decision, time);
    const known = this.#byPod.get(key) ?? [];
    this.#byPod.delete(key);
    this.#byPod.set(key, [entry, ...known.filter((each) => each.pod.uid === uid)].slice(0, decisionsPerPod));
    if (this.#byPod.size > podsKept) this.#byPod.delete(this.#byPod.keys().next().value as string);
  }

  of(key: ObjectKey): readonly RecordedDecision[] {
    return this.#byPod.get(keyText(key)) ?? [];
  }

  /** Every pod that it still knows decisions of, in the order of their last ones. */
  get pods(): readonly string[] {
    return [...this.#byPod.keys()];
  }
}

/** A decision in the form that is kept: the best of many nodes, and names up to a number. */
export function recorded(
  pod: RecordedDecision["pod"],
  scheduler: string,
  decision: Decision,
  time: number,
  keep: { readonly scores: number; readonly names: number } = { scores: scoresKept, names: namesKept },
): RecordedDecision {
  const refusals = decision.refusals.map(({ plugin, rejection, nodes }) => ({
    plugin,
    rejection,
    nodes: nodes.length > keep.names ? nodes.slice(0, keep.names) : nodes,
    count: nodes.length,
  }));
  const common = { pod, time, scheduler, refusals };
  if (decision.placed) {
    const { node, feasible, scores } = decision;
    const message = `Successfully assigned ${pod.namespace}/${pod.name} to ${node}`;
    return { ...common, node, feasible, message, scores: scores ? bestScores(scores, node, keep.scores) : [] };
  }
  const { rescue, refused } = decision;
  return {
    ...common,
    message: explain(decision),
    feasible: 0,
    scores: [],
    refusals: refused
      ? [{ plugin: refused.plugin, rejection: refused, nodes: [], count: decision.total }, ...refusals]
      : refusals,
    ...(rescue?.kind === "preempt"
      ? { victims: rescue.victims.map(({ metadata }) => keyText(metadata as KubeObject["metadata"])) }
      : {}),
  };
}

/** The chosen node and the best of the others, in order. */
function bestScores({ nodes, totals, parts }: ScoreTable, chosen: string, keep: number): readonly NodeScore[] {
  const best: number[] = [];
  const first = nodes.indexOf(chosen);
  for (let index = 0; index < nodes.length; index++) {
    if (index === first) continue;
    const last = best.at(-1);
    if (best.length >= keep - 1 && last !== undefined && totals[index]! <= totals[last]!) continue;
    let place = best.length;
    while (place > 0 && totals[best[place - 1]!]! < totals[index]!) place -= 1;
    best.splice(place, 0, index);
    if (best.length > keep - 1) best.pop();
  }
  return [first, ...best].map((index) => ({
    node: nodes[index]!,
    total: totals[index]!,
    byPlugin: Object.fromEntries(parts.map(({ plugin, scores }) => [plugin, scores[index]!])),
  }));
}
