import { Lease } from "../../api/coordination/lease.ts";
import { isNodeReady, Node, nodeCondition } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { isPodReady } from "../../api/core/pod-state.ts";
import { errorMessage } from "../../lib/fault.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";
import { declared, defineLoop, type ReconcileContext } from "../framework/controller.ts";
import { changeTaints } from "../framework/taints.ts";
import { evictingTaints, withEvictingTaint } from "./condition-taints.ts";
import { type Health, heard, isSilent, type Patience, unknownConditions } from "./health.ts";
import { zoneMetrics } from "./zone-metrics.ts";
import { evictionRate, Throttle, type ZoneState, zoneOf, zoneStateOf } from "./zones.ts";

const leaseNamespace = "kube-node-lease";
export const podsByNode = "node";
export const nodeNameOf = (pod: KubeObject): readonly string[] => {
  const { nodeName } = (pod as unknown as Pod).spec ?? {};
  return nodeName ? [nodeName] : [];
};

export interface MonitorOptions extends Patience {
  /** Milliseconds between two looks at all nodes. */
  readonly period: number;
}

/** Upstream's times: a look every 5 s, 50 s of silence, 60 s for a node that never reported. */
export const usualPatience: MonitorOptions = { period: 5_000, grace: 50_000, startupGrace: 60_000 };

/** Notices nodes that went silent, says so in their status, and has their pods evicted unless most nodes went at once. */
export function nodeMonitor(options: MonitorOptions = usualPatience) {
  return defineLoop({
    name: "nodelifecycle",
    serviceAccount: "node-controller",
    eventSource: "node-controller",
    meters: declared(zoneMetrics),
    reads: [Node, Pod, Lease] as readonly unknown[] as readonly KindRef<KubeObject>[],
    async run(context) {
      const monitor = new Monitor(options, context);
      while (!context.signal.aborted) {
        await monitor.look();
        await context.clock.sleep(options.period, context.signal).catch(() => {});
      }
    },
  });
}

interface Watched {
  readonly node: Node;
  readonly health: Health;
}

class Monitor {
  readonly #options: MonitorOptions;
  readonly #context: ReconcileContext;
  readonly #throttles = new Map<string, Throttle>();
  #watched = new Map<string, Watched>();
  #allLost = false;

  constructor(options: MonitorOptions, context: ReconcileContext) {
    this.#options = options;
    this.#context = context;
    context.cache.informer(Pod).index(podsByNode, (pod) => nodeNameOf(pod as unknown as KubeObject));
  }

