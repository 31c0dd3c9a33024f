import { podTotal } from "../../api/core/pod-totals.ts";
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
  /** A resize that waited was granted because others made room. */
  readonly onGranted: (uid: string) => void;
  /** What pods were granted has changed. */
  readonly onChanged?: () => void;
}

const names = ["cpu", "memory", "ephemeral-storage"] as const;
type Name = (typeof names)[number];

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

  /** Takes in a pod that has not begun; says why not if there is no room. */
  admit(pod: Pod): Refusal | undefined {
    const used = this.#held.size;
    const { pods } = this.#options.allocatable;
    const short =
      used + 1 > pods
        ? shortage("pods", 1, used, pods)
        : names.flatMap((name) => this.#shortageOf(pod, name) ?? []).at(0);
    if (!short) this.#hold(pod);
    return short;
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
    return short ? { reason: "Deferred", message: short.message } : undefined;
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

  #shortageOf(pod: Pod, name: Name): Refusal | undefined {
    const requested = amountOf(pod, name);
    if (requested === 0) return undefined;
    let used = 0;
    for (const [uid, held] of this.#held) if (uid !== pod.metadata.uid) used += amountOf(held, name);
    const capacity = this.#capacity(name);
    return used + requested > capacity ? shortage(name, requested, used, capacity) : undefined;
  }

  #capacity(name: Name): number {
    const { cpu, memory, ephemeralStorage } = this.#options.allocatable;
    return name === "cpu" ? cpu * 1000 : name === "memory" ? memory : ephemeralStorage;
  }
}

function shortage(name: string, requested: number, used: number, capacity: number): Refusal {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${amounts}` };
}

const rank = (pod: Pod) => (qosClassOf(pod.spec) === "Guaranteed" ? 0 : 1);

/** What a pod asks for, its overhead included: CPU in thousandths of a core, else bytes. */
function amountOf({ spec }: Pod, name: Name): number {
  const of = name === "cpu" ? milliValue : quantityValue;
  const amounts = [podTotal(spec, "requests")[name], (spec.overhead as Record<string, string> | undefined)?.[name]];
  return amounts.reduce<number>((total, amount) => total + (amount === undefined ? 0 : of(amount)), 0);
}
