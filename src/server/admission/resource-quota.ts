import { inScope, type Usage, usageOf } from "../../api/core/quota-usage.ts";
import { ResourceQuota } from "../../api/core/resource-quota.ts";
import { addQuantities, compareQuantities, quantitySign, subtractQuantities } from "../../machinery/quantity.ts";
import { conflict, forbidden, isStatus } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

const asQuota = (object: AnyObject) => object as AnyObject as unknown as ResourceQuota;
/** What pods must say of every container when a quota limits it. */
const perContainer = new Set(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]);

/** Refuses what exceeds a namespace's quotas, and books what it lets pass; the quota controller corrects the books. */
export function resourceQuota(registry: Registry): AdmissionPlugin {
  const quotas = registry.of(ResourceQuota);
  const { cache, resource } = quotas;

  const charge = async (request: AdmissionRequest, name: string, object: AnyObject, delta: Usage): Promise<void> => {
    try {
      await updateObject(quotas, {
        namespace: request.namespace,
        name,
        dryRun: request.dryRun,
        rules: { prepare: (next) => next, validate: () => [] },
        change: ({ object: current }) => booked(request, object.metadata.name, current, delta),
      });
    } catch (error) {
      if (isStatus(error, "NotFound")) return;
      if (isStatus(error, "Conflict")) throw conflict(resource.name, name);
      throw error;
    }
  };

  return {
    name: "ResourceQuota",
    handles: ({ operation, subresource, namespace, resource: plural }) =>
      (operation === "CREATE" || operation === "UPDATE") &&
      subresource === "" &&
      namespace !== "" &&
      plural !== "resourcequotas",
    async validate(object, previous, request) {
      if (!object) return;
      await cache.start();
      for (const held of cache.range(resource.rangeOf(request.namespace))) {
        const quota = asQuota(held.object);
        const hard = quota.status?.hard ?? {};
        const what = { group: request.group, plural: request.resource };
        if (!inScope(quota, what, object)) continue;
        const usage = pick(usageOf(what, object), hard);
        if (request.resource === "pods" && request.group === "" && !previous)
          requireAll(request, object, quota.metadata.name ?? "", hard);
        const before = previous && inScope(quota, what, previous) ? pick(usageOf(what, previous), hard) : {};
        const delta = growth(usage, before);
        if (Object.keys(delta).length > 0) await charge(request, held.object.metadata.name, object, delta);
      }
    },
  };
}

const pick = (usage: Usage, hard: Usage): Usage =>
  Object.fromEntries(Object.entries(usage).filter(([name]) => Object.hasOwn(hard, name)));

function growth(usage: Usage, before: Usage): Usage {
  const delta: Record<string, string> = {};
  for (const [name, value] of Object.entries(usage)) {
    const more = before[name] ? subtractQuantities(value, before[name]) : value;
    if (quantitySign(more) > 0) delta[name] = more;
  }
  return delta;
}

function requireAll({ group, resource }: AdmissionRequest, object: AnyObject, quota: string, hard: Usage): void {
  const usage = usageOf({ group, plural: resource }, object);
  const missing = Object.keys(hard).filter((name) => perContainer.has(name) && usage[name] === undefined);
  if (missing.length === 0) return;
  throw forbidden(
    { group, plural: resource },
    object.metadata.name,
    `failed quota: ${quota}: must specify ${missing.sort().join(",")}`,
  );
}

function booked({ group, resource }: AdmissionRequest, name: string, current: AnyObject, delta: Usage): AnyObject {
  const quota = asQuota(current);
  const { hard = {}, used = {} } = quota.status ?? {};
  const next: Record<string, string> = { ...used };
  const exceeded: string[] = [];
  for (const [what, more] of Object.entries(delta)) {
    next[what] = addQuantities(used[what] ?? "0", more);
    const limit = hard[what];
    if (limit !== undefined && compareQuantities(next[what], limit) > 0) exceeded.push(what);
  }
  if (exceeded.length > 0) {
    const list = (amounts: Usage) =>
      exceeded
        .sort()
        .map((what) => `${what}=${amounts[what] ?? "0"}`)
        .join(",");
    const why = `exceeded quota: ${quota.metadata.name}, requested: ${list(delta)}, used: ${list(used)}, limited: ${list(hard)}`;
    throw forbidden({ group, plural: resource }, name, why);
  }
  return { ...current, status: { ...quota.status, used: next } };
}
