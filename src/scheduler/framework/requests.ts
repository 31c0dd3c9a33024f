import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from "../../api/generated/core-v1.ts";
import type { Quantity } from "../../machinery/object.ts";
import { milliValue, quantityValue } from "../../machinery/quantity.ts";

/** Amounts of what a node gives: CPU in thousandths of a core, memory and disk in bytes, the rest in whole numbers. */
export interface Resources {
  readonly cpu: number;
  readonly memory: number;
  readonly ephemeralStorage: number;
  /** Extended resources, huge pages and attachable volumes by name. */
  readonly others: ReadonlyMap<string, number>;
}

type Quantities = Readonly<Record<string, Quantity>>;

/** What a pod without requests counts as in scoring, so that such pods spread too (as upstream). */
export const assumedCpu = 100;
export const assumedMemory = 200 * 1024 * 1024;

const none: ReadonlyMap<string, number> = new Map();
export const noResources: Resources = { cpu: 0, memory: 0, ephemeralStorage: 0, others: none };

/** Reads a list of quantities by resource name. */
export function resourcesOf(list: Quantities | undefined): Resources {
  if (!list) return noResources;
  let cpu = 0;
  let memory = 0;
  let ephemeralStorage = 0;
  let others: Map<string, number> | undefined;
  for (const name in list) {
    const quantity = list[name]!;
    if (name === "cpu") cpu = milliValue(quantity);
    else if (name === "memory") memory = quantityValue(quantity);
    else if (name === "ephemeral-storage") ephemeralStorage = quantityValue(quantity);
    else if (name !== "pods") {
      others ??= new Map();
      others.set(name, quantityValue(quantity));
    }
  }
  return { cpu, memory, ephemeralStorage, others: others ?? none };
}

function combined(left: Resources, right: Resources, join: (a: number, b: number) => number): Resources {
  let { others } = left;
  if (right.others.size > 0) {
    const joined = new Map(left.others);
    for (const [name, amount] of right.others) joined.set(name, join(joined.get(name) ?? 0, amount));
    others = joined;
  }
  return {
    cpu: join(left.cpu, right.cpu),
    memory: join(left.memory, right.memory),
    ephemeralStorage: join(left.ephemeralStorage, right.ephemeralStorage),
    others,
  };
}

const plus = (a: number, b: number) => a + b;
const larger = (a: number, b: number) => (a > b ? a : b);

export const sumOf = (left: Resources, right: Resources): Resources =>
  left === noResources ? right : combined(left, right, plus);
export const largerOf = (left: Resources, right: Resources): Resources =>
  left === noResources ? right : combined(left, right, larger);

/** How much of one resource, by its name; 0 where it is not listed. */
export function amountOf(resources: Resources, name: string): number {
  if (name === "cpu") return resources.cpu;
  if (name === "memory") return resources.memory;
  if (name === "ephemeral-storage") return resources.ephemeralStorage;
  return resources.others.get(name) ?? 0;
}

/**
 * What a pod takes from a node: the sum of its containers, or its largest init container beside the sidecars that run by
 * then, whichever is more; plus overhead (Kubernetes documentation: init containers, resource sharing).
 */
export function podRequests(
  spec: PodSpec,
  of: (container: Container) => Resources = (container) => resourcesOf(container.resources?.requests),
): Resources {
  let total = noResources;
  for (const container of spec.containers) total = sumOf(total, of(container));
  if (spec.initContainers?.length) {
    let sidecars = noResources;
    let initPeak = noResources;
    for (const container of spec.initContainers) {
      if (container.restartPolicy === "Always") {
        sidecars = sumOf(sidecars, of(container));
        initPeak = largerOf(initPeak, sidecars);
      } else initPeak = largerOf(initPeak, sumOf(sidecars, of(container)));
    }
    total = largerOf(sumOf(total, sidecars), initPeak);
  }
  if (spec.resources?.requests) total = withWhole(total, spec.resources.requests as Quantities);
  return spec.overhead ? sumOf(total, resourcesOf(spec.overhead as Quantities)) : total;
}

/** Requests of the pod as a whole stand in for its containers' (KEP-2837). */
function withWhole(total: Resources, named: Quantities): Resources {
  const whole = resourcesOf(named);
  const huge = [...whole.others].filter(([name]) => name.startsWith("hugepages-"));
  return {
    cpu: "cpu" in named ? whole.cpu : total.cpu,
    memory: "memory" in named ? whole.memory : total.memory,
    ephemeralStorage: total.ephemeralStorage,
    others: huge.length > 0 ? new Map([...total.others, ...huge]) : total.others,
  };
}

/**
 * A container's requests while it is resized in place: the most of what is asked for, granted and in force, since any of
 * them may be what the node holds for it; a resize that cannot be does not count (KEP-1287).
 */
export function resizedRequests(status: PodStatus | undefined): (container: Container) => Resources {
  const statuses = new Map<string, ContainerStatus>();
  for (const each of status?.containerStatuses ?? []) statuses.set(each.name, each);
  for (const each of status?.initContainerStatuses ?? []) statuses.set(each.name, each);
  const infeasible = status?.conditions?.some(
    ({ type, reason }) => type === "PodResizePending" && reason === "Infeasible",
  );
  return ({ name, resources }) => {
    const asked = resourcesOf(resources?.requests as Quantities | undefined);
    const known = statuses.get(name);
    if (!known?.allocatedResources && !known?.resources?.requests) return asked;
    const granted = resourcesOf(known.allocatedResources as Quantities | undefined);
    const inForce = resourcesOf(known.resources?.requests as Quantities | undefined);
    const held = largerOf(granted, inForce);
    return infeasible ? held : largerOf(asked, held);
  };
}

/** What a pod counts as on the node where it is, with a resize that is under way. */
export function placedRequests({ spec, status }: Pod): Resources {
  const resizing =
    status?.containerStatuses?.some((each) => each.allocatedResources || each.resources?.requests) ?? false;
  return resizing ? podRequests(spec, resizedRequests(status)) : podRequests(spec);
}

/** Requests for scoring: containers that ask for no CPU or memory count with an assumed amount. */
export function scoredRequests(spec: PodSpec): Resources {
  return podRequests(spec, (container) => {
    const requests = (container.resources?.requests ?? {}) as Quantities;
    const known = resourcesOf(requests);
    return {
      ...known,
      cpu: "cpu" in requests ? known.cpu : assumedCpu,
      memory: "memory" in requests ? known.memory : assumedMemory,
    };
  });
}
