import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pod } from "../../api/core/pod.ts";
import type { Container, PodStatus } from "../../api/generated/core-v1.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { podLogDirectory } from "../runtime/labels.ts";
import type { SandboxConfig, SandboxStatus } from "../runtime/sandbox.ts";
import { containerHash, type ReadyVolume, sandboxConfig } from "./container-config.ts";
import { ContainerStarter, type StartResult, terminationMessage } from "./container-starter.ts";
import { hostsFile } from "./hosts-file.ts";
import { newest, type ObservedContainer, type ObservedPod, observePod, readySandbox } from "./observed.ts";
import { finishedPhase, isSidecar, type PodPlan, planPod } from "./plan.ts";
import type { PodServices } from "./pod-services.ts";
import { podCgroupLimits, qosOf } from "./qos.ts";
import { podStatus, type Waiting } from "./status.ts";

/** Faults of a pod's own are tried again after this long, doubling. */
const firstRetry = 500;
const longestRetry = 20_000;

/**
 * Looks after one pod from its first sight to its end. One look at a time: it reads what there is, plans, acts and
 * reports; whatever happens meanwhile makes it look again.
 */
export class PodWorker {
  readonly uid: string;
  readonly #services: PodServices;
  readonly #starter: ContainerStarter;
  readonly #stop = new AbortController();
  readonly #onGone: () => void;
  #pod: Pod;
  /** The pod is not in the API any more. */
  #removed = false;
  #dirty = false;
  #running: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #failures = 0;
  #waiting = new Map<string, Waiting>();
  #ending: { readonly done: Promise<void>; graceEnds: number; readonly hurry: AbortController } | undefined;
  #ended = false;
  #gone = false;

  /** `onGone` is called when nothing of the pod is left on the node. */
  constructor(pod: Pod, services: PodServices, onGone: () => void) {
    this.uid = pod.metadata.uid;
    this.#pod = pod;
    this.#services = services;
    this.#starter = new ContainerStarter(services);
    this.#onGone = onGone;
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The pod as the API has it now. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.wake();
  }

  /** The API forgot the pod: whatever runs of it ends. */
  remove(): void {
    this.#removed = true;
    this.wake();
  }

