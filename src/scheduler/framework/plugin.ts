import type { Pod } from "../../api/generated/core-v1.ts";
import type { Retry } from "./changes.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { NodeInfo } from "./node-info.ts";

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
      readonly state: State;
      /** Only these nodes can do, where the plugin knows. */
      readonly nodes?: ReadonlySet<string>;
    }
  | { readonly kind: "rejected"; readonly rejection: Rejection };

export const skip = { kind: "skip" } as const;

export function ready<State>(state: State, nodes?: ReadonlySet<string>): Prepared<State> {
  return nodes ? { kind: "ready", state, nodes } : { kind: "ready", state };
}

/** What a plugin says when a pod fits nowhere. */
export type Rescue =
  /** Room can be made: these pods go, and the pod is nominated for their node. */
  | { readonly kind: "preempt"; readonly node: string; readonly victims: readonly Pod[] }
  /** Nothing to be done; `message` is added to the event's text, and a nomination is given up when `clearNomination`. */
  | { readonly kind: "none"; readonly message: string; readonly clearNomination?: boolean };

/** What a plugin that is asked for a rescue may use. */
export interface RescueContext {
  readonly cluster: ClusterState;
  /** Which nodes refused the pod, by reason; not all of them are such that evictions can change it. */
  readonly refusals: readonly Refusal[];
  /**
   * Equal for pods of one priority about which filters say the same wherever a node, its pods and those that wait for it are
   * the same; undefined when something else matters too.
   */
  readonly likeness: string | undefined;
  /** Stands for the other pods that wait for a node (`Nominations.stampFor`). */
  stampOf(node: NodeInfo): number | undefined;
  /** Whether the pod would fit on a node; `supposing` of the cluster holds while it is asked. */
  fitsOn(node: NodeInfo): Verdict;
  /** A number in [0, 1). */
  random(): number;
}

/** Why a node was refused, and by whom. */
export interface NodeRefusal {
  readonly plugin: string;
  readonly rejection: Rejection;
}

/** Nodes that one plugin refused for the same reasons. */
export interface Refusal extends NodeRefusal {
  readonly nodes: readonly string[];
}

/** A pod must wait before it is bound, at most so many milliseconds; somebody allows or rejects it meanwhile. */
export interface Hold {
  readonly waitMs: number;
}

/**
 * One rule of placement, by upstream's extension points. Up to `score` they are pure: they read the pod, the node and their
 * own state, and answer. One plugin may have any of them.
 */
export interface Plugin<State = unknown, ScoreState = unknown> {
  readonly name: string;
  /** When a pod that this plugin rejected is tried again. */
  readonly retryOn: readonly Retry[];
  /** QueueSort: below zero when the first goes first. One plugin of a configuration has it. */
  readonly compare?: (one: Queued, two: Queued) => number;
  /** PreEnqueue: a rejection keeps the pod out of the queue until it is updated. */
  readonly preEnqueue?: (pod: Pod) => Verdict;
  /** PreFilter: once per pod, before filters. Without it the filter gets no state. */
  readonly prepareFilter?: (pod: Pod, cluster: ClusterState) => Prepared<State>;
  /**
   * The state that `prepareFilter` made stays right, and so does its leaving the pod alone, while pods are supposed to come
   * or go. Without it the plugin is asked again at each supposition.
   */
  readonly stateHolds?: boolean;
  /**
   * Set when the filter looks at nothing but the node object and these parts of the pod: nodes that passed are then not
   * asked again for equal pods until a node changes. Undefined for a pod means that it cannot be told.
   */
  readonly staticKey?: (pod: Pod) => string | undefined;
  /**
   * Set when the filter looks at nothing but the node, the pods on it and these parts of the pod: nodes that it refused are
   * then not asked again for equal pods until they or their pods change.
   */
  readonly nodeKey?: (pod: Pod) => string | undefined;
  /** Filter. */
  readonly filter?: (pod: Pod, node: NodeInfo, state: State) => Verdict;
  /** PostFilter: when no node is left. */
  readonly rescue?: (pod: Pod, context: RescueContext) => Rescue;
  /** PreScore: once per pod, before scores, with the nodes that fit. */
  readonly prepareScore?: (pod: Pod, cluster: ClusterState, nodes: readonly NodeInfo[]) => Prepared<ScoreState>;
  /** Score: any number; `normalize` brings all of a pod's to 0..100. Without it the score is in that range already. */
  readonly score?: (pod: Pod, node: NodeInfo, state: ScoreState) => number;
  /** NormalizeScore: changes the list in place. `state` is what `score` got. */
  readonly normalize?: (scores: number[], state: ScoreState, nodes: readonly NodeInfo[]) => void;
  /** Reserve: the pod is about to go there; taken back by `unreserve` if a later step fails. */
  readonly reserve?: (pod: Pod, node: NodeInfo, state: State | undefined) => Verdict;
  readonly unreserve?: (pod: Pod, node: string) => void;
  /** Permit: nothing lets it go on. */
  readonly permit?: (pod: Pod, node: string) => Verdict | Hold;
  /** PreBind: whatever must be written before; a rejection sends the pod back to the queue. */
  readonly preBind?: (pod: Pod, node: string, signal: AbortSignal) => Promise<Verdict>;
  /** Bind: false leaves it to the next plugin. Throws when it fails. */
  readonly bind?: (pod: Pod, node: string) => Promise<boolean>;
  /** PostBind: it is done. */
  readonly postBind?: (pod: Pod, node: string) => void;
}

/** What an order of the queue may look at. */
export interface Queued {
  readonly pod: Pod;
  readonly priority: number;
  /** When it came, in monotonic milliseconds. */
  readonly arrived: number;
}

/** Declares a plugin. */
export function definePlugin<State = undefined, ScoreState = undefined>(plugin: Plugin<State, ScoreState>): Plugin {
  return plugin as unknown as Plugin;
}

/** The most becomes 100. */
export function moreIsBetter(scores: number[]): void {
  let most = 0;
  for (const score of scores) if (score > most) most = score;
  for (let index = 0; index < scores.length; index++)
    scores[index] = most === 0 ? 0 : Math.floor((scores[index]! * 100) / most);
}

/** The most becomes 0, nothing becomes 100. */
export function fewerIsBetter(scores: number[]): void {
  let most = 0;
  for (const score of scores) if (score > most) most = score;
  for (let index = 0; index < scores.length; index++)
    scores[index] = most === 0 ? 100 : 100 - Math.floor((scores[index]! * 100) / most);
}
