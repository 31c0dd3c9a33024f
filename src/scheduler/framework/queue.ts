import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { ClusterChange, RetryHint, RetryTable } from "./changes.ts";
import { Heap } from "./heap.ts";
import type { Queued, Rejection } from "./plugin.ts";
import { byPriority } from "./profile.ts";

/** Nothing waits for an event longer than this: a missed one must not lose a pod. */
const patience = 300_000;
const sweepEvery = 30_000;

/** Stands for a plugin where there was no node to ask one about. */
export const noNodes = "no nodes";
const noNodesHints: RetryTable = new Map([["Node/add", { on: "Node/add" }]]);

export interface QueuedPod extends Queued {
  readonly uid: string;
  /** Failed tries so far. */
  readonly attempts: number;
  /** The plugins that rejected it last; empty after an error, or before the first try. */
  readonly rejectedBy: ReadonlySet<string>;
  /** When it was last tried. */
  readonly tried: number;
  /** It is tried again only because it has waited so long: no change was told that seemed to help. */
  readonly swept: boolean;
}

/** Why a pod entered a part of the queue: a change of the cluster, or one of upstream's own reasons. */
export type Entrance =
  | ClusterChange["event"]
  | "Pod/add"
  | "ScheduleAttemptFailure"
  | "BackoffComplete"
  | "PopFromBackoffQ"
  | "UnschedulableTimeout"
  | "ForceActivate";

/** A pod that may not enter the queue, and who says so. */
export interface Gated {
  readonly entry: QueuedPod;
  readonly plugin: string;
  readonly rejection: Rejection;
}

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  /** Which goes first; by default higher priority, then age. */
  readonly compare?: (one: Queued, two: Queued) => number;
  /** Wait after the first failure in milliseconds; it doubles up to the longest. Upstream's: 1 s and 10 s. */
  readonly firstBackoff?: number;
  readonly longestBackoff?: number;
  /** Who keeps a pod out of the queue. */
  readonly gate?: (pod: Pod) => { readonly plugin: string; readonly rejection: Rejection } | undefined;
  /** What a plugin waits for; undefined for one that is not known, whose pods are tried after every change. */
  readonly hints?: (plugin: string) => RetryTable | undefined;
  /** Told of each pod that enters a part of the queue. */
  readonly entered?: (part: "active" | "backoff" | "unschedulable", why: Entrance) => void;
}

/**
 * Pods that want a node. Ready ones come in order. One that fits nowhere waits until something changes that its rejecting
 * plugins care for, and at least its back-off, unless there is nothing else to do (as upstream). One whose try failed by an
 * error backs off and comes again.
 */
export class SchedulingQueue implements Disposable {
  readonly #options: SchedulingQueueOptions;
  readonly #clock: Clock;
  readonly #ready: Heap<QueuedPod>;
  readonly #backingOff: Heap<QueuedPod>;
  /** By the names of who rejected them, so that a change is held against each set of plugins once. */
  readonly #waiting = new Map<string, Map<string, QueuedPod>>();
  readonly #groupOf = new Map<string, string>();
  readonly #gated = new Map<string, Gated>();
  #taker: ((entry: QueuedPod | undefined) => void) | undefined;
  #timer: { readonly due: number; readonly handle: Disposable } | undefined;
  #sweep: Disposable | undefined;
  #closed = false;

  constructor(options: SchedulingQueueOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const key = ({ uid }: QueuedPod) => uid;
    this.#ready = new Heap(key, options.compare ?? byPriority);
    this.#backingOff = new Heap(key, (one, two) => this.#due(one) - this.#due(two));
    this.#armSweep();
  }

  get size(): {
    readonly ready: number;
    readonly backingOff: number;
    readonly waiting: number;
    readonly gated: number;
  } {
    return {
      ready: this.#ready.size,
      backingOff: this.#backingOff.size,
      waiting: this.#groupOf.size,
      gated: this.#gated.size,
    };
  }

