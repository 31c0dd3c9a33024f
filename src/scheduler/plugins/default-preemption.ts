import type { Pod } from "../../api/generated/core-v1.ts";
import type { PodDisruptionBudget } from "../../api/generated/policy-v1.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { timeMillis } from "../../machinery/times.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import { availability } from "../framework/explain.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { NodeMemo } from "../framework/node-memo.ts";
import { definePlugin, type Rescue, type RescueContext } from "../framework/plugin.ts";
import { type PodInfo, podInfo } from "../framework/pod-info.ts";

export interface DefaultPreemptionArgs {
  /** At least this share of the nodes, in percent, and this number is tried before the best is taken. */
  readonly minCandidateNodesPercentage?: number;
  readonly minCandidateNodesAbsolute?: number;
}

/** The disruption budgets that there are. */
export interface Budgets {
  /** Those of a namespace. */
  readonly of: (namespace: string) => readonly PodDisruptionBudget[];
  /** Another number after each change. */
  readonly revision: () => bigint;
}

/** A node with the pods that would have to go, the most important first. */
interface Candidate {
  readonly node: string;
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget would keep. */
  readonly violations: number;
  /** Numbers to compare candidates by, one after the other; less is better. */
  readonly costs: readonly number[];
}

/** A node's candidate, or why there is none (reasons by line). */
type Finding = Candidate | string;

/** Sorts of pods for which it is remembered who would have to go. */
const sortsKept = 16;

const notHelpful = "Preemption is not helpful for scheduling";
const nobodyToEvict = "No preemption victims found for incoming pod";