  /** Something may have changed. */
  wake(): void {
    this.#dirty = true;
    if (!this.#running && !this.#gone && !this.#stop.signal.aborted) this.#running = this.#loop();
  }

  /** Ends all of the pod's containers with their grace, and its sandbox; the pod itself stays as it is in the API. */
  async shutDown(): Promise<void> {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#running;
    const observed = await observePod(this.#services.runtime, this.uid);
    await this.#kill(observed, this.#pod.spec.terminationGracePeriodSeconds ?? 30, new AbortController().signal);
    await this.#dropSandboxes(observed);
    if (this.#services.cgroups)
      await this.#services.cgroups.remove(this.#services.cgroups.podPath(qosOf(this.#pod), this.uid));
  }

  /** Stops looking after the pod; its containers go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { log, clock } = this.#services;
    try {
      while (this.#dirty && !this.#stop.signal.aborted) {
        this.#dirty = false;
        this.#timer?.[Symbol.dispose]();
        try {
          const again = await this.#look();
          this.#failures = 0;
          if (this.#gone) return;
          if (again !== undefined) this.#timer = clock.after(Math.max(10, again), () => this.wake());
        } catch (error) {
          if (this.#stop.signal.aborted) return;
          const wait = Math.min(longestRetry, firstRetry * 2 ** this.#failures++);
          log.warn(`pod ${this.#pod.metadata.namespace}/${this.#pod.metadata.name}: ${errorMessage(error)}`, {
            error: faultCode(error) ? undefined : error,
          });
          this.#timer = clock.after(wait, () => this.wake());
        }
      }
    } finally {
      this.#running = undefined;
      if (this.#gone) this.#onGone();
      // Woken between the last test and here.
      else if (this.#dirty && !this.#stop.signal.aborted) this.wake();
    }
  }

  /** One look; returns after how many ms another is due at the latest. */
  async #look(): Promise<number | undefined> {
    const pod = this.#pod;
    const observed = await observePod(this.#services.runtime, this.uid, this.#stop.signal);
    if (this.#removed || pod.metadata.deletionTimestamp) return await this.#terminate(pod, observed);
    const phase = pod.status?.phase;
    const finished = phase === "Succeeded" || phase === "Failed" ? phase : finishedPhase(pod, observed);
    if (finished) return await this.#finish(pod, observed, finished);

    const plan = this.#plan(pod, observed);
    const next = await this.#carryOut(pod, observed, plan);
    const after = await observePod(this.#services.runtime, this.uid, this.#stop.signal);
    const ended = finishedPhase(pod, after);
    await this.#report(pod, after, { initialized: this.#plan(pod, after).initialized, finished: ended });
    return ended ? 10 : next;
  }

  #plan(pod: Pod, observed: ObservedPod): PodPlan {
    const { probes } = this.#services;
    return planPod({ pod, observed, probes: (container) => probes.verdict(pod, container), hashOf: containerHash });
  }

  async #carryOut(pod: Pod, observed: ObservedPod, plan: PodPlan): Promise<number | undefined> {
    const { events } = this.#services;
    if (plan.killAll) {
      await this.#kill(observed, pod.spec.terminationGracePeriodSeconds ?? 30, this.#stop.signal);
      await this.#dropSandboxes(observed);
    }
    for (const stop of plan.stops) {
      events.record(pod, "Normal", "Killing", stop.message, fieldPathOf(pod, stop.container.name));
    }
    await Promise.all(
      plan.stops.map(({ container, graceSeconds }) =>
        this.#stopContainer(
          pod,
          container,
          graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30,
          this.#stop.signal,
        ),
      ),
    );
    if (plan.stops.length > 0) this.#dirty = true;
    if (!plan.createSandbox && plan.starts.length === 0) {
      this.#waiting = new Map();
      this.#watchProbes(pod, observed);
      if (plan.stops.length === 0) await this.#tidy(observed);
      return undefined;
    }
    // A pod that nothing holds back yet shows early that it was seen.
    if (plan.createSandbox && !pod.status?.startTime)
      await this.#report(pod, observed, { initialized: plan.initialized, finished: undefined });

    const next = await this.#services.startTurns.run(() => this.#start(pod, observed, plan));
    const after = await observePod(this.#services.runtime, this.uid, this.#stop.signal);
    this.#watchProbes(pod, after);
    return next;
  }

  async #start(pod: Pod, observed: ObservedPod, plan: PodPlan): Promise<number | undefined> {
    const [volumes, cgroupParent] = await Promise.all([this.#mount(pod), this.#cgroup(pod)]);
    const config = this.#sandboxConfig(
      pod,
      cgroupParent,
      plan.createSandbox ? plan.attempt : (readySandbox(observed)?.metadata.attempt ?? 0),
    );
    let sandbox = readySandbox(observed);
    let starts = plan.starts;
    if (plan.createSandbox) {
      sandbox = await this.#createSandbox(pod, config, observed);
      const fresh = await observePod(this.#services.runtime, this.uid, this.#stop.signal);
      starts = this.#plan(pod, fresh).starts;
    }
    if (!sandbox) return 1000;
    const podIPs = pod.spec.hostNetwork ? [this.#services.hostIP] : sandbox.ips;
    const hosts = this.#writeHosts(pod, podIPs);
    const results = await Promise.all(
      starts.map(async (container): Promise<readonly [Container, StartResult]> => {
        const last = newest(observed, container.name);
        const fieldPath = fieldPathOf(pod, container.name);
        const request = {
          pod,
          container,
          fieldPath,
          sandbox,
          sandboxConfig: config,
          volumes,
          podIPs,
          hostsFile: hosts,
          last,
        };
        return [container, await this.#starter.start(request)];
      }),
    );
    this.#waiting = new Map();
    let next: number | undefined;
    for (const [container, result] of results) {
      if (result.ok) {
        await this.#postStart(pod, container, podIPs[0]);
        continue;
      }
      this.#waiting.set(container.name, result);
      next = Math.min(next ?? Number.POSITIVE_INFINITY, result.retryIn);
    }
    return next;
  }

  async #mount(pod: Pod): Promise<ReadonlyMap<string, ReadyVolume>> {
    try {
      return await this.#services.volumes.mount(pod);
    } catch (error) {
      if (faultCode(error) === "missing" || faultCode(error) === "unsupported") {
        this.#services.events.record(pod, "Warning", "FailedMount", errorMessage(error));
      }
      throw error;
    }
  }

  async #cgroup(pod: Pod): Promise<string> {
    return (await this.#services.cgroups?.ensurePod(qosOf(pod), this.uid, podCgroupLimits(pod))) ?? "";
  }

  #sandboxConfig(pod: Pod, cgroupParent: string, attempt: number): SandboxConfig {
    return sandboxConfig(pod, {
      logRoot: this.#services.logRoot,
      dns: this.#services.dnsFor(pod),
      cgroupParent,
      attempt,
    });
  }

  async #createSandbox(pod: Pod, config: SandboxConfig, observed: ObservedPod): Promise<SandboxStatus | undefined> {
    const { runtime, events } = this.#services;
    if (observed.sandboxes.length > 0)
      events.record(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
    mkdirSync(config.logDirectory!, { recursive: true, mode: 0o755 });
    try {
      const id = await runtime.runSandbox(config);
      return await runtime.sandboxStatus(id);
    } catch (error) {
      events.record(pod, "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${errorMessage(error)}`);
      // What is left of it would keep its name taken.
      for (const { id, state } of await runtime.listSandboxes({ labels: config.labels }))
        if (state === "notReady") await runtime.removeSandbox(id);
      throw error;
    }
  }

  #writeHosts(pod: Pod, podIPs: readonly string[]): string | undefined {
    if (pod.spec.hostNetwork) return undefined;
    const folder = this.#starter.podFolder(pod);
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const path = join(folder, "etc-hosts");
    writeFileSync(path, hostsFile(pod, podIPs, this.#services.clusterDomain), { mode: 0o644 });
    return path;
  }

  async #postStart(pod: Pod, container: Container, podIP: string | undefined): Promise<void> {
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const { runtime, hooks, events } = this.#services;
    const status = newest(await observePod(runtime, this.uid), container.name);
    if (!status) return;
    try {
      await hooks.run(pod, status, hook, podIP, this.#stop.signal);
    } catch (error) {
      const fieldPath = fieldPathOf(pod, container.name);
      events.record(pod, "Warning", "FailedPostStartHook", `PostStartHook failed: ${errorMessage(error)}`, fieldPath);
      events.record(pod, "Normal", "Killing", "FailedPostStartHook", fieldPath);
      await runtime.stopContainer(status.id, pod.spec.terminationGracePeriodSeconds ?? 30);
      this.#dirty = true;
    }
  }

  #watchProbes(pod: Pod, observed: ObservedPod): void {
    const running = observed.containers.filter(
      (container) => container.state === "running" && newest(observed, container.name) === container,
    );
    this.#services.probes.update(
      pod,
      running,
      pod.spec.hostNetwork ? this.#services.hostIP : readySandbox(observed)?.ips[0],
    );
  }

  /** Keeps the last ended container of each name, for its logs and its last state, and no dead sandbox. */
  async #tidy(observed: ObservedPod): Promise<void> {
    const { runtime } = this.#services;
    const kept = new Map<string, number>();
    for (const container of observed.containers) {
      const count = (kept.get(container.name) ?? 0) + 1;
      kept.set(container.name, count);
      if (count > 2 && container.state === "exited") await runtime.removeContainer(container.id);
    }
    for (const sandbox of observed.sandboxes.slice(1))
      if (sandbox.state === "notReady") await runtime.removeSandbox(sandbox.id);
  }

  async #finish(pod: Pod, observed: ObservedPod, finished: "Succeeded" | "Failed"): Promise<number | undefined> {
    this.#waiting = new Map();
    this.#services.probes.forget(this.uid);
    if (observed.containers.some(({ state }) => state === "running")) {
      await this.#kill(observed, pod.spec.terminationGracePeriodSeconds ?? 30, this.#stop.signal);
    }
    const after = await observePod(this.#services.runtime, this.uid);
    await this.#report(pod, after, { initialized: true, finished });
    for (const { id, state } of after.sandboxes) if (state === "ready") await this.#services.runtime.stopSandbox(id);
    await this.#services.volumes.unmount(this.uid);
    return undefined;
  }

  async #terminate(pod: Pod, observed: ObservedPod): Promise<number | undefined> {
    const { clock, runtime, volumes, probes, client, cgroups, logRoot } = this.#services;
    const grace = this.#removed
      ? (pod.metadata.deletionGracePeriodSeconds ?? 1)
      : (pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30);
    const graceEnds = clock.monotonic() + grace * 1000;
    if (this.#ending && graceEnds < this.#ending.graceEnds - 1000) {
      // A later delete with less patience overrides the first.
      this.#ending.graceEnds = graceEnds;
      this.#ending.hurry.abort();
    }
    if (!this.#ending) {
      for (const { name, state } of observed.containers) {
        if (state === "running")
          this.#services.events.record(pod, "Normal", "Killing", `Stopping container ${name}`, fieldPathOf(pod, name));
      }
      const hurry = new AbortController();
      const done = this.#kill(observed, grace, hurry.signal).then(
        () => {
          this.#ended = true;
          this.wake();
        },
        (error) => {
          this.#services.log.warn(
            `cannot end pod ${pod.metadata.namespace}/${pod.metadata.name}: ${errorMessage(error)}`,
          );
          this.#ending = undefined;
          this.#timer = clock.after(1000, () => this.wake());
        },
      );
      this.#ending = { done, graceEnds, hurry };
    }
    if (!this.#ended) {
      this.#watchProbes(pod, observed);
      if (!this.#removed) await this.#report(pod, observed, { initialized: true, finished: undefined });
      return undefined;
    }
    probes.forget(this.uid);
    const after = await observePod(runtime, this.uid);
    if (after.containers.some(({ state }) => state === "running")) {
      this.#ended = false;
      this.#ending = undefined;
      return 10;
    }
    const phase =
      pod.status?.phase === "Succeeded"
        ? "Succeeded"
        : after.containers.length > 0 && pod.spec.containers.every(({ name }) => newest(after, name)?.exitCode === 0)
          ? "Succeeded"
          : "Failed";
    if (!this.#removed && after.containers.length > 0)
      await this.#report(pod, after, { initialized: true, finished: phase });
    await this.#dropSandboxes(after);
    await volumes.unmount(this.uid);
    await cgroups?.remove(cgroups.podPath(qosOf(pod), this.uid));
    rmSync(this.#starter.podFolder(pod), { recursive: true, force: true });
    rmSync(
      podLogDirectory(logRoot, { podName: pod.metadata.name, podNamespace: pod.metadata.namespace, podUid: this.uid }),
      { recursive: true, force: true },
    );
    if (!this.#removed) {
      try {
        await client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: this.uid } });
      } catch (error) {
        if (!isStatus(error, "NotFound", "Conflict")) throw error;
      }
    }
    this.#gone = true;
    return undefined;
  }

