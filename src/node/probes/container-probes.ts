import type { Container, Pod, Probe } from "../../api/generated/core-v1.ts";
import { fieldPathOf } from "../pods/containers.ts";
import type { ObservedContainer } from "../pods/observed.ts";
import type { ProbeVerdict } from "../pods/plan.ts";
import { probeOnce } from "./probe.ts";
import type { ProberOptions } from "./prober.ts";

export interface ContainerProbesOptions extends ProberOptions {
  readonly pod: Pod;
  readonly container: Container;
  readonly observed: ObservedContainer;
  readonly podIP: string;
  /** What holds until probes say otherwise. */
  readonly first: ProbeVerdict;
}

type ProbeType = "Startup" | "Liveness" | "Readiness";

interface ProbeRun {
  readonly type: ProbeType;
  readonly probe: Probe;
  streak: number;
  lastHealthy: boolean | undefined;
  timer: Disposable | undefined;
  /** How soon it is asked again between two regular times; grows. */
  eagerness: number;
  /** When it is regularly asked next (monotonic). */
  due: number;
}

const firstEagerness = 100;

/** The probes of one life of a container: startup first, then liveness and readiness side by side. */
export class ContainerProbes implements Disposable {
  readonly #options: ContainerProbesOptions;
  #runs: ProbeRun[] = [];
  #verdict: ProbeVerdict;

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
    this.#verdict = options.first;
    const { startupProbe } = options.container;
    if (startupProbe && !options.first.started) this.#begin("Startup", startupProbe);
    else this.#beginRegular();
  }

  get verdict(): ProbeVerdict {
    return this.#verdict;
  }

  /** A container that ends must not be restarted for its health any more. */
  keepOnlyReadiness(): void {
    for (const run of this.#runs) if (run.type !== "Readiness") run.timer?.[Symbol.dispose]();
    this.#runs = this.#runs.filter(({ type }) => type === "Readiness");
  }

  [Symbol.dispose](): void {
    for (const run of this.#runs) run.timer?.[Symbol.dispose]();
    this.#runs = [];
  }

  #beginRegular(): void {
    const { livenessProbe, readinessProbe } = this.#options.container;
    if (livenessProbe) this.#begin("Liveness", livenessProbe);
    if (readinessProbe) this.#begin("Readiness", readinessProbe);
  }

  #begin(type: ProbeType, probe: Probe): void {
    const { clock, observed } = this.#options;
    const age = clock.now() - (observed.startedAt ?? clock.now());
    const wait = Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - age);
    // A command costs the node a process, so commands are asked in their period only.
    const patient = type === "Liveness" || probe.exec || (type === "Readiness" && this.#options.first.ready);
    const eagerness = patient ? Number.POSITIVE_INFINITY : firstEagerness;
    const due = clock.monotonic() + wait;
    const run: ProbeRun = { type, probe, streak: 0, lastHealthy: undefined, timer: undefined, eagerness, due };
    this.#runs.push(run);
    run.timer = clock.after(wait, () => void this.#ask(run));
  }

  async #ask(run: ProbeRun): Promise<void> {
    const { clock, pod, container, observed, podIP, runtime, counts } = this.#options;
    const regular = clock.monotonic() >= run.due;
    if (regular) run.due = clock.monotonic() + (run.probe.periodSeconds ?? 10) * 1000;
    const began = clock.monotonic();
    const answer = await probeOnce(run.probe, { container, containerId: observed.id, podIP, runtime });
    if (!this.#runs.includes(run)) return;
    counts.count(pod, container.name, run.type, answer.healthy ? "successful" : "failed");
    if (answer.healthy) counts.took(pod, container.name, run.type, (clock.monotonic() - began) / 1000);
    // Between its regular times a container is asked only whether it is ready by now: failures then neither count nor are told.
    if (regular || answer.healthy) this.#count(run, answer.healthy);
    if (regular && !answer.healthy) this.#tell("Unhealthy", `${run.type} probe failed: ${answer.output}`);
    if (answer.warning !== undefined) this.#tell("ProbeWarning", `${run.type} probe warning: ${answer.warning}`);
    if (!this.#runs.includes(run)) return;
    // Until it is up for the first time: nobody shall wait a whole period for a container that is ready in a moment.
    if (answer.healthy) run.eagerness = Number.POSITIVE_INFINITY;
    const wait = Math.min(run.due - clock.monotonic(), run.eagerness);
    run.eagerness *= 2;
    run.timer = clock.after(Math.max(0, wait), () => void this.#ask(run));
  }

  #tell(reason: string, message: string): void {
    const { events, pod, container } = this.#options;
    events.record(pod, "Warning", reason, message, fieldPathOf(pod, container.name));
  }

  #count(run: ProbeRun, healthy: boolean): void {
    run.streak = run.lastHealthy === healthy ? run.streak + 1 : 1;
    run.lastHealthy = healthy;
    const { successThreshold = 1, failureThreshold = 3 } = run.probe;
    if (run.streak >= (healthy ? successThreshold : failureThreshold)) this.#decided(run, healthy);
  }

  #decided(run: ProbeRun, healthy: boolean): void {
    if (run.type === "Readiness") this.#set({ ...this.#verdict, ready: healthy });
    else if (run.type === "Startup" && healthy) {
      this.#runs = this.#runs.filter((other) => other !== run);
      this.#set({ started: true, ready: !this.#options.container.readinessProbe });
      this.#beginRegular();
    } else if (!healthy && !this.#verdict.failed) {
      const { terminationGracePeriodSeconds: graceSeconds } = run.probe;
      const probe = run.type === "Startup" ? "Startup" : "Liveness";
      this.#set({ ...this.#verdict, failed: { probe, ...(graceSeconds === undefined ? {} : { graceSeconds }) } });
    }
  }

  #set(verdict: ProbeVerdict): void {
    const { ready, started, failed } = this.#verdict;
    this.#verdict = verdict;
    const changed = ready !== verdict.ready || started !== verdict.started || failed !== verdict.failed;
    if (changed) this.#options.onChange(this.#options.pod.metadata.uid);
  }
}
