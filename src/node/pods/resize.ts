import type { Container, Pod, ResourceRequirements } from "../../api/generated/core-v1.ts";
import { errorMessage } from "../../lib/fault.ts";
import { compareQuantities } from "../../machinery/quantity.ts";
import type { ConditionNews } from "./conditions.ts";
import { fieldPathOf } from "./containers.ts";
import { newest, type ObservedContainer, type ObservedPod } from "./observed.ts";
import type { ContainerStop } from "./plan.ts";
import type { PodServices } from "./pod-services.ts";
import { containerResources, largerLimits, podCgroupLimits, qosOf } from "./qos.ts";

type Quantities = Readonly<Record<string, string>>;
type ResourceName = "cpu" | "memory";
const resizable: readonly ResourceName[] = ["cpu", "memory"];

/** A running container that is declared to have other amounts than it has. */
export interface Resize {
  readonly declared: Container;
  readonly container: ObservedContainer;
  readonly changed: readonly ResourceName[];
}

/** What differs between two declarations of CPU and memory. */
export function changedResources(
  before: ResourceRequirements | undefined,
  after: ResourceRequirements | undefined,
): readonly ResourceName[] {
  const same = (one: string | undefined, other: string | undefined) =>
    one === other || (one !== undefined && other !== undefined && compareQuantities(one, other) === 0);
  const of = (resources: ResourceRequirements | undefined, part: "requests" | "limits", name: ResourceName) =>
    (resources?.[part] as Quantities | undefined)?.[name];
  return resizable.filter((name) =>
    (["requests", "limits"] as const).some((part) => !same(of(before, part, name), of(after, part, name))),
  );
}

/**
 * Gives running containers other amounts of CPU and memory while they run (Kubernetes documentation: resize CPU and memory). It
 * knows what each container really has; after a restart of the agent the pod's status says it.
 */
export class Resizer {
  readonly #services: PodServices;
  readonly #applied = new Map<string, ResourceRequirements | undefined>();
  /** Why amounts are not as declared yet, if so. */
  condition: ConditionNews | undefined;

  constructor(services: PodServices) {
    this.#services = services;
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
  async apply(pod: Pod, observed: ObservedPod): Promise<void> {
    const { runtime, cgroups, events, capacityMemory } = this.#services;
    const wanted = this.#wanted(pod, observed).filter((resize) => !needsRestart(resize));
    if (wanted.length === 0) {
      this.condition = undefined;
      return;
    }
    const before = this.#before(pod, wanted);
    const [qos, { uid }] = [qosOf(pod), pod.metadata];
    try {
      // The pod's group must never be tighter than a container's: it grows first and shrinks last.
      await cgroups?.ensurePod(qos, uid, largerLimits(podCgroupLimits(before), podCgroupLimits(pod)));
      for (const { declared, container } of wanted) {
        const { oomScoreAdj: _, ...resources } = containerResources(pod, declared, capacityMemory);
        await runtime.updateContainerResources(container.id, resources);
        this.#applied.set(container.id, declared.resources);
      }
      await cgroups?.ensurePod(qos, uid, podCgroupLimits(pod));
      this.condition = undefined;
      const names = wanted.map(({ declared, changed }) => `${declared.name} (${changed.join(", ")})`).join(", ");
      events.record(pod, "Normal", "ResizeCompleted", `Pod resize completed: ${names}`);
    } catch (error) {
      const message = errorMessage(error);
      this.condition = { type: "PodResizeInProgress", status: "True", reason: "Error", message };
      for (const { declared } of wanted)
        events.record(pod, "Warning", "ResizeError", message, fieldPathOf(pod, declared.name));
    }
  }

  /** The pod with what its containers have. */
  #before(pod: Pod, wanted: readonly Resize[]): Pod {
    const containers = pod.spec.containers.map((declared): Container => {
      const found = wanted.find(({ container }) => container.name === declared.name);
      const applied = found && this.#applied.get(found.container.id);
      return found ? { ...declared, ...(applied ? { resources: applied } : {}) } : declared;
    });
    return { ...pod, spec: { ...pod.spec, containers } };
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
      restartPolicy === "RestartContainer" && changed.includes(resourceName as ResourceName),
  );
}