  /** Pods that wait for something, and the plugins that rejected them or keep them out. */
  *rejections(): Iterable<{ readonly pod: Pod; readonly plugins: Iterable<string> }> {
    for (const members of this.#waiting.values())
      for (const { pod, rejectedBy } of members.values()) yield { pod, plugins: rejectedBy };
    for (const { pod, rejectedBy } of this.#backingOff.values()) yield { pod, plugins: rejectedBy };
    for (const { entry, plugin } of this.#gated.values()) yield { pod: entry.pod, plugins: [plugin] };
  }

  gatedBy(uid: string): Gated | undefined {
    return this.#gated.get(uid);
  }

  /** A pod that is new. */
  add(pod: Pod): void {
    const { uid } = pod.metadata;
    const known = this.#drop(uid);
    const now = this.#clock.monotonic();
    const entry: QueuedPod = {
      pod,
      uid,
      priority: pod.spec.priority ?? 0,
      attempts: known?.attempts ?? 0,
      arrived: known?.arrived ?? now,
      rejectedBy: new Set(),
      tried: known?.tried ?? Number.NEGATIVE_INFINITY,
      swept: false,
    };
    this.#enter(entry, "Pod/add");
  }

  /** The pod's newer form: one that waits is tried again where its rejecting plugins say that the change may help. */
  update(pod: Pod, previous: Pod): void {
    const { uid } = pod.metadata;
    const gated = this.#gated.get(uid);
    if (gated) {
      this.#gated.delete(uid);
      this.#enter({ ...gated.entry, pod }, "Pod/update");
      return;
    }
    const change = { event: "Pod/update", pod, previousPod: previous } as const;
    const ready = this.#ready.get(uid);
    if (ready) this.#ready.renew({ ...ready, pod });
    const backing = this.#backingOff.get(uid);
    if (backing) this.#backingOff.renew({ ...backing, pod });
    const group = this.#groupOf.get(uid);
    if (group === undefined) return;
    const entry = { ...this.#waiting.get(group)!.get(uid)!, pod };
    this.#waiting.get(group)!.set(uid, entry);
    // What is told of the refusal itself, and all else of the status, changes nothing about where the pod fits.
    if (asksAlike(pod, previous)) return;
    const hints = this.#hintsFor(entry.rejectedBy, change.event);
    if (hints && mayHelp(hints, pod, change)) this.#wake(entry, change.event);
  }

  has(uid: string): boolean {
    return (
      this.#ready.get(uid) !== undefined ||
      this.#backingOff.get(uid) !== undefined ||
      this.#groupOf.has(uid) ||
      this.#gated.has(uid)
    );
  }

  remove(uid: string): void {
    this.#drop(uid);
  }

  /** The next pod without waiting, if there is one: a ready one, else the one that has backed off longest. */
  poll(): QueuedPod | undefined {
    return this.#ready.pop() ?? this.#early();
  }

  /** The next pod; undefined once closed. One caller at a time. */
  take(): Promise<QueuedPod | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const entry = this.poll();
    if (entry) return Promise.resolve(entry);
    return new Promise((resolve) => {
      this.#taker = resolve;
    });
  }

  /** The pod fits nowhere for now, by these plugins; it waits for a change. */
  reject(entry: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    if (rejectedBy.size === 0) {
      this.fail(entry);
      return;
    }
    const next = this.#tried(entry, rejectedBy);
    const group = [...rejectedBy].sort().join("|");
    const members = this.#waiting.get(group) ?? new Map<string, QueuedPod>();
    members.set(next.uid, next);
    this.#waiting.set(group, members);
    this.#groupOf.set(next.uid, group);
    this.#options.entered?.("unschedulable", "ScheduleAttemptFailure");
  }

  /** Plugins rejected it late, so that a change may have been missed: it only backs off. */
  retry(entry: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    this.#backOff(this.#tried(entry, rejectedBy), "ScheduleAttemptFailure");
  }

  /** The try failed for no fault of the pod's; it comes again after its back-off. */
  fail(entry: QueuedPod): void {
    this.#backOff(this.#tried(entry, new Set()), "ScheduleAttemptFailure");
  }

  /** Something changed: every waiting pod that it may help is tried again. */
  changed(change: ClusterChange): void {
    for (const members of [...this.#waiting.values()]) {
      const [first] = members.values();
      if (!first) continue;
      const hints = this.#hintsFor(first.rejectedBy, change.event);
      if (!hints) continue;
      for (const entry of [...members.values()]) if (mayHelp(hints, entry.pod, change)) this.#wake(entry, change.event);
    }
    for (const { entry, plugin } of [...this.#gated.values()]) {
      const hints = this.#hintsFor(new Set([plugin]), change.event);
      if (!hints || !mayHelp(hints, entry.pod, change)) continue;
      this.#gated.delete(entry.uid);
      this.#enter(entry, change.event);
    }
  }

  /** A waiting pod is tried again, whatever it waits for. */
  activate(uid: string): void {
    const entry = this.#drop(uid);
    if (entry) this.#enter(entry, "ForceActivate");
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#sweep?.[Symbol.dispose]();
    this.#timer?.handle[Symbol.dispose]();
    this.#taker?.(undefined);
  }

  #tried(entry: QueuedPod, rejectedBy: ReadonlySet<string>): QueuedPod {
    return { ...entry, attempts: entry.attempts + 1, rejectedBy, tried: this.#clock.monotonic(), swept: false };
  }

  #hintsFor(plugins: ReadonlySet<string>, event: ClusterChange["event"]): readonly RetryHint[] | undefined {
    const found: RetryHint[] = [];
    for (const plugin of plugins) {
      const table = plugin === noNodes ? noNodesHints : this.#options.hints?.(plugin);
      const hint = table ? table.get(event) : { on: event };
      if (hint) found.push(hint);
    }
    return found.length > 0 ? found : undefined;
  }

  #enter(entry: QueuedPod, why: Entrance): void {
    const gate = this.#options.gate?.(entry.pod);
    if (gate) {
      this.#gated.set(entry.uid, { entry, ...gate });
      this.#options.entered?.("unschedulable", why);
    } else this.#offer(entry, why);
  }

  #wake(entry: QueuedPod, why: Entrance): void {
    this.#leaveWaiting(entry.uid);
    this.#backOff(entry, why);
  }

  #offer(entry: QueuedPod, why: Entrance): void {
    if (this.#closed) return;
    this.#ready.push(entry);
    this.#options.entered?.("active", why);
    this.#hand();
  }

  #hand(): void {
    const taker = this.#taker;
    if (!taker) return;
    const next = this.poll();
    if (!next) return;
    this.#taker = undefined;
    taker(next);
  }

  /** What backs off after a rejection is tried early when nobody else wants to; what failed by an error is not. */
  #early(): QueuedPod | undefined {
    const entry = this.#rejectedFirst();
    if (!entry) return undefined;
    this.#options.entered?.("active", "PopFromBackoffQ");
    return this.#backingOff.remove(entry.uid);
  }

