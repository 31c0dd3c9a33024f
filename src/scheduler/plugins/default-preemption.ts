import type { Pod } from "../../api/generated/core-v1.ts";
import type { PodDisruptionBudget } from "../../api/generated/policy-v1.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { timeMillis } from "../../machinery/times.ts";
import { availability } from "../framework/explain.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { definePlugin, type Rescue, type RescueContext } from "../framework/plugin.ts";
import { type PodInfo, podInfo } from "../framework/pod-info.ts";

export interface DefaultPreemptionArgs {
  /** At least this share of the nodes, in percent, and this number is tried before the best is taken. */
  readonly minCandidateNodesPercentage?: number;
  readonly minCandidateNodesAbsolute?: number;
}

/** Disruption budgets of a namespace. */
export type BudgetsOf = (namespace: string) => readonly PodDisruptionBudget[];

/** A node with the pods that would have to go, the most important first. */
interface Candidate {
  readonly node: string;
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget would keep. */
  readonly violations: number;
}

const notHelpful = "Preemption is not helpful for scheduling";
const nobodyToEvict = "No preemption victims found for incoming pod";

/** Makes room for a pod by pods of lower priority: as few and as unimportant ones as will do. */
export function defaultPreemption(budgetsOf: BudgetsOf, args: DefaultPreemptionArgs = {}) {
  return definePlugin({
    name: "DefaultPreemption",
    retryOn: [],
    rescue(pod, context): Rescue {
      const ineligible = notEligible(pod, context);
      if (ineligible) return none(ineligible);
      const total = context.cluster.nodes.length;
      const possible = context.rejections.filter(({ rejection }) => rejection.preemptionHelps);
      const counts = new Map<string, number>();
      const others = total - possible.length;
      if (others > 0) counts.set(notHelpful, others);
      if (possible.length === 0) return { ...none(availability(total, counts)), clearNomination: true };

      const { minCandidateNodesPercentage = 10, minCandidateNodesAbsolute = 100 } = args;
      const share = Math.floor((possible.length * minCandidateNodesPercentage) / 100);
      const enough = Math.min(possible.length, Math.max(share, minCandidateNodesAbsolute));
      const offset = Math.floor(context.random() * possible.length);
      const candidates: Candidate[] = [];
      let free = 0;
      for (let looked = 0; looked < possible.length; looked++) {
        const node = context.cluster.node(possible[(offset + looked) % possible.length]!.node);
        if (!node) continue;
        const result = tryNode(pod, node, context, budgetsOf);
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

/** Who has to go from a node, or why that does not help (reasons by line). */
function tryNode(pod: Pod, node: NodeInfo, context: RescueContext, budgetsOf: BudgetsOf): Candidate | string {
  const { priority } = podInfo(pod);
  const lower = [...node.pods.values()].filter((other) => other.priority < priority);
  if (lower.length === 0) return nobodyToEvict;
  lower.sort(byImportance);
  const gone = new Set(lower);
  const kept = protectedByBudgets(lower, budgetsOf);
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
  return { node: node.name, victims, violations: victims.filter((each) => kept.has(each)).length };
}

/** Pods that, gone one after the other, exceed what a budget allows. */
function protectedByBudgets(pods: readonly PodInfo[], budgetsOf: BudgetsOf): ReadonlySet<PodInfo> {
  const left = new Map<PodDisruptionBudget, number>();
  const kept = new Set<PodInfo>();
  for (const info of pods) {
    const { namespace, name, labels } = info.pod.metadata;
    if (!labels || Object.keys(labels).length === 0) continue;
    for (const budget of budgetsOf(namespace)) {
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

/** Numbers to compare candidates by, one after the other; less is better. */
function costs({ victims, violations }: Candidate): readonly number[] {
  const highest = victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  // Shifted so that pods of negative priority also cost something.
  const sum = victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  const starts = victims.filter(({ priority }) => priority === highest).map(startOf);
  return [violations, highest, sum, victims.length, -Math.min(...starts)];
}

/** Fewest broken budgets, lowest priorities, fewest pods, youngest pods (as upstream). */
function cheapest(candidates: readonly Candidate[]): Candidate | undefined {
  let best: { readonly candidate: Candidate; readonly cost: readonly number[] } | undefined;
  for (const candidate of candidates) {
    const cost = costs(candidate);
    if (!best || isLess(cost, best.cost)) best = { candidate, cost };
  }
  return best?.candidate;
}

function isLess(one: readonly number[], two: readonly number[]): boolean {
  for (let index = 0; index < one.length; index++) {
    if (one[index]! !== two[index]!) return one[index]! < two[index]!;
  }
  return false;
}
