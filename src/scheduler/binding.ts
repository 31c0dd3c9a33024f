import { Pod as PodKind } from "../api/core/pod.ts";
import type { Pod } from "../api/generated/core-v1.ts";
import type { Client } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import { keyOf } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { ClusterState } from "./framework/cluster-state.ts";
import {
  type FrameworkMeter,
  measured,
  measuredLater,
  noMeter,
  type Status,
  success,
  verdictStatus,
} from "./framework/meter.ts";
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
  readonly meter?: FrameworkMeter;
}

type Reserved =
  | { readonly kind: "reserved"; readonly holds: ReadonlyMap<string, number> }
  | { readonly kind: "rejected"; readonly plugin: string; readonly rejection: Rejection };

const reservedStatus = (reserved: Reserved): Status => {
  if (reserved.kind === "rejected") return verdictStatus(reserved.rejection);
  return reserved.holds.size > 0 ? "Wait" : "Success";
};
const noHolds: ReadonlyMap<string, number> = new Map();

/** Reserve and Permit: at once, before the next pod is looked at. Undo with `release` if the binding does not come about. */
export function reserve(step: Step, cluster: ClusterState, states: ReadonlyMap<string, unknown>): Reserved {
  const { meter = noMeter } = step;
  const reserved = measured(meter, "Reserve", () => takeResources(step, cluster, states), reservedStatus);
  if (reserved.kind === "rejected") return reserved;
  return measured(meter, "Permit", () => askPermission(step), reservedStatus);
}

function takeResources(
  { pod, node, profile }: Step,
  cluster: ClusterState,
  states: ReadonlyMap<string, unknown>,
): Reserved {
  const info = cluster.node(node);
  if (!info)
    return { kind: "rejected", plugin: "", rejection: reject(`node "${node}" is gone`, { preemptionHelps: false }) };
  for (const plugin of profile.reserve) {
    const rejection = plugin.reserve?.(pod, info, states.get(plugin.name));
    if (rejection) return { kind: "rejected", plugin: plugin.name, rejection };
  }
  return { kind: "reserved", holds: noHolds };
}

function askPermission({ pod, node, profile }: Step): Reserved {
  if (profile.permit.length === 0) return { kind: "reserved", holds: noHolds };
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
export function release({ pod, node, profile, meter = noMeter }: Step): void {
  const undo = () => {
    for (const plugin of profile.reserve.toReversed()) plugin.unreserve?.(pod, node);
  };
  measured(meter, "Unreserve", undo, success);
}

/** Waits for permission, lets plugins prepare, and binds. Never throws. */
export async function bind(
  { pod, node, profile, meter = noMeter }: Step,
  holds: ReadonlyMap<string, number>,
  waiting: WaitingPods,
  signal: AbortSignal,
  binder?: { bind(pod: Pod, node: string): Promise<void> },
): Promise<Binding> {
  const preBind = async (): Promise<Binding | undefined> => {
    for (const plugin of profile.preBind) {
      const rejection = await plugin.preBind!(pod, node, signal);
      if (rejection) return { kind: "rejected", plugin: plugin.name, rejection };
    }
    return undefined;
  };
  const bindBy = async (): Promise<boolean> => {
    if (binder) {
      await binder.bind(pod, node);
      return true;
    }
    for (const plugin of profile.bind) if (await plugin.bind!(pod, node)) return true;
    return false;
  };
  try {
    if (holds.size > 0) {
      const began = meter.now();
      const refused = await waiting.wait(pod.metadata.uid, holds);
      meter.held(refused ? "Unschedulable" : "Success", began);
      if (refused) return { kind: "rejected", ...refused };
    }
    const rejected = await measuredLater(meter, "PreBind", preBind, (said) =>
      said?.kind === "rejected" ? verdictStatus(said.rejection) : "Success",
    );
    if (rejected) return rejected;
    if (await measuredLater(meter, "Bind", bindBy, (bound) => (bound ? "Success" : "Skip"))) return { kind: "bound" };
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