  #rejectedFirst(): QueuedPod | undefined {
    const first = this.#backingOff.peek();
    if (!first || first.rejectedBy.size > 0) return first;
    for (const entry of this.#backingOff.values()) if (entry.rejectedBy.size > 0) return entry;
    return undefined;
  }

  #due({ tried, attempts }: QueuedPod): number {
    const { firstBackoff = 1000, longestBackoff = 10_000 } = this.#options;
    return tried + Math.min(longestBackoff, firstBackoff * 2 ** Math.max(0, attempts - 1));
  }

  #backOff(entry: QueuedPod, why: Entrance): void {
    if (this.#due(entry) <= this.#clock.monotonic()) {
      this.#offer(entry, why);
      return;
    }
    this.#backingOff.push(entry);
    this.#options.entered?.("backoff", why);
    if (this.#taker) this.#hand();
    this.#armTimer();
  }

  #armTimer(): void {
    const first = this.#backingOff.peek();
    if (!first || this.#closed) return;
    const due = this.#due(first);
    if (this.#timer && this.#timer.due <= due) return;
    this.#timer?.handle[Symbol.dispose]();
    const handle = this.#clock.after(Math.max(0, due - this.#clock.monotonic()), () => {
      this.#timer = undefined;
      const now = this.#clock.monotonic();
      for (let next = this.#backingOff.peek(); next && this.#due(next) <= now; next = this.#backingOff.peek()) {
        this.#backingOff.pop();
        this.#offer(next, "BackoffComplete");
      }
      this.#armTimer();
    });
    this.#timer = { due, handle };
  }

  #leaveWaiting(uid: string): QueuedPod | undefined {
    const group = this.#groupOf.get(uid);
    if (group === undefined) return undefined;
    this.#groupOf.delete(uid);
    const members = this.#waiting.get(group)!;
    const entry = members.get(uid);
    members.delete(uid);
    if (members.size === 0) this.#waiting.delete(group);
    return entry;
  }

  #drop(uid: string): QueuedPod | undefined {
    const waiting = this.#leaveWaiting(uid);
    const gated = this.#gated.get(uid)?.entry;
    this.#gated.delete(uid);
    return this.#ready.remove(uid) ?? this.#backingOff.remove(uid) ?? waiting ?? gated;
  }

  #armSweep(): void {
    this.#sweep = this.#clock.after(sweepEvery, () => {
      const now = this.#clock.monotonic();
      for (const members of [...this.#waiting.values()])
        for (const entry of [...members.values()])
          if (now - entry.tried >= patience) this.#wake({ ...entry, swept: true }, "UnschedulableTimeout");
      if (!this.#closed) this.#armSweep();
    });
  }
}

/** Two forms of a pod that want the same. */
function asksAlike(one: Pod, two: Pod): boolean {
  if (one.spec !== two.spec && !isEqual(one.spec, two.spec)) return false;
  const [{ labels, annotations }, other] = [one.metadata, two.metadata];
  return isEqual(labels, other.labels) && isEqual(annotations, other.annotations);
}

function mayHelp(hints: readonly RetryHint[], pod: Pod, change: ClusterChange): boolean {
  return hints.some(({ helps }) => !helps || helps(pod, change));
}
