import type { Container, Pod, ResourceRequirements } from "../../api/generated/core-v1.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import { quantityValue } from "../../machinery/quantity.ts";
import type { ConditionNews } from "./conditions.ts";
import { fieldPathOf } from "./containers.ts";
import { changedResources, type ResizableName, withResources } from "./granted-resources.ts";
import { newest, type ObservedContainer, type ObservedPod } from "./observed.ts";
import type { ContainerStop } from "./plan.ts";
import type { PodServices } from "./pod-services.ts";
import { containerResources, largerLimits, podCgroupLimits, qosOf } from "./qos.ts";

/** A running container that is declared to have other amounts than it has. */
export interface Resize {
  readonly declared: Container;
  readonly container: ObservedContainer;
  readonly changed: readonly ResizableName[];
}

/**
 * Gives running containers other amounts of CPU and memory while they run (Kubernetes documentation: resize CPU and memory), once
 * the node's room grants them. It knows what each container really has; after a restart of the agent the pod's status says it.
 */
export class Resizer {
  readonly #services: PodServices;
  readonly #applied = new Map<string, ResourceRequirements | undefined>();
  #pending: ConditionNews | undefined;
  #inProgress: ConditionNews | undefined;

  constructor(services: PodServices) {
    this.#services = services;
  }

