import { isSidecar } from "../../api/core/pod-state.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import { goQuote } from "../../lib/go-text.ts";
import { quantityOf, quantityValue } from "../../machinery/quantity.ts";
import type { Observation } from "./assess.ts";
import { amountOf, resourceOf, type Threshold } from "./thresholds.ts";
import { type DiskPart, diskOf, type PodUsage } from "./usage.ts";

type Quantities = Readonly<Record<string, string>>;

const bytes = (amount: number) => quantityOf(Math.floor(amount), "BinarySI");

/** Why a pod had to go, in upstream's words: what was short, and which containers used more than they asked for. */
export function evictionMessage(
  pod: Pod,
  usage: PodUsage | undefined,
  threshold: Threshold,
  observation: Observation | undefined,
): string {
  const resource = resourceOf(threshold.signal);
  const format = resource === "memory" || resource === "ephemeral-storage" ? "BinarySI" : "DecimalSI";
  let text = `The node was low on resource: ${resource}. `;
  if (observation) {
    const quantity = quantityOf(amountOf(threshold.below, observation.capacity), format);
    text += `Threshold quantity: ${quantity}, available: ${quantityOf(Math.floor(observation.available), format)}. `;
  }
  if (resource !== "memory" && resource !== "ephemeral-storage") return text;
  for (const { name, resources } of [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]) {
    const own = usage?.containers.get(name);
    if (!own) continue;
    const amount = resource === "memory" ? own.memory : (own.layer ?? 0) + (own.logs ?? 0);
    const request = (resources?.requests as Quantities | undefined)?.[resource] ?? "0";
    if (amount === undefined || amount <= quantityValue(request)) continue;
    text += `Container ${name} was using ${bytes(amount)}, request is ${request}, has larger consumption of ${resource}. `;
  }
  return text;
}

export interface StorageBreach {
  readonly signal: "emptydirfs.limit" | "ephemeralpodfs.limit" | "ephemeralcontainerfs.limit";
  readonly message: string;
}

const everything: readonly DiskPart[] = ["layers", "logs", "volumes"];

/** Whether a pod says how much of the node's disk it may use at most. */
export function hasStorageLimits({ spec }: Pod): boolean {
  return (
    (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit) ||
    spec.containers.some(({ resources }) => (resources?.limits as Quantities | undefined)?.["ephemeral-storage"])
  );
}

/** The first of its own limits on disk space that a pod has broken, if any: an emptyDir's, all its containers', one container's. */
export function storageBreach({ spec }: Pod, usage: PodUsage): StorageBreach | undefined {
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    if (!limit || quantityValue(limit) <= 0 || (usage.volumes.get(name)?.bytes ?? 0) <= quantityValue(limit)) continue;
    const message = `Usage of EmptyDir volume ${goQuote(name)} exceeds the limit ${goQuote(limit)}. `;
    return { signal: "emptydirfs.limit", message };
  }
  const limits = spec.containers.map(
    ({ name, resources }) => [name, (resources?.limits as Quantities | undefined)?.["ephemeral-storage"]] as const,
  );
  const given = limits.flatMap(([, limit]) => (limit ? [quantityValue(limit)] : []));
  const total = given.reduce((one, other) => one + other, 0);
  if (given.length > 0 && diskOf(usage, everything) > total) {
    const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${bytes(total)}. `;
    return { signal: "ephemeralpodfs.limit", message };
  }
  for (const [name, limit] of limits) {
    const { layer = 0, logs = 0 } = usage.containers.get(name) ?? {};
    if (!limit || layer + logs <= quantityValue(limit)) continue;
    const message = `Container ${name} exceeded its local ephemeral storage limit ${goQuote(limit)}. `;
    return { signal: "ephemeralcontainerfs.limit", message };
  }
  return undefined;
}
