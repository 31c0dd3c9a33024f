import type { Lease } from "../../api/coordination/lease.ts";
import { type Node, nodeCondition } from "../../api/core/node.ts";
import type { NodeCondition, NodeConditionType } from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";

/** When a node was last heard of, by the watcher's own clock: nodes' clocks are not trusted. Milliseconds. */
export interface Health {
  readonly heardAt: number;
  readonly heartbeat: string | undefined;
  readonly renewal: string | undefined;
}

export interface Patience {
  /** Silence after which a node that reported before counts as unreachable. */
  readonly grace: number;
  /** The same for a node that never reported, from its creation on. */
  readonly startupGrace: number;
}

/** What is known of a node after another look: a new heartbeat or a renewed lease is a sign of life. */
export function heard(known: Health | undefined, node: Node, lease: Lease | undefined, now: number): Health {
  const heartbeat = nodeCondition(node, "Ready")?.lastHeartbeatTime;
  const renewal = lease?.spec.renewTime;
  if (!known) {
    // A node that never reported gets its time from its creation; of any other nothing is known yet but that it is there.
    const heardAt = nodeCondition(node, "Ready") ? now : Date.parse(node.metadata.creationTimestamp);
    return { heardAt, heartbeat, renewal };
  }
  const alive = heartbeat !== known.heartbeat || renewal !== known.renewal;
  return alive ? { heardAt: now, heartbeat, renewal } : known;
}

export function isSilent(health: Health, node: Node, patience: Patience, now: number): boolean {
  const grace = nodeCondition(node, "Ready") ? patience.grace : patience.startupGrace;
  return now > health.heardAt + grace;
}

const watchedTypes: readonly NodeConditionType[] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** The conditions of a node that has gone silent: nothing is known any more. The same list if that is written already. */
export function unknownConditions(node: Node, now: number): readonly NodeCondition[] {
  const known = node.status?.conditions ?? [];
  const time = timeOf(now);
  const changed = known.map((condition): NodeCondition => {
    if (!watchedTypes.includes(condition.type) || condition.status === "Unknown") return condition;
    return {
      ...condition,
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: time,
    };
  });
  const missing = watchedTypes
    .filter((type) => !known.some((condition) => condition.type === type))
    .map(
      (type): NodeCondition => ({
        type,
        status: "Unknown",
        reason: "NodeStatusNeverUpdated",
        message: "Kubelet never posted node status.",
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: time,
      }),
    );
  const same = missing.length === 0 && changed.every((condition, index) => condition === known[index]);
  return same ? known : [...changed, ...missing];
}
