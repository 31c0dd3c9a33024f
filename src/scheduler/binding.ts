import { Pod as PodKind } from "../api/core/pod.ts";
import type { Pod } from "../api/generated/core-v1.ts";
import type { Client } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import { keyOf } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { ClusterState } from "./framework/cluster-state.ts";
import { type Hold, type Rejection, reject } from "./framework/plugin.ts";
import type { Profile } from "./framework/profile.ts";
import type { WaitingPods } from "./framework/waiting-pods.ts";

/** How the way from a chosen node to a bound pod ended. */
export type Binding =
  | { readonly kind: "bound" }
  /** A plugin said no on the way. */
  | { readonly kind: "rejected"; readonly plugin: string; readonly rejection: Rejection }
  /** The API server, or a plugin, failed. */
  | { readonly kind: "failed"; readonly error: unknown };

interface Step {
  readonly pod: Pod;
  readonly node: string;
  readonly profile: Profile;
}

/** Reserve and Permit: at once, before the next pod is looked at. Undo with `release` if the binding does not come about. */
export function reserve(
  { pod, node, profile }: Step,
  cluster: ClusterState,
  states: ReadonlyMap<string, unknown>,
):
  | { readonly kind: "reserved"; readonly holds: ReadonlyMap<string, number> }
  | { readonly kind: "rejected"; readonly plugin: string; readonly rejection: Rejection } {
  const info = cluster.node(node);
  if (!info)
    return { kind: "rejected", plugin: "", rejection: reject(`node "${node}" is gone`, { preemptionHelps: false }) };
  for (const plugin of profile.reserve) {
    const rejection = plugin.reserve?.(pod, info, states.get(plugin.name));
    if (rejection) return { kind: "rejected", plugin: plugin.name, rejection };
  }
  const holds = new Map<string, number>();
  for (const plugin of profile.permit) {
    const answer = plugin.permit!(pod, node);
    if (!answer) continue;
    if (isHold(answer)) holds.set(plugin.name, answer.waitMs);
    else return { kind: "rejected", plugin: plugin.name, rejection: answer };
  }
  return { kind: "reserved", holds };
}

/** Unreserve, the last plugin first. */
export function release({ pod, node, profile }: Step): void {
  for (const plugin of profile.reserve.toReversed()) plugin.unreserve?.(pod, node);
}

/** Waits for permission, lets plugins prepare, and binds. Never throws. */
export async function bind(
  { pod, node, profile }: Step,
  holds: ReadonlyMap<string, number>,
  waiting: WaitingPods,
  signal: AbortSignal,
  binder?: { bind(pod: Pod, node: string): Promise<void> },
): Promise<Binding> {
  try {
    if (holds.size > 0) {
      const refused = await waiting.wait(pod.metadata.uid, holds);
      if (refused) return { kind: "rejected", ...refused };
    }
    for (const plugin of profile.preBind) {
      const rejection = await plugin.preBind!(pod, node, signal);
      if (rejection) return { kind: "rejected", plugin: plugin.name, rejection };
    }
    if (binder) {
      await binder.bind(pod, node);
      return { kind: "bound" };
    }
    for (const plugin of profile.bind) if (await plugin.bind!(pod, node)) return { kind: "bound" };
    return { kind: "failed", error: new Error("no plugin of the profile binds pods") };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** Between two questions to an API that does not answer. */
const askAgainMs = 1000;

/**
 * Where the API has a pod after a binding that failed: on a node, on none, or gone. Asks until it gets an answer, or the
 * signal is raised.
 */
export async function placeOf(
  pod: Pod,
  client: Pick<Client, "get">,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<{ readonly gone: boolean; readonly node: string | undefined }> {
  while (!signal.aborted) {
    try {
      const current = await client.get(PodKind, keyOf(pod), { signal });
      if (current.metadata.uid !== pod.metadata.uid) return { gone: true, node: undefined };
      return { gone: false, node: current.spec.nodeName };
    } catch (error) {
      if (isStatus(error, "NotFound")) return { gone: true, node: undefined };
      await clock.sleep(askAgainMs, signal).catch(() => {});
    }
  }
  return { gone: false, node: undefined };
}

const isHold = (answer: Rejection | Hold): answer is Hold => "waitMs" in answer;
