import type { Container, Pod, PodSpec } from "../../api/generated/core-v1.ts";
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

/** What a pod without requests counts as in scoring, so that such pods spread too (as upstream). */
export const assumedCpu = 100;
export const assumedMemory = 200 * 1024 * 1024;

const none: ReadonlyMap<string, number> = new Map();
export const noResources: Resources = { cpu: 0, memory: 0, ephemeralStorage: 0, others: none };

/** Reads a list of quantities by resource name. */
export function resourcesOf(list: Readonly<Record<string, Quantity>> | undefined): Resources {
  if (!list) return noResources;
  let cpu = 0;
  let memory = 0;
  let ephemeralStorage = 0;
  let others: Map<string, number> | undefined;
  for (const [name, quantity] of Object.entries(list)) {
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
  const others = new Map(left.others);
  for (const [name, amount] of right.others) others.set(name, join(others.get(name) ?? 0, amount));
  return {
    cpu: join(left.cpu, right.cpu),
    memory: join(left.memory, right.memory),
    ephemeralStorage: join(left.ephemeralStorage, right.ephemeralStorage),
    others,
  };
}

export const sumOf = (left: Resources, right: Resources): Resources => combined(left, right, (a, b) => a + b);
export const largerOf = (left: Resources, right: Resources): Resources => combined(left, right, Math.max);

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
  let sidecars = noResources;
  let initPeak = noResources;
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === "Always") {
      sidecars = sumOf(sidecars, of(container));
      initPeak = largerOf(initPeak, sidecars);
    } else initPeak = largerOf(initPeak, sumOf(sidecars, of(container)));
  }
  total = largerOf(sumOf(total, sidecars), initPeak);
  if (spec.resources?.requests) {
    // Requests of the pod as a whole stand in for its containers' (KEP-2837).
    const whole = resourcesOf(spec.resources.requests);
    const named = spec.resources.requests as Readonly<Record<string, Quantity>>;
    total = {
      ...total,
      ...("cpu" in named ? { cpu: whole.cpu } : {}),
      ...("memory" in named ? { memory: whole.memory } : {}),
    };
  }
  return spec.overhead ? sumOf(total, resourcesOf(spec.overhead)) : total;
}

/** Requests for scoring: containers that ask for no CPU or memory count with an assumed amount. */
export function scoredRequests(spec: PodSpec): { readonly cpu: number; readonly memory: number } {
  const assumed = (container: Container): Resources => {
    const requests = (container.resources?.requests ?? {}) as Readonly<Record<string, Quantity>>;
    const known = resourcesOf(requests);
    return {
      ...known,
      cpu: "cpu" in requests ? known.cpu : assumedCpu,
      memory: "memory" in requests ? known.memory : assumedMemory,
    };
  };
  const { cpu, memory } = podRequests(spec, assumed);
  return { cpu, memory };
}

/** One port of the node that a pod takes for itself. */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export function hostPorts({ spec }: Pod): readonly HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  return [...spec.containers, ...sidecars].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ ip: hostIP || "0.0.0.0", protocol: protocol ?? "TCP", port: hostPort }] : [],
    ),
  );
}

/** Two pods cannot both have it on one node. */
export function portsClash(one: HostPort, two: HostPort): boolean {
  if (one.port !== two.port || one.protocol !== two.protocol) return false;
  return one.ip === two.ip || one.ip === "0.0.0.0" || two.ip === "0.0.0.0";
}
