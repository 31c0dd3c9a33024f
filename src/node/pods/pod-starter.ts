import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container, Pod } from "../../api/generated/core-v1.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import { rpcErrorText } from "../runtime/cri-channel.ts";
import type { SandboxConfig, SandboxStatus } from "../runtime/sandbox.ts";
import { containerHash, type ReadyVolume, sandboxConfig } from "./container-config.ts";
import { type StartRequest, startContainer } from "./container-starter.ts";
import type { Waiting } from "./container-status.ts";
import { stopContainer, stopContainers } from "./container-stopper.ts";
import { fieldPathOf } from "./containers.ts";
import { CrashBackoff } from "./crash-backoff.ts";
import { Ending } from "./ending.ts";
import { hostsFile } from "./hosts-file.ts";
import { newest, type ObservedContainer, type ObservedPod, observePod, readySandbox, withNews } from "./observed.ts";
import { type PlanInput, type PodPlan, planPod } from "./plan.ts";
import type { PodServices } from "./pod-services.ts";
import { podCgroupLimits, qosOf } from "./qos.ts";
import { Resizer } from "./resize.ts";
import { userRange } from "./user-ranges.ts";

/** What came of a plan. */
export interface Outcome {
  readonly observed: ObservedPod;
  /** In how many ms something that was held up is due. */
  readonly retryIn: number | undefined;
}

export interface PodStarterContext {
  /** Gives up what is under way. */
  readonly signal: AbortSignal;
  /** Tells the API how the pod is before something that takes long. */
  readonly report: (observed: ObservedPod) => void;
}

/** Brings a pod that shall run from what it is to what it is declared to be, one step per call. */
export class PodStarter {
  /** Why containers are not running, as of the last step. */
  waiting: ReadonlyMap<string, Waiting> = new Map();
  readonly #services: PodServices;
  readonly #context: PodStarterContext;
  readonly #backoff: CrashBackoff;
  readonly resizer: Resizer;
  #mounted = false;

  constructor(services: PodServices, context: PodStarterContext) {
    this.#services = services;
    this.#context = context;
    this.#backoff = new CrashBackoff(services.clock);
    this.resizer = new Resizer(services);
  }

  /** The pod's volumes are there. */
  get mounted(): boolean {
    return this.#mounted;
  }

  /** Plans and does what the plan says. Throws what leaves the pod as it is: volumes or a network that are not to be had. */
  async carryOut(declared: Pod, before: ObservedPod): Promise<Outcome> {
    const pod = this.resizer.settle(declared);
    let observed = before;
    const plan = this.#plan(pod, observed);
    if (!plan.killAll) await this.resizer.apply(pod, observed, () => this.#context.report(observed));
    // Found running after the agent was away: its volumes must be there.
    if (readySandbox(observed)) this.#mounted = true;
    if (plan.killAll || plan.stops.length > 0) observed = await this.#stop(pod, observed, plan);
    const outcome =
      plan.createSandbox || plan.starts.length > 0
        ? await this.#bringUp(pod, observed, plan)
        : { observed, retryIn: plan.stops.length > 0 ? 0 : undefined };
    if (!plan.createSandbox && plan.starts.length === 0) this.waiting = new Map();
    this.#watch(pod, outcome.observed);
    return outcome;
  }

  #plan(pod: Pod, observed: ObservedPod): PodPlan {
    const { probes } = this.#services;
    const verdict: PlanInput["probes"] = (container) => probes.verdict(pod, container);
    const plan = planPod({ pod, observed, probes: verdict, hashOf: containerHash });
    const resizes = this.resizer
      .stops(pod, observed)
      .filter(({ container }) => !plan.stops.some((stop) => stop.container.id === container.id));
    return resizes.length > 0 && !plan.killAll ? { ...plan, stops: [...plan.stops, ...resizes] } : plan;
  }