  /** Why amounts are not as declared yet, if so. */
  get conditions(): readonly ConditionNews[] {
    return [this.#pending, this.#inProgress].filter((each) => each !== undefined);
  }

  /** The pod as the node grants it; tells when that has changed. */
  settle(declared: Pod): Pod {
    const { room, events } = this.#services;
    const { pod, pending, granted } = room.settle(declared);
    if (granted) {
      this.#inProgress = progress(pod);
      events.record(pod, "Normal", "ResizeStarted", resizeText(pod, "started"));
    }
    if (!pending) this.#pending = undefined;
    else {
      const { reason, message } = pending;
      const before = this.#pending;
      this.#pending = { ...generationOf(declared), type: "PodResizePending", status: "True", reason, message };
      if (!isEqual(before, this.#pending))
        events.record(declared, "Warning", `Resize${reason}`, resizeText(declared, reason, message));
    }
    return pod;
  }

  /** A container was made as it is declared now. */
  made(container: ObservedContainer, declared: Container): void {
    this.#applied.set(container.id, declared.resources);
  }

  /** What a container has; undefined when nobody knows better than its declaration. */
  appliedTo({ id }: ObservedContainer): ResourceRequirements | undefined {
    return this.#applied.get(id);
  }

  /** Containers that must be started anew to get what they are declared to have, as their resize policy says. */
  stops(pod: Pod, observed: ObservedPod): readonly ContainerStop[] {
    return this.#wanted(pod, observed)
      .filter(needsRestart)
      .map(({ container }) => ({
        container,
        message: `Container ${container.name} resize requires restart`,
      }));
  }

  /** Changes what can be changed in place. A failure is told by a condition and tried again at the next look. */
  async apply(pod: Pod, observed: ObservedPod, report: () => void): Promise<void> {
    const all = this.#wanted(pod, observed);
    if (all.length === 0) {
      if (this.#inProgress)
        this.#services.events.record(pod, "Normal", "ResizeCompleted", resizeText(pod, "completed"));
      this.#inProgress = undefined;
      return;
    }
    this.#inProgress ??= progress(pod);
    const inPlace = all.filter((resize) => !needsRestart(resize));
    if (inPlace.length === 0) return;
    // Seen by the API meanwhile.
    report();
    try {
      await this.#change(pod, inPlace);
      if (inPlace.length < all.length) return;
      this.#inProgress = undefined;
      this.#services.events.record(pod, "Normal", "ResizeCompleted", resizeText(pod, "completed"));
    } catch (error) {
      const message = errorMessage(error);
      const { events } = this.#services;
      const known = this.#inProgress?.message === message;
      this.#inProgress = { ...progress(pod), reason: "Error", message };
      if (known) return;
      for (const { declared } of inPlace)
        events.record(
          pod,
          "Warning",
          "ResizeError",
          resizeText(pod, "error", message),
          fieldPathOf(pod, declared.name),
        );
    }
  }

  async #change(pod: Pod, wanted: readonly Resize[]): Promise<void> {
    const { runtime, cgroups, capacityMemory } = this.#services;
    for (const resize of wanted) await this.#refuseTooLittle(resize);
    const before = this.#before(pod, wanted);
    const [qos, { uid }] = [qosOf(pod), pod.metadata];
    // The pod's group must never be tighter than a container's: it grows first and shrinks last.
    await cgroups?.ensurePod(qos, uid, largerLimits(podCgroupLimits(before), podCgroupLimits(pod)));
    for (const { declared, container } of wanted) {
      const { oomScoreAdj: _, ...resources } = containerResources(pod, declared, capacityMemory);
      await runtime.updateContainerResources(container.id, resources);
      this.#applied.set(container.id, declared.resources);
    }
    await cgroups?.ensurePod(qos, uid, podCgroupLimits(pod));
  }

  /** A container is not given less memory than it uses: the kernel would kill it. */
  async #refuseTooLittle({ declared, container }: Resize): Promise<void> {
    const limit = declared.resources?.limits?.memory;
    const had = this.#applied.get(container.id)?.limits?.memory;
    if (limit === undefined || (had !== undefined && quantityValue(limit) >= quantityValue(had))) return;
    const stats = await this.#services.runtime.containerStats(container.id);
    const used = stats?.memory?.usageBytes ?? stats?.memory?.workingSetBytes ?? 0;
    if (used < quantityValue(limit)) return;
    const amounts = `memory limit (${quantityValue(limit)}) below current usage (${used})`;
    const message = `cannot decrease memory limits: attempting to set container "${declared.name}" ${amounts}`;
    throw new Fault("conflict", message);
  }

  /** The pod with what its containers have. */
  #before(pod: Pod, wanted: readonly Resize[]): Pod {
    return withResources(pod, ({ name, resources }) => {
      const found = wanted.find(({ container }) => container.name === name);
      return (found && this.#applied.get(found.container.id)) ?? resources;
    });
  }

  #wanted(pod: Pod, observed: ObservedPod): readonly Resize[] {
    const { containers, initContainers = [] } = pod.spec;
    const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
    return [...sidecars, ...containers].flatMap((declared): readonly Resize[] => {
      const container = newest(observed, declared.name);
      if (container?.state !== "running") return [];
      if (!this.#applied.has(container.id)) this.#applied.set(container.id, told(pod, container) ?? declared.resources);
      const changed = changedResources(this.#applied.get(container.id), declared.resources);
      return changed.length > 0 ? [{ declared, container, changed }] : [];
    });
  }
}

/** What the status says that a container has. */
function told({ status }: Pod, container: ObservedContainer): ResourceRequirements | undefined {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find(({ containerID }) => containerID?.endsWith(`//${container.id}`))?.resources;
}

function needsRestart({ declared, changed }: Resize): boolean {
  return (declared.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === "RestartContainer" && changed.includes(resourceName as ResizableName),
  );
}

function progress(pod: Pod): ConditionNews {
  return { ...generationOf(pod), type: "PodResizeInProgress", status: "True" };
}

function generationOf({ metadata: { generation } }: Pod): Pick<ConditionNews, "observedGeneration"> {
  return generation === undefined ? {} : { observedGeneration: generation };
}

/** What events tell of a resize: which, and what the pod is to have, as JSON (as upstream). */
function resizeText({ spec, metadata }: Pod, what: string, error?: string): string {
  const of = (containers: readonly Container[]) =>
    containers.map(({ name, resources }) => ({ name, resources: resources ?? {} }));
  const summary = {
    ...(spec.initContainers?.length ? { initContainers: of(spec.initContainers) } : {}),
    containers: of(spec.containers),
    generation: metadata.generation ?? 0,
    ...(error === undefined ? {} : { error }),
  };
  return `Pod resize ${what}: ${JSON.stringify(summary)}`;
}
