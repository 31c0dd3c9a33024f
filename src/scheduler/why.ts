import type { Pod } from "../api/generated/core-v1.ts";
import type { ClusterState } from "./framework/cluster-state.ts";
import { type DecideOptions, decide, scoreNodes } from "./framework/decide.ts";
import { type NodeScore, type RecordedDecision, recorded } from "./framework/decision-log.ts";
import type { NodeInfo } from "./framework/node-info.ts";
import type { Rejection } from "./framework/plugin.ts";
import type { Profile } from "./framework/profile.ts";
import { prepare, type Search } from "./framework/search.ts";
import { mendsOf } from "./mends.ts";

/** One plugin's objection to a node, and what would take it away. */
export interface Objection {
  readonly plugin: string;
  /** Upstream's texts. */
  readonly reasons: readonly string[];
  /** The least that would have to change, as sentences. */
  readonly mends: readonly string[];
}

/** What is said of one node. */
export interface NodeVerdict {
  readonly node: string;
  readonly fits: boolean;
  /** By every plugin that objects, not only the first. */
  readonly objections: readonly Objection[];
  /** Of nodes that fit. */
  readonly score?: Omit<NodeScore, "node">;
}

/** Why a pod is where it is, or nowhere: every node, as the scheduler sees it now. */
export interface PodExplanation {
  readonly pod: RecordedDecision["pod"];
  readonly scheduler: string;
  /** Where the pod is bound. */
  readonly node?: string;
  /** Where it would go if it were decided about now, itself left out. */
  readonly choice?: string;
  /** As the event would say it. */
  readonly message: string;
  /** Set when the pod is held back whatever the nodes are. */
  readonly held?: Objection;
  /** Those that fit first, the best of them at the head; then those that need the least. */
  readonly nodes: readonly NodeVerdict[];
  /** Pods that would be told to go to make room. */
  readonly victims?: readonly string[];
  /** What was decided lately, newest first. */
  readonly history: readonly RecordedDecision[];
}

export interface ExplainOptions extends Omit<DecideOptions, "start"> {
  readonly now: number;
  readonly history: readonly RecordedDecision[];
  /** What a plugin says before the pod may enter the queue. */
  readonly gate: { readonly plugin: string; readonly rejection: Rejection } | undefined;
}

const everything = { scores: Number.POSITIVE_INFINITY, names: Number.POSITIVE_INFINITY };

/** Asks every plugin about every node and changes nothing. */
export function explainPod(
  pod: Pod,
  given: Profile,
  cluster: ClusterState,
  { now, history, gate, ...options }: ExplainOptions,
): PodExplanation {
  const profile: Profile = { ...given, percentageOfNodesToScore: 100 };
  const { namespace, name, uid } = pod.metadata;
  const { nodeName, ...spec } = pod.spec;
  const bound = nodeName ?? cluster.placeOf(uid);
  const place = cluster.node(bound ?? "");
  const self = place?.pods.get(uid);
  // A bound pod names its node because it was put there; asked anew, it may go anywhere.
  const asked: Pod = self ? { ...pod, spec } : pod;
  const ask = () => {
    const { decision } = decide(asked, profile, cluster, { ...options, start: 0 });
    const search = prepare(asked, profile, cluster);
    return { decision, search, nodes: search.refused ? [] : verdictsOf(asked, profile, cluster, search) };
  };
  const { decision, search, nodes } = place && self ? cluster.supposing(place, { gone: [self] }, ask) : ask();
  const about = { namespace, name, uid };
  const record = recorded(about, profile.schedulerName, decision, now, everything);
  const held = bound
    ? undefined
    : (gate ?? (search.refused && { plugin: search.refused.plugin, rejection: search.refused }));
  const choice = held ? undefined : record.node;
  return {
    pod: about,
    scheduler: profile.schedulerName,
    ...(bound ? { node: bound } : {}),
    ...(choice ? { choice } : {}),
    message: gate && !bound ? gate.rejection.reasons.join(", ") : record.message,
    ...(held ? { held: { plugin: held.plugin, reasons: held.rejection.reasons, mends: held.rejection.reasons } } : {}),
    nodes: [...nodes].sort((one, two) => rank(one, choice) - rank(two, choice) || (one.node < two.node ? -1 : 1)),
    ...(record.victims ? { victims: record.victims } : {}),
    history,
  };
}

/** Chosen, then by score, then by the number of changes that are needed. */
function rank({ node, score, objections }: NodeVerdict, choice: string | undefined): number {
  if (node === choice) return Number.NEGATIVE_INFINITY;
  if (score) return -1 - score.total;
  return objections.reduce((sum, { mends }) => sum + mends.length, 1);
}

function verdictsOf(pod: Pod, profile: Profile, cluster: ClusterState, search: Search): readonly NodeVerdict[] {
  const fitting: NodeInfo[] = [];
  const refused: NodeVerdict[] = [];
  for (const node of cluster.nodes) {
    const objections = objectionsTo(pod, node, search);
    if (objections.length === 0) fitting.push(node);
    else refused.push({ node: node.name, fits: false, objections });
  }
  const { totals, parts } = scoreNodes(pod, profile, cluster, fitting);
  const scored = fitting.map((node, index): NodeVerdict => {
    const byPlugin = Object.fromEntries(parts.map(({ plugin, scores }) => [plugin, scores[index]!]));
    return { node: node.name, fits: true, objections: [], score: { total: totals[index]!, byPlugin } };
  });
  return [...scored, ...refused];
}

function objectionsTo(pod: Pod, node: NodeInfo, { filters, allowed, narrowedBy }: Search): readonly Objection[] {
  const found = filters.flatMap(({ plugin, state }): readonly Objection[] => {
    const verdict = plugin.filter!(pod, node, state);
    if (!verdict) return [];
    return [{ plugin: plugin.name, reasons: verdict.reasons, mends: mendsOf(plugin.name, verdict, pod, node) }];
  });
  const already = found.some(({ plugin }) => narrowedBy.includes(plugin));
  if (!allowed || allowed.has(node.name) || already) return found;
  const reasons = [`node(s) didn't satisfy plugin(s) [${narrowedBy.join(" ")}]`];
  return [...found, { plugin: narrowedBy[0]!, reasons, mends: reasons }];
}
