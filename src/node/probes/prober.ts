import type { Pod } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import { declared } from "../pods/containers.ts";
import type { ObservedContainer } from "../pods/observed.ts";
import type { ProbeVerdict } from "../pods/plan.ts";
import type { Probes } from "../pods/pod-services.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { ContainerProbes } from "./container-probes.ts";
import type { ProbeCounts } from "./probe-counts.ts";

export interface ProberOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: EventRecorder;
  /** A pod's verdicts changed. */
  readonly onChange: (podUid: string) => void;
  readonly counts: ProbeCounts;
}

/** Probes of every container of a node that has any. */
export class Prober implements Probes, Disposable {
  readonly #options: ProberOptions;
  /** By pod, then by container id. */
  readonly #pods = new Map<string, Map<string, ContainerProbes>>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  update(pod: Pod, running: readonly ObservedContainer[], podIP: string | undefined): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const known = this.#pods.get(uid) ?? new Map<string, ContainerProbes>();
    const live = new Set(running.map(({ id }) => id));
    for (const [id, probes] of known) {
      if (live.has(id)) continue;
      probes[Symbol.dispose]();
      known.delete(id);
    }
    for (const observed of running) {
      const probes = known.get(observed.id);
      if (probes && deletionTimestamp) probes.keepOnlyReadiness();
      const container = declared(pod, observed.name);
      if (probes || !container || !podIP) continue;
      if (!container.startupProbe && !container.livenessProbe && !container.readinessProbe) continue;
      const first = firstVerdict(pod, observed);
      known.set(observed.id, new ContainerProbes({ ...this.#options, pod, container, observed, podIP, first }));
    }
    if (known.size > 0) this.#pods.set(uid, known);
    else this.#pods.delete(uid);
  }

  verdict(pod: Pod, container: ObservedContainer): ProbeVerdict {
    const probes = this.#pods.get(pod.metadata.uid)?.get(container.id);
    return probes?.verdict ?? firstVerdict(pod, container);
  }

  forget(uid: string): void {
    for (const probes of this.#pods.get(uid)?.values() ?? []) probes[Symbol.dispose]();
    this.#pods.delete(uid);
    this.#options.counts.forget(uid);
  }

  [Symbol.dispose](): void {
    for (const uid of [...this.#pods.keys()]) this.forget(uid);
  }
}

/** Before it was asked: what was last told of this very container holds, so that a new agent does not take a pod out of service; else it is not so. */
function firstVerdict({ status, spec }: Pod, { name, id }: ObservedContainer): ProbeVerdict {
  const container = [...spec.containers, ...(spec.initContainers ?? [])].find((each) => each.name === name);
  const { containerStatuses, initContainerStatuses } = status ?? {};
  const told = [...(containerStatuses ?? []), ...(initContainerStatuses ?? [])].find((each) => each.name === name);
  const same = told?.containerID?.endsWith(`://${id}`) ?? false;
  const started = !container?.startupProbe || (same && told?.started === true);
  return { started, ready: started && (!container?.readinessProbe || (same && told?.ready === true)) };
}
