import type { Container, Pod, Probe } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { ObservedContainer } from "../pods/observed.ts";
import type { ProbeVerdict } from "../pods/plan.ts";
import type { Probes } from "../pods/pod-services.ts";
import { fieldPathOf } from "../pods/pod-worker.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { probeOnce } from "./probe.ts";

export interface ProberOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventRecorder;
  /** A pod's verdicts changed. */
  readonly onChange: (podUid: string) => void;
}

type ProbeType = "Startup" | "Liveness" | "Readiness";

/** Probes of every container of a node that has any. */
export class Prober implements Probes, Disposable {
  readonly #options: ProberOptions;
  /** By pod, then by container id. */
  readonly #pods = new Map<string, Map<string, ContainerProbes>>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  update(pod: Pod, running: readonly ObservedContainer[], podIP: string | undefined): void {
    const { uid } = pod.metadata;
    const known = this.#pods.get(uid) ?? new Map<string, ContainerProbes>();
    const live = new Set(running.map(({ id }) => id));
    for (const [id, probes] of known) {
      if (live.has(id)) continue;
      probes[Symbol.dispose]();
      known.delete(id);
    }
    for (const observed of running) {
      const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
        ({ name }) => name === observed.name,
      );
      if (!container || !podIP || known.has(observed.id)) continue;
      if (!container.startupProbe && !container.livenessProbe && !container.readinessProbe) continue;
      known.set(observed.id, new ContainerProbes(pod, container, observed, podIP, this.#options));
    }
    if (known.size > 0) this.#pods.set(uid, known);
    else this.#pods.delete(uid);
  }

  verdict(pod: Pod, container: ObservedContainer): ProbeVerdict {
    const probes = this.#pods.get(pod.metadata.uid)?.get(container.id);
    if (probes) return probes.verdict;
    const declared = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
      ({ name }) => name === container.name,
    );
    // Not probed yet: what has to be asked first is not so until it was.
    const started = !declared?.startupProbe;
    return { started, ready: started && !declared?.readinessProbe };
  }

  forget(uid: string): void {
    for (const probes of this.#pods.get(uid)?.values() ?? []) probes[Symbol.dispose]();
    this.#pods.delete(uid);
  }

  [Symbol.dispose](): void {
    for (const uid of [...this.#pods.keys()]) this.forget(uid);
  }
}

interface ProbeRun {
  readonly type: ProbeType;
  readonly probe: Probe;
  streak: number;
  lastHealthy: boolean | undefined;
  timer: Disposable | undefined;
}

class ContainerProbes implements Disposable {
  readonly #pod: Pod;
  readonly #container: Container;
  readonly #observed: ObservedContainer;
  readonly #podIP: string;
  readonly #options: ProberOptions;
  #runs: ProbeRun[] = [];
  #verdict: ProbeVerdict;
  #closed = false;

  constructor(pod: Pod, container: Container, observed: ObservedContainer, podIP: string, options: ProberOptions) {
    this.#pod = pod;
    this.#container = container;
    this.#observed = observed;
    this.#podIP = podIP;
    this.#options = options;
    const started = !container.startupProbe;
    this.#verdict = { started, ready: started && !container.readinessProbe };
    if (container.startupProbe) this.#begin("Startup", container.startupProbe);
    else this.#beginRegular();
  }

  get verdict(): ProbeVerdict {
    return this.#verdict;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const run of this.#runs) run.timer?.[Symbol.dispose]();
    this.#runs = [];
  }

  /** Liveness and readiness are asked only once the container has started. */
  #beginRegular(): void {
    if (this.#container.livenessProbe) this.#begin("Liveness", this.#container.livenessProbe);
    if (this.#container.readinessProbe) this.#begin("Readiness", this.#container.readinessProbe);
  }

  #begin(type: ProbeType, probe: Probe): void {
    const { clock } = this.#options;
    const run: ProbeRun = { type, probe, streak: 0, lastHealthy: undefined, timer: undefined };
    this.#runs.push(run);
    const age = clock.now() - (this.#observed.startedAt ?? clock.now());
    const wait = Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - age);
    run.timer = clock.after(wait, () => void this.#ask(run));
  }

  async #ask(run: ProbeRun): Promise<void> {
    const { runtime, clock } = this.#options;
    const answer = await probeOnce(run.probe, {
      container: this.#container,
      containerId: this.#observed.id,
      podIP: this.#podIP,
      runtime,
    });
    if (this.#closed || !this.#runs.includes(run)) return;
    run.streak = run.lastHealthy === answer.healthy ? run.streak + 1 : 1;
    run.lastHealthy = answer.healthy;
    // Until it is up for the first time a container is asked often, so that nobody waits a whole period for one that is
    // ready; only the answers that a usual period brings are told.
    const period = (run.probe.periodSeconds ?? 10) * 1000;
    const eager = run.type !== "Liveness" && !answer.healthy && clock.now() - (this.#observed.startedAt ?? 0) < period;
    if (!answer.healthy && !eager) {
      const { events } = this.#options;
      events.record(
        this.#pod,
        "Warning",
        "Unhealthy",
        `${run.type} probe failed: ${answer.output}`,
        fieldPathOf(this.#pod, this.#container.name),
      );
    }
    const enough =
      run.streak >= (answer.healthy ? (run.probe.successThreshold ?? 1) : (run.probe.failureThreshold ?? 3));
    if (enough) this.#decided(run, answer.healthy);
    if (this.#closed || !this.#runs.includes(run)) return;
    run.timer = clock.after(eager ? Math.min(period, 100) : period, () => void this.#ask(run));
  }

  #decided(run: ProbeRun, healthy: boolean): void {
    if (run.type === "Readiness") this.#set({ ...this.#verdict, ready: healthy });
    else if (run.type === "Startup" && healthy) {
      this.#runs = this.#runs.filter((other) => other !== run);
      this.#set({ ...this.#verdict, started: true, ready: !this.#container.readinessProbe });
      this.#beginRegular();
    } else if (!healthy) {
      const graceSeconds = run.probe.terminationGracePeriodSeconds;
      const probe = run.type === "Startup" ? "Startup" : "Liveness";
      this.#set({ ...this.#verdict, failed: { probe, ...(graceSeconds === undefined ? {} : { graceSeconds }) } });
    }
  }

  #set(verdict: ProbeVerdict): void {
    const before = this.#verdict;
    this.#verdict = verdict;
    if (before.ready !== verdict.ready || before.started !== verdict.started || before.failed !== verdict.failed) {
      this.#options.onChange(this.#pod.metadata.uid);
    }
  }
}
