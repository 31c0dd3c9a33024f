import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";

/** Waits between tries of one pod: 1 s, doubling, at most 10 s (as upstream). */
const firstBackoff = 1000;
const longestBackoff = 10_000;
/** Nothing waits for an event longer than this: a missed one must not lose a pod. */
const patience = 300_000;

export interface QueuedPod {
  readonly pod: Pod;
  readonly uid: string;
  /** Failed tries so far. */
  attempts: number;
  /** When it came, in monotonic milliseconds; breaks ties of priority. */
  readonly arrived: number;
  /** The plugins that rejected it last. */
  rejectedBy: ReadonlySet<string>;
  /** When it was last tried. */
  tried: number;
}

/**
 * Pods that want a node. Ready ones come by priority, then age. One that fits nowhere waits until something changes that
 * its rejecting plugins care for, and at least its back-off.
 */
export class SchedulingQueue implements Disposable {
  readonly #clock: Clock;
  readonly #ready = new Heap();
  readonly #waiting = new Map<string, QueuedPod>();
  readonly #backingOff = new Map<string, { readonly entry: QueuedPod; readonly timer: Disposable }>();
  /** Changes since a pod was handed out, so that none is missed while it is being decided. */
  readonly #inFlight = new Map<string, Set<(plugins: ReadonlySet<string>) => boolean>>();
  #taker: ((entry: QueuedPod | undefined) => void) | undefined;
  #closed = false;
  readonly #sweep: { timer: Disposable | undefined } = { timer: undefined };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#armSweep();
  }

  get size(): { readonly ready: number; readonly backingOff: number; readonly waiting: number } {
    return { ready: this.#ready.size, backingOff: this.#backingOff.size, waiting: this.#waiting.size };
  }

  /** A pod that is new, or was changed in a way that may let it fit. */
  add(pod: Pod): void {
    const { uid } = pod.metadata;
    const known = this.#drop(uid);
    this.#offer({
      pod,
      uid,
      attempts: known?.attempts ?? 0,
      arrived: known?.arrived ?? this.#clock.monotonic(),
      rejectedBy: new Set(),
      tried: known?.tried ?? 0,
    });
  }

  /** The pod's newer form, where it makes no difference to whether it fits. */
  refresh(pod: Pod): void {
    const { uid } = pod.metadata;
    const ready = this.#ready.remove(uid);
    if (ready) this.#ready.push({ ...ready, pod });
    const waiting = this.#waiting.get(uid);
    if (waiting) this.#waiting.set(uid, { ...waiting, pod });
    const backing = this.#backingOff.get(uid);
    if (backing) this.#backingOff.set(uid, { ...backing, entry: { ...backing.entry, pod } });
  }

  remove(uid: string): void {
    this.#drop(uid);
  }

  /** The next ready pod without waiting, if there is one. */
  poll(): QueuedPod | undefined {
    const entry = this.#ready.pop();
    if (entry) this.#inFlight.set(entry.uid, new Set());
    return entry;
  }

  /** The next ready pod; undefined once closed. One caller at a time. */
  take(): Promise<QueuedPod | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const entry = this.poll();
    if (entry) return Promise.resolve(entry);
    return new Promise((resolve) => {
      this.#taker = resolve;
    });
  }

  /** The pod was placed (or is nobody's any more). */
  done(uid: string): void {
    this.#inFlight.delete(uid);
  }

  /** The pod fits nowhere for now; with no rejecting plugins (a fault) it only backs off. */
  reject(entry: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    const changes = this.#inFlight.get(entry.uid);
    this.#inFlight.delete(entry.uid);
    const next: QueuedPod = { ...entry, attempts: entry.attempts + 1, rejectedBy, tried: this.#clock.monotonic() };
    const missed = [...(changes ?? [])].some((concerns) => concerns(rejectedBy));
    if (missed || rejectedBy.size === 0) this.#backOff(next);
    else this.#waiting.set(next.uid, next);
  }

  /** Something changed: every waiting pod that it may help is tried again. */
  changed(concerns: (rejectedBy: ReadonlySet<string>) => boolean): void {
    for (const changes of this.#inFlight.values()) changes.add(concerns);
    for (const entry of [...this.#waiting.values()]) {
      if (!concerns(entry.rejectedBy)) continue;
      this.#waiting.delete(entry.uid);
      this.#backOff(entry);
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#sweep.timer?.[Symbol.dispose]();
    for (const { timer } of this.#backingOff.values()) timer[Symbol.dispose]();
    this.#backingOff.clear();
    this.#taker?.(undefined);
  }

  #offer(entry: QueuedPod): void {
    if (this.#closed) return;
    this.#ready.push(entry);
    const taker = this.#taker;
    if (!taker) return;
    this.#taker = undefined;
    taker(this.poll());
  }

  #backOff(entry: QueuedPod): void {
    const wait = Math.min(longestBackoff, firstBackoff * 2 ** Math.max(0, entry.attempts - 1));
    const left = entry.tried + wait - this.#clock.monotonic();
    if (left <= 0) {
      this.#offer(entry);
      return;
    }
    const timer = this.#clock.after(left, () => {
      const held = this.#backingOff.get(entry.uid);
      this.#backingOff.delete(entry.uid);
      if (held) this.#offer(held.entry);
    });
    this.#backingOff.set(entry.uid, { entry, timer });
  }

  #drop(uid: string): QueuedPod | undefined {
    const backing = this.#backingOff.get(uid);
    backing?.timer[Symbol.dispose]();
    this.#backingOff.delete(uid);
    const waiting = this.#waiting.get(uid);
    this.#waiting.delete(uid);
    return this.#ready.remove(uid) ?? waiting ?? backing?.entry;
  }

  #armSweep(): void {
    this.#sweep.timer = this.#clock.after(30_000, () => {
      const now = this.#clock.monotonic();
      for (const entry of [...this.#waiting.values()]) {
        if (now - entry.tried < patience) continue;
        this.#waiting.delete(entry.uid);
        this.#offer(entry);
      }
      if (!this.#closed) this.#armSweep();
    });
  }
}

