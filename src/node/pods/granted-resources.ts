import type { Container, Pod, ResourceRequirements } from "../../api/generated/core-v1.ts";
import { compareQuantities } from "../../machinery/quantity.ts";

type Quantities = Readonly<Record<string, string>>;
export type ResizableName = "cpu" | "memory";
const resizable: readonly ResizableName[] = ["cpu", "memory"];

/** What differs between two declarations of CPU and memory. */
export function changedResources(
  before: ResourceRequirements | undefined,
  after: ResourceRequirements | undefined,
): readonly ResizableName[] {
  const same = (one: string | undefined, other: string | undefined) =>
    one === other || (one !== undefined && other !== undefined && compareQuantities(one, other) === 0);
  const of = (resources: ResourceRequirements | undefined, part: "requests" | "limits", name: ResizableName) =>
    (resources?.[part] as Quantities | undefined)?.[name];
  return resizable.filter((name) =>
    (["requests", "limits"] as const).some((part) => !same(of(before, part, name), of(after, part, name))),
  );
}

/** Whether two versions of a pod are declared to have the same CPU and memory. */
export function haveSameResources(one: Pod, other: Pod): boolean {
  const before = resourcesByName(one);
  return everyContainer(other).every(
    ({ name, resources }) => changedResources(before.get(name), resources).length === 0,
  );
}

/** The pod with each container's resources as another version of it has them. */
export function withResourcesOf(pod: Pod, source: Pod): Pod {
  if (pod === source || haveSameResources(pod, source)) return pod;
  const given = resourcesByName(source);
  return withResources(pod, ({ name, resources }) => given.get(name) ?? resources);
}

/** The pod with the resources that its status says its containers were granted; as declared where it does not say. */
export function withToldResources(pod: Pod): Pod {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const told = new Map([...initContainerStatuses, ...containerStatuses].map((status) => [status.name, status]));
  return withResources(pod, ({ name, resources }) => {
    const status = told.get(name);
    if (!status?.resources) return resources;
    const { allocatedResources: requests = status.resources.requests } = status;
    return { ...status.resources, ...(requests ? { requests } : {}) };
  });
}

/** The pod with other resources of its containers, sidecars and init containers. */
export function withResources(pod: Pod, of: (container: Container) => ResourceRequirements | undefined): Pod {
  const change = (containers: readonly Container[]) =>
    containers.map((container): Container => {
      const { resources: _, ...rest } = container;
      const resources = of(container);
      return { ...rest, ...(resources ? { resources } : {}) };
    });
  const { containers, initContainers } = pod.spec;
  const spec = {
    ...pod.spec,
    containers: change(containers),
    ...(initContainers ? { initContainers: change(initContainers) } : {}),
  };
  return { ...pod, spec };
}

function everyContainer({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function resourcesByName(pod: Pod): ReadonlyMap<string, ResourceRequirements | undefined> {
  return new Map(everyContainer(pod).map(({ name, resources }) => [name, resources]));
}
