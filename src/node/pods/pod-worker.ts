import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import { backoffDelay } from "../../lib/backoff.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { podLogDirectory } from "../runtime/labels.ts";
import { stopContainers } from "./container-stopper.ts";
import { fieldPathOf } from "./containers.ts";
import { Ending } from "./ending.ts";
import { newest, type ObservedPod, observePod, readySandbox } from "./observed.ts";
import { finishedPhase } from "./plan.ts";
import type { PodServices } from "./pod-services.ts";
import { PodStarter } from "./pod-starter.ts";
import { qosOf } from "./qos.ts";
import { type Finished, podStatus } from "./status.ts";
import { StatusWriter } from "./status-writer.ts";
import { TerminationMessages } from "./termination-messages.ts";
import { tidy } from "./tidy.ts";

/** A look that failed is repeated after this long, doubling. */
const retry = { base: 500, factor: 2, max: 20_000 };
/** How long a node that shuts down waits for its last words to be heard. */
const lastWordsMs = 2000;

/**
 * Looks after one pod from its first sight to its end. One look at a time: it reads what there is, plans, acts and
 * reports; whatever happens meanwhile makes it look again.
 */
export class PodWorker {
  readonly uid: string;
  readonly #services: PodServices;
  readonly #onGone: () => void;
  readonly #starter: PodStarter;
  readonly #status: StatusWriter;
  readonly #messages: TerminationMessages;
  /** No more looks. */
  readonly #stop = new AbortController();
  /** Not even status reports. */
  readonly #closed = new AbortController();
  /** The pod shall end: what waits for its start need not any more. */
  readonly #deleted = new AbortController();
  #pod: Pod;
  /** The pod is not in the API any more. */
  #removed = false;
  #dirty = false;
  #running: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #failures = 0;
  #sentence: Finished | undefined;
  #ending: { readonly time: Ending; done: boolean } | undefined;
  /** A finished pod's part of the node was given back. */
  #cleaned = false;
  /** Nothing of the pod is left on the node. */
  #gone = false;
  #left = false;
  readonly #seenAt: number;
  /** The pod has not run yet, as long as this worker knows it. */
  #begins: boolean;
  /** The node has taken the pod in, or never will. */
  #decided: boolean;
  #looks = 0;
  /** Nothing of the pod runs any more. */
  readonly #over = Promise.withResolvers<void>();