/** Makes room for a pod by pods of lower priority: as few and as unimportant ones as will do. */
export function defaultPreemption(budgets: Budgets, args: DefaultPreemptionArgs = {}) {
  const found = new WeakMap<ClusterState, Map<string, NodeMemo<Finding>>>();

  /** What was found out for equal pods while budgets were as they are. */
  const memoOf = ({ cluster, likeness }: RescueContext): NodeMemo<Finding> | undefined => {
    if (likeness === undefined) return undefined;
    const sorts = found.get(cluster) ?? new Map<string, NodeMemo<Finding>>();
    found.set(cluster, sorts);
    const key = `${budgets.revision()} ${likeness}`;
    const memo = sorts.get(key) ?? new NodeMemo();
    sorts.delete(key);
    sorts.set(key, memo);
    if (sorts.size > sortsKept) sorts.delete(sorts.keys().next().value as string);
    return memo;
  };

  return definePlugin({
    name: "DefaultPreemption",
    retryOn: [],
    rescue(pod, context): Rescue {
      const ineligible = notEligible(pod, context);
      if (ineligible) return none(ineligible);
      const total = context.cluster.nodes.length;
      const possible = context.refusals.flatMap(({ rejection, nodes }) => (rejection.preemptionHelps ? nodes : []));
      const counts = new Map<string, number>();
      const others = total - possible.length;
      if (others > 0) counts.set(notHelpful, others);
      if (possible.length === 0) return { ...none(availability(total, counts)), clearNomination: true };

      const { minCandidateNodesPercentage = 10, minCandidateNodesAbsolute = 100 } = args;
      const share = Math.floor((possible.length * minCandidateNodesPercentage) / 100);
      const enough = Math.min(possible.length, Math.max(share, minCandidateNodesAbsolute));
      const offset = Math.floor(context.random() * possible.length);
      const memo = memoOf(context);
      const candidates: Candidate[] = [];
      let free = 0;
      for (let looked = 0; looked < possible.length; looked++) {
        const node = context.cluster.node(possible[(offset + looked) % possible.length]!);
        if (!node) continue;
        const stamp = memo && context.stampOf(node);
        let result = stamp === undefined ? undefined : memo?.get(node, stamp);
        if (result === undefined) {
          result = tryNode(pod, node, context, budgets);
          if (stamp !== undefined) memo?.set(node, result, stamp);
        }
        if (typeof result !== "string") {
          candidates.push(result);
          if (result.violations === 0) free += 1;
          if (candidates.length >= enough && free > 0) break;
        } else for (const reason of result.split("\n")) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
      const best = cheapest(candidates);
      if (!best) return none(availability(total, counts));
      return { kind: "preempt", node: best.node, victims: best.victims.map((info) => info.pod) };
    },
  });
}

const none = (message: string) => ({ kind: "none", message: `preemption: ${message}` }) as const;

function notEligible(pod: Pod, { cluster }: RescueContext): string | undefined {
  if (pod.spec.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const nominated = pod.status?.nominatedNodeName;
  const node = nominated ? cluster.node(nominated) : undefined;
  if (!node) return undefined;
  const { priority } = podInfo(pod);
  for (const other of node.pods.values())
    if (other.priority < priority && isBeingPreempted(other.pod))
      return "not eligible due to a terminating pod on the nominated node.";
  return undefined;
}

const isBeingPreempted = ({ metadata, status }: Pod) =>
  metadata.deletionTimestamp !== undefined &&
  (status?.conditions ?? []).some(
    ({ type, status: holds, reason }) =>
      type === "DisruptionTarget" && holds === "True" && reason === "PreemptionByScheduler",
  );

/** Who has to go from a node, or why that does not help. */
function tryNode(pod: Pod, node: NodeInfo, context: RescueContext, budgets: Budgets): Finding {
  const { priority } = podInfo(pod);
  const lower = [...node.pods.values()].filter((other) => other.priority < priority);
  if (lower.length === 0) return nobodyToEvict;
  lower.sort(byImportance);
  const gone = new Set(lower);
  const kept = protectedByBudgets(lower, budgets);
  const verdict = context.cluster.supposing(node, { gone: lower }, ({ put, takeAway }) => {
    const refused = context.fitsOn(node);
    if (refused) return refused;
    // The protected and the important are the first to be let off.
    const order =
      kept.size > 0 ? [...lower.filter((each) => kept.has(each)), ...lower.filter((each) => !kept.has(each))] : lower;
    for (const candidate of order) {
      put(candidate);
      if (context.fitsOn(node)) takeAway(candidate);
      else gone.delete(candidate);
    }
    return undefined;
  });
  if (verdict) return verdict.reasons.join("\n");
  const victims = lower.filter((each) => gone.has(each));
  const violations = victims.filter((each) => kept.has(each)).length;
  return { node: node.name, victims, violations, costs: costsOf(victims, violations) };
}

/** Pods that, gone one after the other, exceed what a budget allows. */
function protectedByBudgets(pods: readonly PodInfo[], budgets: Budgets): ReadonlySet<PodInfo> {
  const left = new Map<PodDisruptionBudget, number>();
  const kept = new Set<PodInfo>();
  for (const info of pods) {
    const { namespace, name, labels } = info.pod.metadata;
    if (!labels || Object.keys(labels).length === 0) continue;
    for (const budget of budgets.of(namespace)) {
      const selector = selectorOfObject(budget.spec?.selector);
      if (selector.nothing || selector.everything || !selector.matches(labels)) continue;
      // Its going is paid for already.
      if (budget.status?.disruptedPods && name in budget.status.disruptedPods) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) kept.add(info);
    }
  }
  return kept;
}

const startOf = ({ pod }: PodInfo) =>
  pod.status?.startTime ? timeMillis(pod.status.startTime) : Number.MAX_SAFE_INTEGER;

/** Higher priority first, then who runs longer. */
function byImportance(one: PodInfo, two: PodInfo): number {
  return two.priority - one.priority || startOf(one) - startOf(two);
}

function costsOf(victims: readonly PodInfo[], violations: number): readonly number[] {
  const highest = victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  // Shifted so that pods of negative priority also cost something.
  const sum = victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  const starts = victims.filter(({ priority }) => priority === highest).map(startOf);
  return [violations, highest, sum, victims.length, -Math.min(...starts)];
}

/** Fewest broken budgets, lowest priorities, fewest pods, youngest pods (as upstream). */
function cheapest(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) if (!best || isLess(candidate.costs, best.costs)) best = candidate;
  return best;
}

function isLess(one: readonly number[], two: readonly number[]): boolean {
  for (let index = 0; index < one.length; index++) {
    if (one[index]! !== two[index]!) return one[index]! < two[index]!;
  }
  return false;
}
