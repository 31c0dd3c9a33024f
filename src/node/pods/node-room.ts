import { type Amounts, podTotal } from "../../api/core/pod-totals.ts";
import { qosClassOf } from "../../api/core/qos.ts";
import type { Pod, PodQOSClass } from "../../api/generated/core-v1.ts";
import { milliValue, quantityValue } from "../../machinery/quantity.ts";
import type { NodeCapacity } from "../node-status.ts";
import { haveSameResources, withResourcesOf, withToldResources } from "./granted-resources.ts";

/** Why a pod is not given what it is declared to have. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** What the node has too little of for a pod: CPU in thousandths of a core, memory and disk in bytes, the rest in whole numbers. */
export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

/** What became of a pod's wish for other amounts. */
export interface Settlement {
  /** The pod with what it was granted. */
  readonly pod: Pod;
  /** Set while it waits (`Deferred`) or asks for what this node can never give (`Infeasible`). */
  readonly pending?: Refusal;
  /** Other amounts have been granted since the last time. */
  readonly granted: boolean;
}

export interface NodeRoomOptions {
  /** What the node has for pods. */
  readonly allocatable: NodeCapacity;
  /** Extended resources and huge pages that the node has for pods; what is not named does not count. None if absent. */
  readonly extended?: () => Amounts;
  /** A resize that waited was granted because others made room. */
  readonly onGranted: (uid: string) => void;
  /** What pods were granted has changed. */
  readonly onChanged?: () => void;
}

const names = ["cpu", "memory", "ephemeral-storage"] as const;

/** Keeps account of what this node's pods were granted, and decides who begins and who grows (Kubernetes documentation: resize CPU and memory). */
export class NodeRoom {
  readonly #options: NodeRoomOptions;
  /** Pods with what they were granted. */
  readonly #held = new Map<string, Pod>();
  /** Pods whose resize waits, the one that has waited longest first. */
  readonly #waiting = new Map<string, Pod>();
  readonly #news = new Set<string>();

  constructor(options: NodeRoomOptions) {
    this.#options = options;
  }

  /** The pods that have been taken in, with what they were granted. */
  get pods(): readonly Pod[] {
    return [...this.#held.values()];
  }

  /** What is missing for a pod that has not begun. */
  shortages(pod: Pod): readonly Shortage[] {
    const used = this.#held.size;
    const { pods } = this.#options.allocatable;
    const full = used + 1 > pods ? [{ resource: "pods", requested: 1, used, capacity: pods }] : [];
    const asked = [...names, ...Object.keys(this.#options.extended?.() ?? {})];
    return [...full, ...asked.flatMap((name) => this.#shortageOf(pod, name) ?? [])];
  }

  /** Takes in a pod that has not begun. */
  take(pod: Pod): void {
    this.#hold(pod);
  }

  /** Takes in a pod that has begun before, as its status says. */
  adopt(pod: Pod): void {
    this.#hold(withToldResources(pod));
  }

  /** The pod with what it was granted. */
  granted(pod: Pod): Pod {
    const held = this.#held.get(pod.metadata.uid);
    return held ? withResourcesOf(pod, held) : pod;
  }

  /** Grants what the pod is declared to have now if that can be. */
  settle(pod: Pod): Settlement {
    const { uid } = pod.metadata;
    if (!this.#held.has(uid)) this.adopt(pod);
    const before = this.#held.get(uid)!;
    if (haveSameResources(before, pod)) {
      this.#held.set(uid, pod);
      this.#waiting.delete(uid);
      return { pod, granted: this.#news.delete(uid) };
    }
    const pending = this.#resize(pod, before);
    const now = pending ? withResourcesOf(pod, before) : pod;
    this.#hold(now);
    if (pending?.reason === "Deferred") this.#waiting.set(uid, pod);
    else this.#waiting.delete(uid);
    if (!pending) this.#regrant();
    return { pod: now, granted: this.#news.delete(uid) || !pending, ...(pending ? { pending } : {}) };
  }

  /** Nothing of the pod runs any more. */
  release(uid: string): void {
    this.#waiting.delete(uid);
    this.#news.delete(uid);
    if (!this.#held.delete(uid)) return;
    this.#options.onChanged?.();
    this.#regrant();
  }

  /** Thousandths of a core that pods of a class were granted together. */
  cpuOf(qos: PodQOSClass): number {
    const pods = [...this.#held.values()].filter(({ spec }) => qosClassOf(spec) === qos);
    return pods.reduce((total, pod) => total + amountOf(pod, "cpu"), 0);
  }

  #hold(pod: Pod): void {
    this.#held.set(pod.metadata.uid, pod);
    this.#options.onChanged?.();
  }

  #resize(pod: Pod, before: Pod): Refusal | undefined {
    for (const name of ["memory", "cpu"] as const) {
      const [requested, capacity] = [amountOf(pod, name), this.#capacity(name)];
      if (requested <= capacity || requested <= amountOf(before, name)) continue;
      const message = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`;
      return { reason: "Infeasible", message };
    }
    const grown = names.filter((name) => amountOf(pod, name) > amountOf(before, name));
    const short = grown.flatMap((name) => this.#shortageOf(pod, name) ?? []).at(0);
    return short ? { reason: "Deferred", message: refusalFor(short).message } : undefined;
  }

  /** Grants what has waited and fits now: by priority, then guaranteed pods, then who has waited longest. */
  #regrant(): void {
    const order = [...this.#waiting.values()].sort(
      (one, other) => (other.spec.priority ?? 0) - (one.spec.priority ?? 0) || rank(one) - rank(other),
    );
    for (const pod of order) {
      const { uid } = pod.metadata;
      if (this.#resize(pod, this.#held.get(uid) ?? pod)) continue;
      this.#hold(pod);
      this.#waiting.delete(uid);
      this.#news.add(uid);
      this.#options.onGranted(uid);
    }
  }

  #shortageOf(pod: Pod, name: string): Shortage | undefined {
    const requested = amountOf(pod, name);
    if (requested === 0) return undefined;
    let used = 0;
    for (const [uid, held] of this.#held) if (uid !== pod.metadata.uid) used += amountOf(held, name);
    const capacity = this.#capacity(name);
    return used + requested > capacity ? { resource: name, requested, used, capacity } : undefined;
  }

  #capacity(name: string): number {
    const { cpu, memory, ephemeralStorage } = this.#options.allocatable;
    if (name === "cpu") return cpu * 1000;
    if (name === "memory") return memory;
    if (name === "ephemeral-storage") return ephemeralStorage;
    return quantityValue(this.#options.extended?.()[name] ?? "0");
  }
}

/** How a pod is told what is missing (as upstream). */
export function refusalFor({ resource, requested, used, capacity }: Shortage): Refusal {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, ${amounts}` };
}

const rank = (pod: Pod) => (qosClassOf(pod.spec) === "Guaranteed" ? 0 : 1);

/** What a pod takes of the node, its overhead included, in the units of `Shortage`. */
export function amountOf({ spec }: Pod, name: string): number {
  if (name === "pods") return 1;
  const of = name === "cpu" ? milliValue : quantityValue;
  const amounts = [podTotal(spec, "requests")[name], (spec.overhead as Amounts | undefined)?.[name]];
  return amounts.reduce<number>((total, amount) => total + (amount === undefined ? 0 : of(amount)), 0);
}