  /** One look at every node. A node that could not be written about is left to the next look. */
  async look(): Promise<void> {
    const { cache, clock, log, metrics, signal } = this.#context;
    const meter = metrics.meter(zoneMetrics);
    const began = clock.monotonic();
    const watched = new Map<string, Watched>();
    for (const node of cache.list(Node)) {
      const { name, uid } = node.metadata;
      const before = this.#watched.get(name);
      const same = before?.node.metadata.uid === uid ? before : undefined;
      if (!same) this.#tell(node, "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
      const lease = cache.get(Lease, { namespace: leaseNamespace, name });
      watched.set(name, { node, health: heard(same?.health, node, lease, this.#now()) });
    }
    for (const [name, { node }] of this.#watched) {
      if (!watched.has(name))
        this.#tell(node, "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
    }
    this.#watched = watched;
    for (const [name, { node, health }] of watched) {
      if (signal.aborted) return;
      const begun = clock.monotonic();
      try {
        const current = await this.#judge(node, health);
        watched.set(name, { node: current, health });
      } catch (error) {
        const level = isStatus(error, "Conflict", "NotFound") ? "debug" : "warn";
        log[level](`node ${name} could not be judged: ${errorMessage(error)}`);
      }
      meter.judged((clock.monotonic() - begun) / 1000);
    }
    meter.lookedAtAll((clock.monotonic() - began) / 1000);
    await this.#evict();
  }

  /** Writes down that a node is silent, and that its pods are therefore not ready. */
  async #judge(node: Node, health: Health): Promise<Node> {
    const { client } = this.#context;
    const now = this.#now();
    let current = node;
    const { name } = node.metadata;
    if (isSilent(health, node, this.#options, now)) {
      const conditions = unknownConditions(node, now);
      if (conditions !== node.status?.conditions) {
        current = await client.updateStatus(Node, { ...node, status: { ...node.status, conditions } });
        if (isNodeReady(node)) {
          this.#tell(node, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
        }
      }
    }
    // A kubelet that says itself that its node is not ready speaks for its pods too.
    if (nodeCondition(current, "Ready")?.status === "Unknown") await this.#markPods(name);
    return current;
  }

  /** Pods of a silent node must not get traffic, and nobody there can say so. */
  async #markPods(nodeName: string): Promise<void> {
    const { cache, client, events } = this.#context;
    const pods = cache.informer(Pod).by(podsByNode, nodeName).filter(isPodReady);
    for (const pod of pods) {
      const { uid } = pod.metadata;
      const condition = { type: "Ready", status: "False", lastTransitionTime: timeOf(this.#now()) };
      const body = { metadata: { uid }, status: { conditions: [condition] } };
      try {
        await client.patch(Pod, keyOf(pod), { type: "strategic", body }, { subresource: "status" });
      } catch (error) {
        if (isStatus(error, "NotFound", "Conflict")) continue;
        throw error;
      }
      events.record(pod, "Warning", "NodeNotReady", "Node is not ready");
    }
  }

  /** Taints the nodes whose pods are to go, no more per zone than its state allows. */
  async #evict(): Promise<void> {
    const now = this.#now();
    const zones = Map.groupBy([...this.#watched.values()], ({ node }) => zoneOf(node));
    const nodes = Array.from(zones, ([zone, members]) => [zone, members.map(({ node }) => node)] as const);
    this.#context.metrics.meter(zoneMetrics).zones(new Map(nodes));
    const states = new Map<string, ZoneState>();
    for (const [zone, members] of zones) states.set(zone, zoneStateOf(members.map(({ node }) => node)));
    const allLost = states.size > 0 && [...states.values()].every((state) => state === "FullDisruption");
    if (this.#allLost && !allLost) {
      // The watcher was cut off rather than the nodes: everyone gets a new chance to report.
      for (const [name, each] of this.#watched) {
        this.#watched.set(name, { ...each, health: { ...each.health, heardAt: now } });
      }
    }
    this.#allLost = allLost;
    for (const [zone, members] of zones) {
      const rate = evictionRate(states.get(zone) ?? "Normal", members.length);
      const throttle = this.#throttles.get(zone) ?? new Throttle(rate, now);
      this.#throttles.set(zone, throttle);
      throttle.set(rate, now);
      for (const { node } of members) await this.#taint(node, throttle, allLost);
    }
  }

  async #taint(node: Node, throttle: Throttle, allLost: boolean): Promise<void> {
    const { client, log, metrics } = this.#context;
    const now = this.#now();
    const taints = node.spec.taints ?? [];
    const wanted = allLost ? withEvictingTaint(taints, undefined, now) : evictingTaints(node, taints, now);
    if (wanted === taints) return;
    const evicts = (all: typeof taints) => all.some(({ effect }) => effect === "NoExecute");
    const begins = wanted.length > 0 && evicts(wanted) && withEvictingTaint(taints, undefined, now) === taints;
    // Only a node that begins to be emptied costs a permit; to be trusted again, or to be tainted otherwise, is free.
    if (begins && !throttle.take(now)) return;
    try {
      await changeTaints(client, node, (current) =>
        allLost ? withEvictingTaint(current, undefined, now) : evictingTaints(node, current, now),
      );
      if (begins) metrics.meter(zoneMetrics).evicted(zoneOf(node));
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict"))
        log.warn(`node ${node.metadata.name} not tainted: ${errorMessage(error)}`);
    }
  }

  #tell(node: Node, reason: string, message: string): void {
    this.#context.events.record(node, "Normal", reason, message);
  }

  #now(): number {
    return this.#context.clock.now();
  }
}
