import type { Pod } from "../../api/generated/core-v1.ts";
import type { ClusterState, NodeInfo } from "./cluster-state.ts";

/** What may make a pod fit that did not fit before. */
export type ClusterEvent =
  | "Node/add"
  | "Node/labels"
  | "Node/taints"
  | "Node/allocatable"
  | "Node/unschedulable"
  | "AssignedPod/add"
  | "AssignedPod/labels"
  | "AssignedPod/delete"
  | "Pod/update"
  | "Volume/change";

/** Why a pod cannot go to a node (or anywhere). Plain data: events, conditions and `why` are made from it. */
export interface Rejection {
  /** Upstream's texts, one for each thing that is wrong. */
  readonly reasons: readonly string[];
  /** False when evicting other pods of the node could not change it. */
  readonly preemptionHelps: boolean;
  /** For readers that want to know more than the text says. */
  readonly detail?: unknown;
}

/** The node is fine as far as this plugin can see. */
export const fits = undefined;
export type Verdict = Rejection | typeof fits;

/** A rejection with one reason or several. */
export function reject(
  reason: string | readonly string[],
  options: { readonly preemptionHelps?: boolean; readonly detail?: unknown } = {},
): Rejection {
  return {
    reasons: typeof reason === "string" ? [reason] : reason,
    preemptionHelps: options.preemptionHelps ?? true,
    ...(options.detail === undefined ? {} : { detail: options.detail }),
  };
}

/** What `prepare` found out about a pod, before any node is looked at. */
export type Prepared<State> =
  /** Nothing to check: the plugin's filter (or score) is left out for this pod. */
  | { readonly kind: "skip" }
  | {
      readonly kind: "ready";
      readonly state: State /** Only these nodes can do, where the plugin knows. */;
      readonly nodes?: ReadonlySet<string>;
    }
  | { readonly kind: "rejected"; readonly rejection: Rejection };

export const skip = { kind: "skip" } as const;

export function ready<State>(state: State, nodes?: ReadonlySet<string>): Prepared<State> {
  return nodes ? { kind: "ready", state, nodes } : { kind: "ready", state };
}

/** One rule of placement. Pure: it reads the pod, the node and its own state, and answers. */
export interface Plugin<State = unknown> {
  readonly name: string;
  /** Events after which a pod that this plugin rejected is tried again. */
  readonly retryOn: readonly ClusterEvent[];
  /** A rejection keeps the pod out of the queue until it is updated. */
  readonly preEnqueue?: (pod: Pod) => Verdict;
  /** Once per pod, before filters. Without it the filter gets no state. */
  readonly prepareFilter?: (pod: Pod, cluster: ClusterState) => Prepared<State>;
  readonly filter?: (pod: Pod, node: NodeInfo, state: State) => Verdict;
  /** Once per pod, before scores, with the nodes that fit. */
  readonly prepareScore?: (pod: Pod, cluster: ClusterState, nodes: readonly NodeInfo[]) => Prepared<State>;
  /** Any number; `normalize` brings all of a pod's to 0..100. Without it the score is in that range already. */
  readonly score?: (pod: Pod, node: NodeInfo, state: State) => number;
  readonly normalize?: (scores: readonly number[]) => readonly number[];
}

/** Declares a plugin. */
export function definePlugin<State = undefined>(plugin: Plugin<State>): Plugin {
  return plugin as unknown as Plugin;
}

/** The most becomes 100. */
export function moreIsBetter(scores: readonly number[]): readonly number[] {
  const most = Math.max(0, ...scores);
  return most === 0 ? scores.map(() => 0) : scores.map((score) => Math.floor((score * 100) / most));
}

/** The most becomes 0, nothing becomes 100. */
export function fewerIsBetter(scores: readonly number[]): readonly number[] {
  const most = Math.max(0, ...scores);
  return most === 0 ? scores.map(() => 100) : scores.map((score) => 100 - Math.floor((score * 100) / most));
}