  /** Ends every running container, sidecars after the others and in the opposite order of their start. */
  async #kill(observed: ObservedPod, graceSeconds: number, signal: AbortSignal): Promise<void> {
    const pod = this.#pod;
    const { clock } = this.#services;
    const deadline = clock.monotonic() + graceSeconds * 1000;
    const running = observed.containers.filter(({ state }) => state === "running");
    const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
    const left = () => Math.max(0, Math.ceil((deadline - clock.monotonic()) / 1000));
    await Promise.all(
      running
        .filter(({ name }) => !sidecars.includes(name))
        .map((container) => this.#stopContainer(pod, container, graceSeconds, signal)),
    );
    for (const name of [...sidecars].reverse()) {
      const container = running.find((each) => each.name === name);
      if (container) await this.#stopContainer(pod, container, Math.max(2, left()), signal);
    }
  }

  async #stopContainer(
    pod: Pod,
    container: ObservedContainer,
    graceSeconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, hooks, clock, events } = this.#services;
    const began = clock.monotonic();
    const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
    const hook = all.find(({ name }) => name === container.name)?.lifecycle?.preStop;
    if (hook && graceSeconds > 0 && !signal.aborted) {
      const limit = new AbortController();
      using _timer = clock.after(graceSeconds * 1000, () => limit.abort());
      await hooks
        .run(pod, container, hook, pod.status?.podIP, AbortSignal.any([signal, limit.signal]))
        .catch((error) => {
          events.record(
            pod,
            "Warning",
            "FailedPreStopHook",
            `PreStopHook failed: ${errorMessage(error)}`,
            fieldPathOf(pod, container.name),
          );
        });
    }
    const left = Math.max(hook ? 2 : 0, Math.ceil(graceSeconds - (clock.monotonic() - began) / 1000));
    const patient = runtime.stopContainer(container.id, graceSeconds === 0 || signal.aborted ? 0 : left);
    const hurried = new Promise<void>((resolve) => {
      if (!signal.aborted)
        signal.addEventListener("abort", () => resolve(runtime.stopContainer(container.id, 0)), { once: true });
    });
    await Promise.race([patient, hurried]);
  }

  async #dropSandboxes(observed: ObservedPod): Promise<void> {
    await Promise.all(
      observed.sandboxes.map(async ({ id }) => {
        await this.#services.runtime.stopSandbox(id);
        await this.#services.runtime.removeSandbox(id);
      }),
    );
  }

  async #report(
    pod: Pod,
    observed: ObservedPod,
    state: { readonly initialized: boolean; readonly finished: "Succeeded" | "Failed" | undefined },
  ): Promise<void> {
    const { probes, hostIP, clock, client } = this.#services;
    const folder = this.#starter.podFolder(pod);
    const make = (current: Pod): PodStatus =>
      podStatus({
        pod: current,
        observed,
        probes: (container) => probes.verdict(pod, container),
        waiting: this.#waiting,
        ...state,
        hostIP,
        now: clock.now(),
        terminationMessage: (container) => terminationMessage(folder, container),
      });
    let current = this.#pod.metadata.uid === pod.metadata.uid ? this.#pod : pod;
    for (let tries = 0; tries < 5; tries++) {
      const status = make(current);
      if (isEqual(status, current.status)) return;
      try {
        const stored = await client.updateStatus(Pod, { ...current, status });
        // The informer will bring it too; until then the next look compares with what was just reported.
        if (BigInt(stored.metadata.resourceVersion) > BigInt(this.#pod.metadata.resourceVersion)) this.#pod = stored;
        return;
      } catch (error) {
        if (isStatus(error, "NotFound")) return;
        if (!isStatus(error, "Conflict")) throw error;
        const fresh = await client.get(Pod, keyOf(pod)).catch((fault) => {
          if (isStatus(fault, "NotFound")) return undefined;
          throw fault;
        });
        if (fresh?.metadata.uid !== this.uid) return;
        current = fresh;
      }
    }
  }
}

/** How events name a part of a pod. */
export function fieldPathOf(pod: Pod, container: string): string {
  const kind = pod.spec.initContainers?.some(({ name }) => name === container)
    ? "initContainers"
    : pod.spec.ephemeralContainers?.some(({ name }) => name === container)
      ? "ephemeralContainers"
      : "containers";
  return `spec.${kind}{${container}}`;
}
