import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import type { PodCondition } from "../api/generated/core-v1.ts";
import type { Client, Informers } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/event-recorder.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { isEqual } from "../machinery/equality.ts";
import { keyOf } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import { ClusterState } from "./framework/cluster-state.ts";
import { type Decision, decide, explain, type WeightedPlugin } from "./framework/decide.ts";
import type { ClusterEvent } from "./framework/plugin.ts";
import { type QueuedPod, SchedulingQueue } from "./framework/queue.ts";
import { defaultPlugins } from "./plugins/default-plugins.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The `schedulerName` of the pods it serves. */
  readonly name?: string;
  readonly plugins?: readonly WeightedPlugin[];
}

/** Binds under way at a time; more only wait for each other at the server. */
const maxBinds = 256;
/** Decisions between two looks at the rest of the process. */
const turn = 32;

/** Places pods on nodes until disposed. Resolves when it knows the cluster. */
export async function openScheduler(options: SchedulerOptions): Promise<AsyncDisposable> {
  const scheduler = new Scheduler(options);
  await scheduler.start();
  return scheduler;
}

class Scheduler implements AsyncDisposable {
  readonly #options: SchedulerOptions;
  readonly #name: string;
  readonly #plugins: readonly WeightedPlugin[];
  readonly #retryOn: ReadonlyMap<string, ReadonlySet<ClusterEvent>>;
  readonly #cluster = new ClusterState();
  readonly #queue: SchedulingQueue;
  readonly #events: EventRecorder;
  readonly #subscriptions: Disposable[] = [];
  readonly #binds = new Set<Promise<void>>();
  readonly #attempts;
  readonly #latency;
  #start = 0;
  #loop: Promise<void> | undefined;
  #closed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#name = options.name ?? "default-scheduler";
    this.#plugins = options.plugins ?? defaultPlugins(options.informers);
    this.#retryOn = new Map(this.#plugins.map(({ plugin }) => [plugin.name, new Set(plugin.retryOn)]));
    this.#queue = new SchedulingQueue(options.clock);
    this.#events = createEventRecorder({ ...options, source: { component: this.#name } });
    this.#attempts = options.metrics.counter("scheduler_schedule_attempts_total", "Tries to place a pod, by result.", [
      "result",
      "profile",
    ]);
    this.#latency = options.metrics.histogram(
      "scheduler_scheduling_attempt_duration_seconds",
      "Seconds from taking a pod to its decision.",
      ["result", "profile"],
    );
  }

  async start(): Promise<void> {
    const { informers } = this.#options;
    const nodes = informers.of(Node);
    const pods = informers.of(Pod);
    await informers.synced();
    this.#subscriptions.push(
      nodes.on({
        added: (node) => {
          this.#cluster.setNode(node);
          this.#tell("Node/add");
        },
        updated: (next, previous) => this.#nodeChanged(next, previous),
        deleted: ({ metadata }) => this.#cluster.removeNode(metadata.name),
      }),
      pods.on({
        added: (pod) => this.#podChanged(pod, undefined),
        updated: (pod, previous) => this.#podChanged(pod, previous),
        deleted: (pod) => this.#podGone(pod),
      }),
    );
    this.#loop = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#queue[Symbol.dispose]();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await this.#loop;
    await Promise.allSettled(this.#binds);
    await this.#events.flush();
  }

  #tell(event: ClusterEvent): void {
    this.#queue.changed((rejectedBy) =>
      [...rejectedBy].some((plugin) => this.#retryOn.get(plugin)?.has(event) ?? true),
    );
  }

  #nodeChanged(next: Node, previous: Node): void {
    this.#cluster.setNode(next);
    if (!isEqual(next.metadata.labels, previous.metadata.labels)) this.#tell("Node/labels");
    if (!isEqual(next.spec.taints, previous.spec.taints)) this.#tell("Node/taints");
    if (next.spec.unschedulable !== previous.spec.unschedulable) this.#tell("Node/unschedulable");
    if (!isEqual(next.status?.allocatable, previous.status?.allocatable)) this.#tell("Node/allocatable");
  }

  #podChanged(pod: Pod, previous: Pod | undefined): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const finished = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    if (pod.spec.nodeName) {
      this.#queue.remove(uid);
      if (finished) {
        this.#cluster.removePod(uid);
        if (previous && previous.status?.phase !== pod.status?.phase) this.#tell("AssignedPod/delete");
        return;
      }
      this.#cluster.setPod(pod);
      if (!previous?.spec.nodeName) this.#tell("AssignedPod/add");
      else if (!isEqual(previous.metadata.labels, pod.metadata.labels)) this.#tell("AssignedPod/labels");
      return;
    }
    if (pod.spec.schedulerName !== this.#name) return;
    if (finished || deletionTimestamp || this.#heldBack(pod)) {
      this.#queue.remove(uid);
      return;
    }
    if (this.#cluster.isAssumed(uid)) return;
    // Our own note that it does not fit is no reason to try again.
    const same = previous && isEqual(pod.spec, previous.spec) && isEqual(pod.metadata.labels, previous.metadata.labels);
    if (same && !this.#heldBack(previous)) this.#queue.refresh(pod);
    else this.#queue.add(pod);
  }

  #heldBack(pod: Pod): boolean {
    return this.#plugins.some(({ plugin }) => plugin.preEnqueue?.(pod) !== undefined);
  }

  #podGone(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#queue.remove(uid);
    this.#cluster.removePod(uid);
    if (pod.spec.nodeName) this.#tell("AssignedPod/delete");
  }

  async #run(): Promise<void> {
    let decided = 0;
    while (!this.#closed) {
      const entry = this.#queue.poll() ?? (await this.#queue.take());
      if (!entry) return;
      this.#attempt(entry);
      if (this.#binds.size >= maxBinds) await Promise.race(this.#binds);
      else if (++decided % turn === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #attempt(entry: QueuedPod): void {
    const { clock, random, log } = this.#options;
    const began = clock.monotonic();
    let result = "error";
    try {
      const decision = decide(entry.pod, this.#cluster, this.#plugins, { random, start: this.#start });
      this.#start = this.#cluster.nodes.length > 0 ? (this.#start + decision.looked) % this.#cluster.nodes.length : 0;
      result = decision.placed ? "scheduled" : "unschedulable";
      if (decision.placed) this.#place(entry, decision.node);
      else this.#track(this.#refuse(entry, decision));
    } catch (error) {
      log.error(
        `cannot decide about pod ${entry.pod.metadata.namespace}/${entry.pod.metadata.name}: ${errorMessage(error)}`,
        { error },
      );
      this.#queue.reject(entry, new Set());
    } finally {
      this.#attempts.inc({ result, profile: this.#name });
      this.#latency.observe({ result, profile: this.#name }, (clock.monotonic() - began) / 1000);
    }
  }

  #place(entry: QueuedPod, node: string): void {
    this.#cluster.assume(entry.pod, node);
    this.#track(this.#bind(entry, node));
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#binds.delete(tracked));
    this.#binds.add(tracked);
  }

  async #bind(entry: QueuedPod, node: string): Promise<void> {
    const { client, log } = this.#options;
    const { pod, uid } = entry;
    const { name, namespace } = pod.metadata;
    try {
      await client.createSubresource(Pod, keyOf(pod), "binding", {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: node },
      });
      this.#queue.done(uid);
      this.#events.record(pod, "Normal", "Scheduled", `Successfully assigned ${namespace}/${name} to ${node}`);
    } catch (error) {
      this.#cluster.forget(uid);
      this.#tell("AssignedPod/delete");
      // Deleted, or bound by somebody else: its next change says what it is now.
      if (isStatus(error, "NotFound", "Conflict")) {
        this.#queue.done(uid);
        return;
      }
      log.warn(`cannot bind pod ${namespace}/${name} to ${node}: ${errorMessage(error)}`);
      this.#queue.reject(entry, new Set());
    }
  }

  async #refuse(entry: QueuedPod, decision: Extract<Decision, { placed: false }>): Promise<void> {
    const { client, clock, log } = this.#options;
    const { pod } = entry;
    const message = explain(decision);
    const rejectedBy = new Set([
      ...decision.rejections.map(({ plugin }) => plugin),
      ...(decision.refused ? [decision.refused.plugin] : []),
    ]);
    // Without any node there is no plugin to blame, and any new node may do.
    this.#queue.reject(entry, decision.total === 0 ? new Set(["nodes"]) : rejectedBy);
    this.#events.record(pod, "Warning", "FailedScheduling", message);
    const known = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled");
    if (known?.status === "False" && known.reason === "Unschedulable" && known.message === message) return;
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    const condition: PodCondition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastTransitionTime: known?.status === "False" ? (known.lastTransitionTime ?? now) : now,
    };
    try {
      await client.patch(
        Pod,
        keyOf(pod),
        { type: "strategic", body: { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } } },
        { subresource: "status" },
      );
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict"))
        log.warn(
          `cannot note that pod ${pod.metadata.namespace}/${pod.metadata.name} fits nowhere: ${errorMessage(error)}`,
        );
    }
  }
}