  /** `onGone` is called when the pod is neither on the node nor in the API any more. */
  constructor(pod: Pod, services: PodServices, onGone: () => void) {
    const { pods, clock, log } = services;
    this.uid = pod.metadata.uid;
    this.#seenAt = clock.monotonic();
    this.#begins = !pod.status?.startTime;
    this.#decided = !this.#begins || isPodTerminal(pod);
    if (!this.#begins && !isPodTerminal(pod)) services.room.adopt(pod);
    services.meters.podSeen(pod.spec.containers.length);
    this.#pod = pod;
    this.#services = services;
    this.#onGone = onGone;
    this.#messages = new TerminationMessages(services.logFiles);
    this.#status = new StatusWriter({
      pods,
      clock,
      log,
      pod: () => this.#pod,
      stored: (stored) => this.#take(stored),
      changed: (changed) => this.update(changed),
      signal: this.#closed.signal,
      onTold: services.meters.statusTold,
    });
    this.#starter = new PodStarter(services, {
      signal: AbortSignal.any([this.#stop.signal, this.#deleted.signal]),
      report: (observed) => this.#report(observed),
    });
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The pod as the API has it now. */
  update(pod: Pod): void {
    if (this.#take(pod)) this.wake();
  }

  /** The API forgot the pod: whatever runs of it ends. */
  remove(): void {
    this.#removed = true;
    // As upstream: whoever comes next does not wait for the end of what nobody declares any more.
    this.#services.room.release(this.uid);
    this.#deleted.abort();
    this.wake();
  }

  /** Ends the pod for a reason of the node's own; it stays in the API as failed. */
  fail(sentence: Finished): void {
    this.#sentence ??= sentence;
    this.#deleted.abort();
    this.wake();
  }

  /** As `fail`; resolves when nothing of the pod runs any more and that was told, after `ms` in any case. */
  async end(sentence: Finished, ms: number): Promise<void> {
    this.fail(sentence);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _timer = this.#services.clock.after(ms, resolve);
    await Promise.race([late, this.#over.promise.then(() => this.#status.settled())]);
  }

  /** Something may have changed. */
  wake(): void {
    if (this.#gone) {
      this.#leave();
      return;
    }
    this.#dirty = true;
    if (!this.#stop.signal.aborted) this.#running ??= this.#loop();
  }

  /** Brings the pod's volumes up to date, once they are there. */
  async refreshVolumes(): Promise<void> {
    if (!this.#starter.mounted || this.#pod.metadata.deletionTimestamp || isPodTerminal(this.#pod)) return;
    await this.#services.volumes.refresh(this.#pod);
  }

  /**
   * Ends all of the pod's containers with their grace, and its sandbox. The pod stays in the API and its volumes on disk; a pod
   * whose containers have only one life is failed with that.
   */
  async shutDown(): Promise<void> {
    const { runtime, clock } = this.#services;
    this.#stop.abort();
    await this.#rest();
    const observed = await observePod(runtime, this.uid);
    using ending = new Ending(clock, this.#pod.spec.terminationGracePeriodSeconds ?? 30);
    await stopContainers(this.#pod, observed.containers, ending, this.#services);
    if (observed.containers.length > 0 && !this.#removed) {
      await this.#tellShutDown(await observePod(runtime, this.uid));
    }
    this.#closed.abort();
    await this.#dropSandboxes(observed);
    await this.#dropCgroup();
  }

  /** Stops looking after the pod; its containers go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#closed.abort();
    await this.#rest();
    await this.#status.settled();
  }

  async #rest(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#ending?.time[Symbol.dispose]();
    await this.#running;
  }

  /** Takes a pod that is newer than the known one; says whether it was. */
  #take(pod: Pod): boolean {
    // Our own status writes come back by the informer, sometimes after the next one.
    if (BigInt(pod.metadata.resourceVersion) <= BigInt(this.#pod.metadata.resourceVersion)) return false;
    const deleted = pod.metadata.deletionTimestamp && !this.#pod.metadata.deletionTimestamp;
    this.#pod = pod;
    if (deleted) {
      this.#deleted.abort();
      this.wake();
    }
    return true;
  }

  async #loop(): Promise<void> {
    const { log, clock } = this.#services;
    while (this.#dirty && !this.#stop.signal.aborted && !this.#gone) {
      this.#dirty = false;
      this.#timer?.[Symbol.dispose]();
      try {
        const again = await this.#timedLook();
        this.#failures = 0;
        if (again !== undefined) this.#timer = clock.after(Math.max(10, again), () => this.wake());
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        // What was under way was given up for the pod's end, which comes next.
        if (this.#deleted.signal.aborted && this.#dirty) continue;
        this.#failures += 1;
        const { namespace, name } = this.#pod.metadata;
        const fields = { error: faultCode(error) ? undefined : error };
        log.warn(`pod ${namespace}/${name}: ${errorMessage(error)}`, fields);
        this.#timer = clock.after(backoffDelay(retry, this.#failures), () => this.wake());
      }
    }
    // Set here, not after an await: who wakes from now on begins anew.
    this.#running = undefined;
    if (this.#gone) this.#leave();
  }

  #leave(): void {
    if (this.#removed && !this.#left) this.#onGone();
    this.#left ||= this.#removed;
  }

  async #timedLook(): Promise<number | undefined> {
    const { clock, meters } = this.#services;
    const began = clock.monotonic();
    if (this.#looks === 0) meters.workerStarted(began - this.#seenAt);
    const ends = this.#removed || this.#pod.metadata.deletionTimestamp !== undefined;
    const kind = ends ? "terminating" : this.#looks === 0 ? "create" : "sync";
    this.#looks += 1;
    try {
      return await this.#look();
    } finally {
      meters.looked(kind, clock.monotonic() - began);
    }
  }

  #tellFirstRun(pod: Pod, observed: ObservedPod): void {
    if (!this.#begins || !pod.spec.containers.every(({ name }) => newest(observed, name)?.state === "running")) return;
    const { clock, meters } = this.#services;
    this.#begins = false;
    meters.podRuns(clock.monotonic() - this.#seenAt);
    meters.podRunsSinceCreated(clock.now() - Date.parse(pod.metadata.creationTimestamp));
  }

  /** One look; returns after how many ms another is due at the latest. */
  async #look(): Promise<number | undefined> {
    if (!this.#decided && !this.#removed && !this.#pod.metadata.deletionTimestamp) await this.#admit();
    const observed = await observePod(this.#services.runtime, this.uid, this.#stop.signal);
    const pod = this.#pod;
    if (this.#removed || pod.metadata.deletionTimestamp) return await this.#terminate(pod, observed);
    const { deadline, finished } = this.#finished(pod, observed);
    if (finished) return await this.#finish(pod, observed, finished);

    const { observed: after, retryIn } = await this.#starter.carryOut(pod, observed);
    await this.#messages.learn(after, this.#folder);
    this.#tellFirstRun(pod, after);
    this.#report(after);
    await tidy(after, this.#folder, this.#services.runtime);
    if (finishedPhase(pod, after)) this.#dirty = true;
    const due = Math.min(retryIn ?? Number.POSITIVE_INFINITY, deadline);
    return Number.isFinite(due) ? due : undefined;
  }

  /** Asks whether the pod may begin here; one that may not has failed. */
  async #admit(): Promise<void> {
    const { admission, events } = this.#services;
    const refusal = await admission.admit(this.#pod, AbortSignal.any([this.#stop.signal, this.#deleted.signal]));
    this.#decided = true;
    if (!refusal) return;
    const { reason, message } = refusal;
    events.record(this.#pod, "Warning", reason, message);
    this.#sentence ??= { phase: "Failed", reason, message: `Pod was rejected: ${message}` };
  }

  get #folder(): string {
    return join(this.#services.podsFolder, this.uid);
  }

  /** How the pod has ended, if it has; and in how many ms its time is over. */
  #finished(pod: Pod, observed: ObservedPod): { readonly finished?: Finished; readonly deadline: number } {
    const { phase } = pod.status ?? {};
    if (phase === "Succeeded" || phase === "Failed") return { finished: { phase }, deadline: 0 };
    if (this.#sentence) return { finished: this.#sentence, deadline: 0 };
    const ended = finishedPhase(pod, observed);
    if (ended) return { finished: { phase: ended }, deadline: 0 };
    const { activeDeadlineSeconds } = pod.spec;
    if (activeDeadlineSeconds === undefined || !pod.status?.startTime) return { deadline: Number.POSITIVE_INFINITY };
    const deadline = Date.parse(pod.status.startTime) + activeDeadlineSeconds * 1000 - this.#services.clock.now();
    if (deadline > 0) return { deadline };
    const message = "Pod was active on the node longer than the specified deadline";
    this.#services.events.record(pod, "Normal", "DeadlineExceeded", message);
    this.#sentence = { phase: "Failed", reason: "DeadlineExceeded", message };
    return { finished: this.#sentence, deadline: 0 };
  }

  /** Ends what still runs of a finished pod, and gives back its sandbox, volumes and control group. Its containers stay for their logs. */
  async #finish(pod: Pod, observed: ObservedPod, finished: Finished): Promise<undefined> {
    const { runtime, volumes, probes, images, clock } = this.#services;
    this.#starter.waiting = new Map();
    probes.forget(this.uid);
    images.forget(this.uid);
    let after = observed;
    if (observed.containers.some(({ state }) => state === "running")) {
      this.#tellStopping(pod, observed);
      using ending = new Ending(clock, finished.graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30);
      await stopContainers(pod, observed.containers, ending, this.#services);
      after = await observePod(runtime, this.uid);
    }
    await this.#messages.learn(after, this.#folder);
    this.#services.room.release(this.uid);
    this.#report(after, finished);
    if (this.#cleaned) return;
    for (const { id, state } of after.sandboxes) if (state === "ready") await runtime.stopSandbox(id);
    await volumes.unmount(this.uid);
    await this.#dropCgroup();
    this.#cleaned = true;
    this.#over.resolve();
  }

  async #terminate(pod: Pod, observed: ObservedPod): Promise<undefined> {
    const { probes, clock, log } = this.#services;
    const { deletionGracePeriodSeconds: asked } = pod.metadata;
    const grace = this.#removed ? 1 : (asked ?? pod.spec.terminationGracePeriodSeconds ?? 30);
    if (!this.#ending) {
      const ending = { time: new Ending(clock, grace), done: false };
      this.#ending = ending;
      this.#starter.waiting = new Map();
      this.#tellStopping(pod, observed);
      // Beside the looks, so that later ones can shorten the grace and report what has ended.
      void stopContainers(pod, observed.containers, ending.time, this.#services)
        .then(() => {
          ending.done = true;
        })
        .catch((error) => {
          log.warn(`cannot end pod ${pod.metadata.namespace}/${pod.metadata.name}: ${errorMessage(error)}`);
          this.#ending = undefined;
          return clock.sleep(1000, this.#stop.signal).catch(() => {});
        })
        .finally(() => {
          ending.time[Symbol.dispose]();
          this.wake();
        });
    } else this.#ending.time.shorten(grace);
    const running = observed.containers.filter(({ state }) => state === "running");
    if (running.length > 0) {
      if (this.#ending?.done) this.#ending = undefined;
      probes.update(pod, running, podIPOf(pod, observed, this.#services.hostIPs));
      await this.#messages.learn(observed, this.#folder);
      if (!this.#removed) this.#report(observed);
      if (!this.#ending) this.#dirty = true;
      return;
    }
    if (!this.#ending.done) return;
    await this.#bury(pod, observed);
  }

  /** All containers have ended: tells how, gives everything back, and lets the API forget the pod. */
  async #bury(pod: Pod, observed: ObservedPod): Promise<void> {
    const { probes, images, volumes, pods, logRoot } = this.#services;
    probes.forget(this.uid);
    images.forget(this.uid);
    await this.#messages.learn(observed, this.#folder);
    // A repeated burial finds no containers; what was told of them stands.
    const untold = observed.containers.length > 0 || !hadContainers(pod);
    if (!this.#removed && untold) this.#report(observed, { phase: lastPhase(pod, observed) });
    const cleanUp = async () => {
      await this.#dropSandboxes(observed);
      await Promise.all([volumes.unmount(this.uid), this.#dropCgroup()]);
      const { name: podName, namespace: podNamespace } = pod.metadata;
      for (const folder of [this.#folder, podLogDirectory(logRoot, { podName, podNamespace, podUid: this.uid })])
        rmSync(folder, { recursive: true, force: true });
    };
    await Promise.all([cleanUp(), this.#status.settled()]);
    // Before the API forgets the pod, or the next one could find no room.
    this.#services.room.release(this.uid);
    if (!this.#removed) {
      try {
        await pods.forget(pod);
      } catch (error) {
        if (!isStatus(error, "NotFound", "Conflict")) throw error;
      }
    }
    this.#gone = true;
    this.#over.resolve();
  }

  #tellStopping(pod: Pod, { containers }: ObservedPod): void {
    for (const { name, state } of containers) {
      if (state !== "running") continue;
      this.#services.events.record(pod, "Normal", "Killing", `Stopping container ${name}`, fieldPathOf(pod, name));
    }
  }

  async #tellShutDown(observed: ObservedPod): Promise<void> {
    const { spec } = this.#pod;
    const message = "Pod was terminated in response to imminent node shutdown.";
    const oneLife = spec.restartPolicy === "Never" && !isPodTerminal(this.#pod);
    await this.#messages.learn(observed, this.#folder);
    this.#report(observed, oneLife ? { phase: "Failed", reason: "Terminated", message } : undefined);
    await Promise.race([this.#status.settled(), this.#services.clock.sleep(lastWordsMs)]);
  }

  async #dropSandboxes({ sandboxes }: ObservedPod): Promise<void> {
    const { runtime } = this.#services;
    await Promise.all(
      sandboxes.map(async ({ id }) => {
        await runtime.stopSandbox(id);
        await runtime.removeSandbox(id);
      }),
    );
  }

  async #dropCgroup(): Promise<void> {
    const { cgroups } = this.#services;
    await cgroups?.remove(cgroups.podPath(qosOf(this.#pod), this.uid));
  }

  #report(observed: ObservedPod, finished?: Finished): void {
    const { probes, hostIPs, clock, runtimeName, room } = this.#services;
    const now = clock.now();
    const { waiting } = this.#starter;
    this.#status.report((declared) => {
      const pod = room.granted(declared);
      const { phase } = pod.status ?? {};
      const ended = phase === "Succeeded" || phase === "Failed" ? { phase } : undefined;
      return podStatus({
        pod,
        observed,
        probes: (container) => probes.verdict(pod, container),
        waiting,
        finished: ended ?? finished,
        applied: (container) => this.#starter.resizer.appliedTo(container),
        resize: this.#starter.resizer.conditions,
        hostIPs,
        now,
        runtimeName,
        terminationMessage: (container) => this.#messages.of(container),
      });
    });
  }
}

function podIPOf({ spec }: Pod, observed: ObservedPod, hostIPs: readonly string[]): string | undefined {
  return spec.hostNetwork ? hostIPs[0] : readySandbox(observed)?.ips[0];
}

function hadContainers({ status }: Pod): boolean {
  return (status?.containerStatuses ?? []).some(({ containerID }) => containerID);
}

/** A deleted pod has succeeded when all of its containers ended well, and failed otherwise (as upstream). */
function lastPhase({ status, spec }: Pod, observed: ObservedPod): "Succeeded" | "Failed" {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return status.phase;
  const well = spec.containers.every(({ name }) => {
    const last = newest(observed, name);
    return last?.state === "exited" && last.exitCode === 0;
  });
  return well ? "Succeeded" : "Failed";
}
