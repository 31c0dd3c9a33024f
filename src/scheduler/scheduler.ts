import { Pod as PodKind } from "../api/core/pod.ts";
import type { Pod } from "../api/generated/core-v1.ts";
import type { Client, Informers } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/event-recorder.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { keyOf, keyText, type ObjectKey } from "../machinery/object.ts";
import { bind, placeOf, release, reserve } from "./binding.ts";
import { feedCluster, openClusterState } from "./cluster-feed.ts";
import { profilesOf, type SchedulerConfiguration, withIgnoredResources } from "./configuration.ts";
import { decideWithExtenders } from "./extenders/decide-with-extenders.ts";
import { Extender } from "./extenders/extender.ts";
import { postJson } from "./extenders/post-json.ts";
import { type RetryTable, retryTable } from "./framework/changes.ts";
import type { ClusterState } from "./framework/cluster-state.ts";
import { type DecideOptions, decide, type NoPlace, type Placement } from "./framework/decide.ts";
import { DecisionLog, type RecordedDecision } from "./framework/decision-log.ts";
import { explain } from "./framework/explain.ts";
import { type FrameworkMeter, measured, success, verdictStatus } from "./framework/meter.ts";
import { Nominations } from "./framework/nominations.ts";
import { podInfo, renewedPodInfo } from "./framework/pod-info.ts";
import { type Profile, pluginsOf } from "./framework/profile.ts";
import { noNodes, type QueuedPod, SchedulingQueue } from "./framework/queue.ts";
import { timedProfile } from "./framework/timed-profile.ts";
import { WaitingPods } from "./framework/waiting-pods.ts";
import type { PluginFactory } from "./plugins/default-plugins.ts";
import { evict, giveUpNomination, noteRefusal } from "./refusal.ts";
import { schedulerMetrics, watchScheduler } from "./scheduler-metrics.ts";
import { explainPod, type PodExplanation } from "./why.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Profiles, extenders and back-off; by default one profile for `default-scheduler`. */
  readonly configuration?: SchedulerConfiguration;
  /** Plugins of the user's, which the configuration names. */
  readonly plugins?: Readonly<Record<string, PluginFactory>>;
}

/** Places pods on nodes until disposed. */
export interface Scheduler extends AsyncDisposable {
  /** What was decided about a pod lately, newest first; empty for pods of long ago. */
  decisionsOf(pod: ObjectKey): readonly RecordedDecision[];
  /** What every plugin says about a pod and every node now, what would make it fit, and what was decided lately. */
  why(pod: Pod): PodExplanation;
  /** Pods that are held before they are bound; a plugin's owner allows or rejects them. */
  readonly waitingPods: WaitingPods;
}

/** Binds under way at a time; more only wait for each other at the server. */
const maxBinds = 256;
/** Decisions between two looks at the rest of the process. */
const turn = 32;

/** Of so many attempts one has its plugins' calls timed. */
const timedEvery = 10;

/** A profile, the same with its plugins' calls timed, and who is told of both. */
interface MeteredProfile {
  readonly plain: Profile;
  readonly timed: Profile;
  readonly meter: FrameworkMeter & Disposable;
}

/** Places pods on nodes until disposed. Resolves when it knows the cluster. */
export async function openScheduler(options: SchedulerOptions): Promise<Scheduler> {
  const scheduler = new RunningScheduler(options);
  await scheduler.start();
  return scheduler;
}