/** A binary heap: higher priority first, then who came earlier. */
class Heap {
  readonly #entries: QueuedPod[] = [];
  readonly #live = new Map<string, QueuedPod>();

  get size(): number {
    return this.#live.size;
  }

  push(entry: QueuedPod): void {
    this.#live.set(entry.uid, entry);
    this.#entries.push(entry);
    let at = this.#entries.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(this.#entries[at]!, this.#entries[parent]!)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): QueuedPod | undefined {
    for (;;) {
      const top = this.#entries[0];
      if (!top) return undefined;
      const last = this.#entries.pop()!;
      if (this.#entries.length > 0) {
        this.#entries[0] = last;
        this.#sink();
      }
      // Removed entries stay in the heap until they come up.
      if (this.#live.get(top.uid) !== top) continue;
      this.#live.delete(top.uid);
      return top;
    }
  }

  remove(uid: string): QueuedPod | undefined {
    const entry = this.#live.get(uid);
    this.#live.delete(uid);
    return entry;
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      let least = at;
      if (left < this.#entries.length && before(this.#entries[left]!, this.#entries[least]!)) least = left;
      if (left + 1 < this.#entries.length && before(this.#entries[left + 1]!, this.#entries[least]!)) least = left + 1;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(one: number, two: number): void {
    const held = this.#entries[one]!;
    this.#entries[one] = this.#entries[two]!;
    this.#entries[two] = held;
  }
}

function before(one: QueuedPod, two: QueuedPod): boolean {
  const difference = (two.pod.spec.priority ?? 0) - (one.pod.spec.priority ?? 0);
  return difference < 0 || (difference === 0 && one.arrived < two.arrived);
}