  async #stop(pod: Pod, observed: ObservedPod, plan: PodPlan): Promise<ObservedPod> {
    const { runtime, events, clock } = this.#services;
    const usual = pod.spec.terminationGracePeriodSeconds ?? 30;
    if (plan.killAll) {
      using ending = new Ending(clock, usual);
      await stopContainers(pod, observed.containers, ending, this.#services);
      for (const { id } of observed.sandboxes) await runtime.stopSandbox(id);
    }
    await Promise.all(
      plan.stops.map(async ({ container, message, graceSeconds }) => {
        events.record(pod, "Normal", "Killing", message, fieldPathOf(pod, container.name));
        using ending = new Ending(clock, graceSeconds ?? usual);
        await stopContainer(pod, container, ending, this.#services);
      }),
    );
    return await observePod(runtime, pod.metadata.uid, this.#context.signal);
  }

  async #bringUp(pod: Pod, before: ObservedPod, plan: PodPlan): Promise<Outcome> {
    const { startTurns, hostIPs, clusterDomain, podsFolder } = this.#services;
    const { signal } = this.#context;
    let observed = before;
    const held = this.#heldBack(pod, observed, plan.starts);
    if (plan.createSandbox) {
      this.waiting = new Map();
      this.#context.report(observed);
    } else if (held.free.length === 0) {
      this.waiting = held.waiting;
      return { observed, retryIn: held.retryIn };
    }
    const [volumes, cgroupParent] = await Promise.all([this.#mount(pod), this.#cgroup(pod)]);
    signal.throwIfAborted();
    const attempt = plan.createSandbox ? plan.attempt : (readySandbox(observed)?.metadata.attempt ?? 0);
    const config = this.#sandboxConfig(pod, cgroupParent, attempt);
    let { free, waiting, retryIn } = held;
    if (plan.createSandbox) {
      const sandbox = await startTurns.run(() => this.#createSandbox(pod, config, observed), { begun: false });
      observed = withNews(observed, { sandbox });
      ({ free, waiting, retryIn } = this.#heldBack(pod, observed, this.#plan(pod, observed).starts));
    }
    const sandbox = readySandbox(observed);
    if (!sandbox) return { observed, retryIn: 1000 };
    const podIPs = pod.spec.hostNetwork ? hostIPs : sandbox.ips;
    const podFolder = join(podsFolder, pod.metadata.uid);
    mkdirSync(podFolder, { recursive: true, mode: 0o750 });
    const hosts = join(podFolder, "etc-hosts");
    writeFileSync(hosts, hostsFile(pod, podIPs, clusterDomain), { mode: 0o644 });
    const request = { pod, sandbox, sandboxConfig: config, volumes, podIPs, podFolder, hostsFile: hosts, signal };
    return await this.#startAll(free, { ...request, observed }, new Map(waiting), retryIn);
  }

  /** Starts containers in their order; those up to the next postStart hook at the same time, since a hook holds up what follows. */
  async #startAll(
    containers: readonly Container[],
    request: Omit<StartRequest, "container">,
    waiting: Map<string, Waiting>,
    retryIn: number | undefined,
  ): Promise<Outcome> {
    const { pod } = request;
    let { observed } = request;
    let next = retryIn;
    const due = (ms: number) => {
      next = Math.min(next ?? Number.POSITIVE_INFINITY, ms);
    };
    for (const batch of untilHooks(containers)) {
      const results = await Promise.all(
        batch.map(async (container) => ({
          container,
          name: container.name,
          hook: container.lifecycle?.postStart,
          result: await startContainer({ ...request, container, observed }, this.#services),
        })),
      );
      for (const { container, name, hook, result } of results) {
        if (!result.ok) {
          waiting.set(name, result);
          due(result.retryIn);
          continue;
        }
        observed = withNews(observed, { container: result.container });
        this.resizer.made(result.container, container);
        if (!hook) continue;
        this.#watch(pod, observed);
        const fault = await this.#postStart(pod, result.container, hook, request.podIPs[0]);
        if (!fault) continue;
        waiting.set(name, { reason: "PostStartHookError", message: fault });
        observed = await observePod(this.#services.runtime, pod.metadata.uid, request.signal);
        due(0);
      }
    }
    this.waiting = waiting;
    return { observed, retryIn: next };
  }

  /** Divides containers into those that may start now and those whose back-off is not over. */
  #heldBack(pod: Pod, observed: ObservedPod, starts: readonly Container[]) {
    const free: Container[] = [];
    const waiting = new Map<string, Waiting>();
    let retryIn: number | undefined;
    for (const container of starts) {
      const hold = this.#backoff.hold(newest(observed, container.name));
      if (!hold) {
        free.push(container);
        continue;
      }
      const { name, namespace, uid } = pod.metadata;
      const place = `${name}_${namespace}(${uid})`;
      const message = `Back-off restarting failed container ${container.name} in pod ${place}`;
      this.#services.events.record(pod, "Warning", "BackOff", message, fieldPathOf(pod, container.name));
      waiting.set(container.name, {
        reason: "CrashLoopBackOff",
        message: `back-off ${goSeconds(hold.waitMs)} restarting failed container=${container.name} pod=${place}`,
      });
      retryIn = Math.min(retryIn ?? Number.POSITIVE_INFINITY, hold.leftMs);
    }
    return { free, waiting: waiting as ReadonlyMap<string, Waiting>, retryIn };
  }

  async #mount(pod: Pod): Promise<ReadonlyMap<string, ReadyVolume>> {
    try {
      const volumes = await this.#services.volumes.mount(pod);
      this.#mounted = true;
      return volumes;
    } catch (error) {
      if (["missing", "unsupported", "invalid"].includes(faultCode(error) ?? ""))
        this.#services.events.record(pod, "Warning", "FailedMount", errorMessage(error));
      throw error;
    }
  }

  async #cgroup(pod: Pod): Promise<string> {
    const { cgroups, podPids } = this.#services;
    const limits = { ...podCgroupLimits(pod), ...(podPids === undefined ? {} : { pids: podPids }) };
    return (await cgroups?.ensurePod(qosOf(pod), pod.metadata.uid, limits)) ?? "";
  }

  #sandboxConfig(pod: Pod, cgroupParent: string, attempt: number): SandboxConfig {
    const { logRoot, dnsFor, clusterDomain, podsFolder } = this.#services;
    const users = pod.spec.hostUsers === false ? { users: userRange(podsFolder, pod.metadata.uid) } : {};
    return this.#orTell(pod, () =>
      sandboxConfig(pod, { logRoot, dns: dnsFor(pod), cgroupParent, attempt, clusterDomain, ...users }),
    );
  }

  async #createSandbox(pod: Pod, config: SandboxConfig, observed: ObservedPod): Promise<SandboxStatus> {
    const { runtime, events, handlerFor, meters } = this.#services;
    this.#context.signal.throwIfAborted();
    if (observed.sandboxes.length > 0)
      events.record(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
    mkdirSync(config.logDirectory!, { recursive: true, mode: 0o755 });
    try {
      meters.sandboxBegun();
      const handler = await handlerFor(pod);
      const id = await runtime.runSandbox(config, handler ? { handler } : {});
      return (await runtime.sandboxStatus(id))!;
    } catch (error) {
      meters.sandboxFailed();
      // What is left of it would keep its name taken.
      const left = await runtime.listSandboxes({ labels: config.labels }).catch(() => []);
      for (const { id, state, metadata } of left)
        if (state === "notReady" && metadata.attempt === config.metadata.attempt) await runtime.removeSandbox(id);
      return this.#orTell(pod, () => {
        throw error;
      });
    }
  }

  #orTell<T>(pod: Pod, task: () => T): T {
    try {
      return task();
    } catch (error) {
      const message = `Failed to create pod sandbox: ${rpcErrorText(error)}`;
      this.#services.events.record(pod, "Warning", "FailedCreatePodSandBox", message);
      throw error;
    }
  }

  /** Runs a hook; says what was wrong if it failed, after ending the container. */
  async #postStart(
    pod: Pod,
    container: ObservedContainer,
    hook: NonNullable<NonNullable<Container["lifecycle"]>["postStart"]>,
    podIP: string | undefined,
  ): Promise<string | undefined> {
    const { hooks, events, clock } = this.#services;
    const { signal } = this.#context;
    try {
      await hooks.run(pod, container, hook, podIP, signal);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      const fieldPath = fieldPathOf(pod, container.name);
      // What the hook said may be secret: as upstream it is in the status only.
      events.record(pod, "Warning", "FailedPostStartHook", "PostStartHook failed", fieldPath);
      events.record(pod, "Normal", "Killing", "FailedPostStartHook", fieldPath);
      using ending = new Ending(clock, pod.spec.terminationGracePeriodSeconds ?? 30);
      await stopContainer(pod, container, ending, this.#services);
      return errorMessage(error);
    }
  }

  #watch(pod: Pod, observed: ObservedPod): void {
    const running = observed.containers.filter(
      (container) => container.state === "running" && newest(observed, container.name) === container,
    );
    const podIP = pod.spec.hostNetwork ? this.#services.hostIPs[0] : readySandbox(observed)?.ips[0];
    this.#services.probes.update(pod, running, podIP);
  }
}

/** Cuts a list of containers after each that has a postStart hook. */
function untilHooks(containers: readonly Container[]): readonly (readonly Container[])[] {
  const batches: Container[][] = [[]];
  for (const container of containers) {
    batches.at(-1)!.push(container);
    if (container.lifecycle?.postStart) batches.push([]);
  }
  return batches;
}

/** `10s`, `1m20s`: as Go prints whole seconds. */
function goSeconds(ms: number): string {
  const total = Math.round(ms / 1000);
  const minutes = Math.floor(total / 60);
  return minutes > 0 ? `${minutes}m${total % 60}s` : `${total}s`;
}