class RunningScheduler implements Scheduler {
  readonly waitingPods: WaitingPods;
  readonly #options: SchedulerOptions;
  readonly #profiles: ReadonlyMap<string, MeteredProfile>;
  readonly #extenders: readonly Extender[];
  readonly #recorders = new Map<string, EventRecorder>();
  readonly #cluster: ClusterState;
  readonly #queue: SchedulingQueue;
  readonly #nominations = new Nominations();
  /** Victims that were told to go and do not show it yet, by uid. */
  readonly #evicted = new Map<string, ObjectKey>();
  readonly #decisions = new DecisionLog();
  readonly #metrics;
  readonly #gauges: Disposable;
  readonly #running = new Set<Promise<void>>();
  #binding = 0;
  #attempts = 0;
  readonly #stop = new AbortController();
  #feed: Disposable | undefined;
  #start = 0;
  #loop: Promise<void> | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { clock, informers } = options;
    this.waitingPods = new WaitingPods(clock);
    this.#cluster = openClusterState(informers);
    const { configuration = {} } = options;
    this.#extenders = (configuration.extenders ?? []).map((each) => new Extender(each, postJson(each)));
    const profiles = profilesOf(withIgnoredResources(configuration), options, options.plugins);
    const now = () => clock.monotonic();
    this.#metrics = schedulerMetrics(options.metrics, now);
    const metered = (plain: Profile): MeteredProfile => ({
      plain,
      timed: timedProfile(plain, now, this.#metrics.plugin),
      meter: this.#metrics.profile(plain.schedulerName),
    });
    this.#profiles = new Map(Array.from(profiles, ([name, profile]) => [name, metered(profile)]));
    const hints = new Map<string, RetryTable>();
    for (const profile of profiles.values()) {
      for (const plugin of pluginsOf(profile)) hints.set(plugin.name, retryTable(plugin.retryOn));
      const source = { component: profile.schedulerName };
      this.#recorders.set(profile.schedulerName, createEventRecorder({ ...options, source }));
    }
    const [first] = profiles.values();
    this.#queue = new SchedulingQueue({
      clock,
      compare: first!.compare,
      firstBackoff: (configuration.podInitialBackoffSeconds ?? 1) * 1000,
      longestBackoff: (configuration.podMaxBackoffSeconds ?? 10) * 1000,
      hints: (plugin) => hints.get(plugin),
      gate: (pod) => this.#gate(pod),
      entered: this.#metrics.entered,
    });
    const state = { queue: this.#queue, cluster: this.#cluster, binding: () => this.#binding };
    this.#gauges = watchScheduler(options.metrics, state);
  }

  async start(): Promise<void> {
    const { informers } = this.#options;
    // Asking for a feed's kinds before waiting lets all of them be listed at once.
    this.#feed = feedCluster({
      informers,
      cluster: this.#cluster,
      queue: this.#queue,
      nominations: this.#nominations,
      isOurs: (name) => this.#profiles.has(name ?? "default-scheduler"),
      now: () => this.#options.clock.monotonic(),
      handled: this.#metrics.handled,
    });
    await informers.synced();
    this.#loop = this.#run();
  }

  decisionsOf(pod: ObjectKey): readonly RecordedDecision[] {
    return this.#decisions.of(pod);
  }

  why(pod: Pod): PodExplanation {
    return explainPod(pod, this.#profileOf(pod).plain, this.#cluster, {
      ...this.#decideOptions(),
      now: this.#options.clock.now(),
      history: this.decisionsOf(keyOf(pod)),
      gate: this.#gateOf(pod),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#queue[Symbol.dispose]();
    this.#gauges[Symbol.dispose]();
    this.#feed?.[Symbol.dispose]();
    await this.#loop;
    this.waitingPods.rejectAll({ reasons: ["the scheduler ends"], preemptionHelps: false });
    await Promise.allSettled(this.#running);
    for (const { meter } of this.#profiles.values()) meter[Symbol.dispose]();
    await Promise.all([...this.#recorders.values()].map((recorder) => recorder.flush()));
  }

  #profileOf(pod: Pod): MeteredProfile {
    const [first] = this.#profiles.values();
    return this.#profiles.get(pod.spec.schedulerName ?? "default-scheduler") ?? first!;
  }

  #gate(pod: Pod) {
    const { meter } = this.#profileOf(pod);
    return measured(
      meter,
      "PreEnqueue",
      () => this.#gateOf(pod),
      (gate) => verdictStatus(gate?.rejection),
    );
  }

  #gateOf(pod: Pod) {
    for (const plugin of this.#profileOf(pod).plain.preEnqueue) {
      const rejection = plugin.preEnqueue!(pod);
      if (rejection) return { plugin: plugin.name, rejection };
    }
    return undefined;
  }

  async #run(): Promise<void> {
    let decided = 0;
    while (!this.#stop.signal.aborted) {
      const entry = this.#queue.poll() ?? (await this.#queue.take());
      if (!entry) return;
      const extenders = this.#extenders.filter((extender) => extender.concerns(entry.pod));
      if (extenders.length > 0) await this.#attemptWith(entry, extenders);
      else this.#attempt(entry);
      if (this.#running.size >= maxBinds) await Promise.race(this.#running);
      else if (++decided % turn === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #attempt(entry: QueuedPod): void {
    const { profile, meter } = this.#next(entry.pod);
    const began = this.#options.clock.monotonic();
    try {
      const outcome = decide(entry.pod, profile, this.#cluster, { ...this.#decideOptions(), meter });
      this.#carryOut(entry, { profile, meter, began }, outcome);
    } catch (error) {
      this.#undecided(entry, profile, error, began);
    }
  }

  async #attemptWith(entry: QueuedPod, extenders: readonly Extender[]): Promise<void> {
    const { clock, log } = this.#options;
    const { profile, meter } = this.#next(entry.pod);
    const began = clock.monotonic();
    try {
      const options = { ...this.#decideOptions(), meter, warn: (text: string) => log.warn(text) };
      const outcome = await decideWithExtenders(entry.pod, profile, this.#cluster, extenders, options);
      const binder = extenders.find(({ binds }) => binds);
      this.#carryOut(entry, { profile, meter, began, binder }, outcome);
    } catch (error) {
      this.#undecided(entry, profile, error, began);
    }
  }

  /** What the next attempt is made with. */
  #next(pod: Pod): Pick<Attempt, "profile" | "meter"> {
    const { plain, timed, meter } = this.#profileOf(pod);
    return { profile: this.#attempts++ % timedEvery === 0 ? timed : plain, meter };
  }

  #decideOptions(): DecideOptions {
    const { random } = this.#options;
    return { random: () => random.next(), start: this.#start, nominations: this.#nominations };
  }

  #carryOut(entry: QueuedPod, attempt: Attempt, { decision, search, looked }: ReturnType<typeof decide>): void {
    const { clock } = this.#options;
    const { profile, began } = attempt;
    const { length } = this.#cluster.nodes;
    if (length > 0) this.#start = (this.#start + looked) % length;
    this.#decisions.record(entry.pod, profile.schedulerName, decision, clock.now());
    if (decision.placed) {
      this.#metrics.chose(began);
      this.#place(entry, attempt, decision, search.states);
      return;
    }
    if (decision.rescue) this.#metrics.preempting();
    this.#refuse(entry, profile, decision);
    this.#metrics.attempt(profile.schedulerName, "unschedulable", began);
  }

  #undecided(entry: QueuedPod, profile: Profile, error: unknown, began: number): void {
    const { log } = this.#options;
    log.error(`cannot decide about pod ${keyText(keyOf(entry.pod))}: ${errorMessage(error)}`, { error });
    this.#queue.fail(entry);
    this.#note(entry, profile, errorMessage(error), "SchedulerError");
    this.#metrics.attempt(profile.schedulerName, "error", began);
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  #place(entry: QueuedPod, attempt: Attempt, { node }: Placement, states: ReadonlyMap<string, unknown>): void {
    const { pod } = entry;
    const { profile, meter } = attempt;
    const step = { pod, node, profile, meter };
    const reserved = reserve(step, this.#cluster, states);
    if (reserved.kind === "rejected") {
      release(step);
      this.#turnedDown(entry, attempt, reserved);
      return;
    }
    this.#cluster.assume(pod, node);
    this.#nominations.remove(pod.metadata.uid);
    this.#binding += 1;
    this.#track(this.#bind(entry, attempt, node, reserved.holds).finally(() => this.#binding--));
  }

  async #bind(entry: QueuedPod, attempt: Attempt, node: string, holds: ReadonlyMap<string, number>): Promise<void> {
    const { pod, uid } = entry;
    const { name, namespace } = pod.metadata;
    const { profile, meter, began, binder } = attempt;
    const step = { pod, node, profile, meter };
    const end = await bind(step, holds, this.waitingPods, this.#stop.signal, binder);
    const { client, clock, log } = this.#options;
    // A binding that failed may have taken effect all the same, and then the pod holds its place.
    const place = end.kind === "failed" ? await placeOf(pod, client, clock, this.#stop.signal) : undefined;
    if (end.kind === "bound" || place?.node === node) {
      const tellBound = () => {
        for (const plugin of profile.postBind) plugin.postBind!(pod, node);
      };
      measured(meter, "PostBind", tellBound, success);
      this.#metrics.attempt(profile.schedulerName, "scheduled", began);
      this.#metrics.bound(entry);
      const text = `Successfully assigned ${namespace}/${name} to ${node}`;
      this.#recorders.get(profile.schedulerName)?.record(pod, "Normal", "Scheduled", text);
      return;
    }
    const freed = this.#cluster.node(node);
    release(step);
    this.#cluster.forget(uid);
    const awaiting = this.#nominations.on(node);
    this.#queue.changed({ event: "AssignedPod/delete", pod, ...(freed ? { place: freed, awaiting } : {}) });
    if (end.kind === "rejected") {
      this.#turnedDown(entry, attempt, end);
      return;
    }
    this.#metrics.attempt(profile.schedulerName, "error", began);
    // Deleted, or bound elsewhere by somebody else: the informer says what becomes of it.
    if (place?.gone || place?.node) return;
    log.warn(`cannot bind pod ${namespace}/${name} to ${node}: ${errorMessage(end.error)}`);
    this.#again(entry);
    this.#note(entry, profile, `binding rejected: ${errorMessage(end.error)}`, "SchedulerError");
  }

  /** A plugin said no after the node was chosen. */
  #turnedDown(
    entry: QueuedPod,
    { profile, began }: Attempt,
    { plugin, rejection }: { readonly plugin: string; readonly rejection: { readonly reasons: readonly string[] } },
  ): void {
    this.#again(entry, plugin ? new Set([plugin]) : undefined);
    this.#note(entry, profile, rejection.reasons.join(", "), "Unschedulable");
    this.#metrics.attempt(profile.schedulerName, "unschedulable", began);
  }

  /** The pod as it is now goes back to the queue, unless it is gone. */
  #again(entry: QueuedPod, rejectedBy?: ReadonlySet<string>): void {
    if (this.#stop.signal.aborted) return;
    const current = this.#options.informers.of(PodKind).get(keyOf(entry.pod));
    if (current?.metadata.uid !== entry.uid || current.spec.nodeName || current.metadata.deletionTimestamp) return;
    // Whatever happened while it was being bound may have helped it, so it only backs off.
    if (rejectedBy) this.#queue.retry({ ...entry, pod: current }, rejectedBy);
    else this.#queue.fail({ ...entry, pod: current });
  }

  #note(entry: QueuedPod, profile: Profile, message: string, reason: "Unschedulable" | "SchedulerError"): void {
    const events = this.#recorders.get(profile.schedulerName)!;
    events.record(entry.pod, "Warning", "FailedScheduling", message);
    this.#track(noteRefusal(entry.pod, { reason, message }, { ...this.#options, events }));
  }

  #refuse(entry: QueuedPod, profile: Profile, decision: NoPlace): void {
    const { pod } = entry;
    const events = this.#recorders.get(profile.schedulerName)!;
    const tools = { ...this.#options, events };
    const message = explain(decision);
    const { rescue } = decision;
    const nominated = rescue?.kind === "preempt" ? rescue.node : rescue?.clearNomination ? "" : undefined;
    const info = podInfo(pod);
    // It waits for its own victims from now on, though the API learns of it a moment later.
    const waiting = rescue?.kind === "preempt" ? renewedPodInfo(nominatedFor(pod, rescue.node), info).pod : pod;
    this.#queue.reject({ ...entry, pod: waiting }, blamed(decision));
    events.record(pod, "Warning", "FailedScheduling", message);
    if (nominated === "") this.#nominations.remove(pod.metadata.uid);
    this.#track(noteRefusal(pod, { reason: "Unschedulable", message, nominated }, tools));
    if (rescue?.kind !== "preempt") return;
    this.#metrics.preempted(rescue.victims.length);
    // Who waits for the same node and comes behind this pod has to look elsewhere.
    for (const other of this.#nominations.on(rescue.node)) {
      if (other.priority >= info.priority) continue;
      this.#nominations.remove(other.uid);
      this.#track(giveUpNomination(other.pod, tools));
      this.#queue.activate(other.uid);
    }
    this.#nominations.set(info, rescue.node);
    const began = this.#options.clock.monotonic();
    const told = rescue.victims.map((victim) => {
      this.waitingPods.reject(victim.metadata.uid, { reasons: ["preempted"], preemptionHelps: false });
      return this.#evict(victim, pod, rescue.node, profile.schedulerName, tools);
    });
    this.#track(Promise.all(told).then((all) => this.#metrics.evicted(all.every(Boolean), began)));
  }

  /** A pod may be decided about again before its victims show that they go: each is told once. */
  async #evict(victim: Pod, ...rest: Tail<Parameters<typeof evict>>): Promise<boolean> {
    const pods = this.#options.informers.of(PodKind);
    for (const [uid, key] of this.#evicted) {
      const known = pods.get(key)?.metadata;
      if (known?.uid !== uid || known.deletionTimestamp) this.#evicted.delete(uid);
    }
    const { uid } = victim.metadata;
    if (this.#evicted.has(uid)) return true;
    this.#evicted.set(uid, keyOf(victim));
    const told = await evict(victim, ...rest);
    if (!told) this.#evicted.delete(uid);
    return told;
  }
}

/** One try to place a pod. */
interface Attempt {
  readonly profile: Profile;
  readonly meter: FrameworkMeter;
  readonly began: number;
  /** The extender that binds instead of the profile's plugins. */
  readonly binder?: Extender | undefined;
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

const nominatedFor = (pod: Pod, node: string): Pod => ({ ...pod, status: { ...pod.status, nominatedNodeName: node } });

/** The plugins on which it depends whether the pod is tried again. */
function blamed(decision: NoPlace): ReadonlySet<string> {
  if (decision.total === 0) return new Set([noNodes]);
  const plugins = new Set(decision.refusals.map(({ plugin }) => plugin));
  if (decision.refused) plugins.add(decision.refused.plugin);
  if (plugins.size === 0) plugins.add(noNodes);
  return plugins;
}
