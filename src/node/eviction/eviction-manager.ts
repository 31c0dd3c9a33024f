import type { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import { qosClassOf } from "../../api/core/qos.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Counter, Metrics } from "../../lib/metrics.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type { Finished } from "../pods/status.ts";
import { assess, calm, isMet, type Observations, type PressureState } from "./assess.ts";
import { evictionMessage, hasStorageLimits, storageBreach } from "./messages.ts";
import { rankForEviction } from "./ranking.ts";
import { type PressureCondition, resourceOf, type Signal, type Threshold } from "./thresholds.ts";
import { type DiskPart, isCritical, type PodUsage } from "./usage.ts";

/** Reads what is left of the node and what its pods use. A call that fails is tried at the next look. */
export interface SignalSource {
  observe(): Promise<Observations>;
  /** Images and writable layers lie on a file system of their own. */
  hasImageFs(): Promise<boolean>;
  /** `disk` asks for logs and volumes too, whose files must be counted. */
  usageOf(pods: readonly Pod[], options: { readonly disk: boolean }): Promise<ReadonlyMap<string, PodUsage>>;
}

export interface EvictionOptions {
  readonly source: SignalSource;
  readonly thresholds: readonly Threshold[];
  /** How long a condition is told after it was last seen, in ms. */
  readonly transitionMs: number;
  /** The most that a pod gets to end when a soft threshold is met, in seconds. */
  readonly maxPodGraceSeconds: number;
  /** The node's pods. */
  readonly pods: () => readonly Pod[];
  /** Ends a pod; resolves when nothing of it runs any more, or after a while in any case. */
  readonly evict: (pod: Pod, sentence: Finished) => Promise<void>;
  /** Removes all containers that have ended and are not needed, then all images that nobody uses. */
  readonly reclaimDisk: () => Promise<void>;
  /** What events about the node name. */
  readonly node: KubeObject;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** How often the node is looked at, in ms (as upstream). */
const lookEvery = 10_000;
/** What a pod gets to end when there is no time to lose, in seconds (as upstream). */
const immediateGrace = 1;

/** Keeps a node from running out of memory, disk, inodes or processes, by ending pods in upstream's order, one per look. */
export class EvictionManager {
  readonly #options: EvictionOptions;
  readonly #evictions: Counter<"eviction_signal">;
  #state: PressureState = calm;
  #conditions: readonly PressureCondition[] = [];

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#evictions = options.metrics.counter("kubelet_evictions", "Pods evicted, by what was short", [
      "eviction_signal",
    ]);
  }

  /** The conditions that the node has now. */
  get conditions(): readonly PressureCondition[] {
    return this.#conditions;
  }

  /** Why a pod that has not begun must not begin now, if so. */
  admit(pod: Pod): { readonly reason: string; readonly message: string } | undefined {
    if (this.#conditions.length === 0 || isCritical(pod)) return undefined;
    const onlyMemory = this.#conditions.every((condition) => condition === "MemoryPressure");
    if (onlyMemory && (qosClassOf(pod.spec) !== "BestEffort" || toleratesMemoryPressure(pod))) return undefined;
    const message = `The node had condition: [${this.#conditions.join(" ")}]. `;
    return { reason: "Evicted", message };
  }

  /** Looks again and again, until aborted; at once after a pod had to go. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      const evicted = await this.look().catch((error) => log.warn(`eviction: ${errorMessage(error)}`));
      if (!evicted) await clock.sleep(lookEvery, signal).catch(() => {});
    }
  }

  /** One look: reads, and ends a pod if it must be. Resolves with whether one had to go. */
  async look(): Promise<boolean> {
    const { threshold, observations } = await this.observe();
    const active = this.#options.pods().filter((pod) => !isPodTerminal(pod) && !pod.metadata.deletionTimestamp);
    if (await this.#endBreakers(active)) return true;
    if (!threshold) return false;
    const { events, node, log } = this.#options;
    const resource = resourceOf(threshold.signal);
    events.record(node, "Warning", "EvictionThresholdMet", `Attempting to reclaim ${resource}`);
    if (await this.#reclaimed(threshold)) return false;
    return await this.#endOne(active, threshold, observations, () =>
      log.warn(`${threshold.signal} is short, and no pod can go`),
    );
  }

  /** Reads and takes note of the node's conditions; resolves with what must be done something about. */
  async observe(): Promise<{ readonly threshold: Threshold | undefined; readonly observations: Observations }> {
    const { source, thresholds, transitionMs, clock } = this.#options;
    const observations = await source.observe();
    const assessment = assess(this.#state, thresholds, observations, { now: clock.now(), transitionMs });
    this.#state = assessment.state;
    this.#conditions = assessment.conditions;
    return { threshold: assessment.reclaim, observations };
  }

  /** Ends pods that use more of the disk than they said themselves. */
  async #endBreakers(active: readonly Pod[]): Promise<boolean> {
    const limited = active.filter((pod) => hasStorageLimits(pod) && !isCritical(pod));
    if (limited.length === 0) return false;
    const usage = await this.#options.source.usageOf(limited, { disk: true });
    const ended = limited.map(async (pod) => {
      const own = usage.get(pod.metadata.uid);
      const breach = own && storageBreach(pod, own);
      if (!breach) return false;
      await this.#evict(pod, breach.signal, { phase: "Failed", reason: "Evicted", message: breach.message });
      return true;
    });
    return (await Promise.all(ended)).includes(true);
  }

  /** Wins back disk space without touching a pod; says whether that was enough. */
  async #reclaimed(threshold: Threshold): Promise<boolean> {
    const { source, reclaimDisk, log } = this.#options;
    const { signal } = threshold;
    const onImageFs = signal.startsWith("imagefs.") || !(await source.hasImageFs());
    if (signal === "memory.available" || signal === "pid.available" || !onImageFs) return false;
    await reclaimDisk().catch((error) => log.warn(`disk space not won back: ${errorMessage(error)}`));
    const observations = await source.observe();
    return !this.#state.open.some((each) => isMet(each, observations, { reclaiming: true }));
  }

  async #endOne(
    active: readonly Pod[],
    threshold: Threshold,
    observations: Observations,
    none: () => void,
  ): Promise<boolean> {
    const { source, maxPodGraceSeconds } = this.#options;
    const { signal } = threshold;
    const resource = resourceOf(signal);
    const disk = resource === "ephemeral-storage" || resource === "inodes";
    const parts = partsOn(signal, await source.hasImageFs());
    const usage = await source.usageOf(active, { disk });
    const candidates = active.map((pod) => ({ pod, usage: usage.get(pod.metadata.uid) }));
    const ranked = rankForEviction(candidates, resource, parts);
    const found = ranked.find(({ pod }) => !isCritical(pod));
    if (!found) {
      none();
      return false;
    }
    const { pod } = found;
    const message = evictionMessage(pod, found.usage, threshold, observations[signal]);
    const soft = Math.min(maxPodGraceSeconds, pod.spec.terminationGracePeriodSeconds ?? maxPodGraceSeconds);
    await this.#evict(pod, signal, {
      phase: "Failed",
      reason: "Evicted",
      message,
      graceSeconds: threshold.graceMs === 0 ? immediateGrace : soft,
      condition: { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message },
    });
    return true;
  }

  async #evict(pod: Pod, signal: string, sentence: Finished): Promise<void> {
    this.#evictions.inc({ eviction_signal: signal });
    this.#options.events.record(pod, "Warning", "Evicted", sentence.message ?? "");
    await this.#options.evict(pod, { graceSeconds: immediateGrace, ...sentence });
  }
}

/** Which of a pod's files lie on the file system that a signal is about. */
function partsOn(signal: Signal, hasImageFs: boolean): readonly DiskPart[] {
  if (!hasImageFs) return ["layers", "logs", "volumes"];
  return signal.startsWith("imagefs.") ? ["layers"] : ["logs", "volumes"];
}

function toleratesMemoryPressure({ spec }: Pod): boolean {
  return (spec.tolerations ?? []).some(
    ({ key, operator, effect }) =>
      (!effect || effect === "NoSchedule") &&
      (!key || key === "node.kubernetes.io/memory-pressure") &&
      (operator === "Exists" || Boolean(key)),
  );
}
