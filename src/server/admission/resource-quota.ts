import type { Pod } from "../../api/core/pod.ts";
import { computeUsage, inScope, type Usage, usageOf } from "../../api/core/quota-usage.ts";
import { ResourceQuota } from "../../api/core/resource-quota.ts";
import type { Clock } from "../../lib/clock.ts";
import { addQuantities, compareQuantities, quantitySign, subtractQuantities } from "../../machinery/quantity.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { QuotaLedger } from "./quota-ledger.ts";
import { atLeast, QuotaRecount } from "./quota-recount.ts";

/** What may be used only where a quota says how much of it. */
export interface LimitedResource {
  readonly group: string;
  readonly resource: string;
  /** Parts of the names of what is limited. */
  readonly matchContains: readonly string[];
}

const asQuota = (object: AnyObject) => object as AnyObject as unknown as ResourceQuota;
/** What every container of a pod must say when a quota limits it. */
const perContainer = ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];
/** Writes of these say nothing about what is used, and happen too often to look at. */
const uncounted = new Set(["events", "bindings"]);
const isQuotaStatus = ({ group, resource, subresource, operation }: AdmissionRequest) =>
  operation === "UPDATE" && group === "" && resource === "resourcequotas" && subresource === "status";

/** Refuses what exceeds a namespace's quotas, and books what it lets pass; the quota controller corrects the books. */
export function resourceQuota(
  registry: Registry,
  clock: Clock,
  limited: readonly LimitedResource[] = [],
): AdmissionPlugin {
  const { cache, resource } = registry.of(ResourceQuota);
  const ledger = new QuotaLedger(registry);
  const recount = new QuotaRecount(registry, clock);

  return {
    name: "ResourceQuota",
    idle: () => cache.isEmpty && limited.length === 0,
    handles: (request) => {
      const { operation, subresource, namespace, resource: plural, group } = request;
      if (isQuotaStatus(request)) return true;
      if (namespace === "" || plural === "namespaces" || uncounted.has(plural)) return false;
      const pods = group === "" && plural === "pods";
      if (operation === "CREATE") return subresource === "";
      if (operation !== "UPDATE") return false;
      if (pods) return subresource === "resize";
      const claims = group === "" && plural === "persistentvolumeclaims";
      const growing = claims || (group === "" && plural === "services");
      return growing && (subresource === "" || (claims && subresource === "status"));
    },
    // A count may be older than the last bookings: what is there, or on its way, stays booked.
    async mutate(object, previous, request) {
      if (!isQuotaStatus(request) || !previous) return object;
      const { status } = asQuota(object);
      const before = asQuota(previous).status?.used ?? {};
      const lowered = Object.entries(status?.used ?? {}).some(
        ([name, amount]) => before[name] !== undefined && compareQuantities(amount, before[name]) < 0,
      );
      if (!lowered || !status?.used) return object;
      const least = await recount.least(asQuota(object), resource.keyOf(object));
      return { ...object, status: { ...status, used: atLeast(status.used, least) } } as AnyObject;
    },
    async validate(object, previous, request) {
      if (!object || isQuotaStatus(request)) return;
      await cache.start();
      const quotas = Array.from(cache.range(resource.rangeOf(request.namespace)), (held) => asQuota(held.object));
      if (quotas.length === 0 && limited.length === 0) return;
      const what = { group: request.group, plural: request.resource };
      const usage = usageOf(what, object);
      const before = previous ? usageOf(what, previous) : {};
      const refuse = (why: string) => forbidden(what, object.metadata.name ?? "", why);

      const negative = Object.keys(usage).filter((name) => quantitySign(usage[name] ?? "0") < 0);
      if (negative.length > 0) throw refuse(`quota usage is negative for resource(s): ${negative.sort().join(",")}`);

      const covered = new Set<string>();
      const charges: { readonly name: string; readonly delta: Usage }[] = [];
      for (const quota of quotas) {
        const hard = quota.status?.hard ?? {};
        const counted = Object.keys(usage).filter((name) => Object.hasOwn(hard, name));
        const asked = request.resource === "pods" && request.group === "" ? perContainer : [];
        if (counted.length + asked.filter((name) => Object.hasOwn(hard, name)).length === 0) continue;
        if (!inScope(quota, what, object)) continue;
        const name = quota.metadata.name ?? "";
        if (asked.length > 0) requireAll(object, hard, (why) => refuse(`failed quota: ${name}: ${why}`));
        const unknown = counted.filter((one) => quota.status?.used?.[one] === undefined);
        if (unknown.length > 0) {
          throw refuse(`status unknown for quota: ${name}, resources: ${unknown.sort().join(",")}`);
        }
        for (const one of counted) covered.add(one);
        const wasCounted = previous !== undefined && inScope(quota, what, previous);
        const delta = growth(counted, usage, wasCounted ? before : {});
        if (Object.keys(delta).length > 0) charges.push({ name, delta });
      }
      checkCover(limited, request, growth(Object.keys(usage), usage, before), covered, refuse);

      if (charges.length > 1) {
        // Nothing is booked anywhere before it fits everywhere.
        await cache.current();
        for (const { name, delta } of charges) {
          const held = cache.get(resource.key(request.namespace, name));
          if (held) charged(asQuota(held.object), delta, request, refuse);
        }
      }
      if (charges.length === 0) return;
      const collection = registry.of(request.served.resource.kind);
      const key = collection.resource.key(request.namespace, object.metadata.name);
      try {
        for (const { name, delta } of charges) {
          await ledger.book(request.namespace, name, {
            dryRun: request.dryRun,
            charge: (quota) => charged(quota, delta, request, refuse),
          });
          if (!request.dryRun && !previous) {
            recount.booked(collection, key, resource.key(request.namespace, name), delta);
          }
        }
      } catch (error) {
        recount.forget(key);
        throw error;
      }
    },
    [Symbol.dispose]: () => recount[Symbol.dispose](),
  };
}

function growth(names: readonly string[], usage: Usage, before: Usage): Usage {
  const delta: Record<string, string> = {};
  for (const name of names) {
    const value = usage[name] ?? "0";
    const more = before[name] ? subtractQuantities(value, before[name]) : value;
    if (quantitySign(more) > 0) delta[name] = more;
  }
  return delta;
}

function requireAll(object: AnyObject, hard: Usage, refuse: (why: string) => Error): void {
  const { spec } = object as AnyObject as unknown as Pod;
  const missing = perContainer
    .filter((name) => Object.hasOwn(hard, name))
    .map((name) => ({
      name,
      containers: [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
        .filter(({ resources }) => computeUsage(resources?.requests ?? {}, resources?.limits ?? {})[name] === undefined)
        .map((container) => container.name)
        .sort(),
    }))
    .filter(({ containers }) => containers.length > 0);
  if (missing.length === 0) return;
  const text = missing.map(({ name, containers }) => `${name} for: ${[...new Set(containers)].join(",")}`).join("; ");
  throw refuse(`must specify ${text}`);
}

function checkCover(
  limited: readonly LimitedResource[],
  { group, resource }: AdmissionRequest,
  usage: Usage,
  covered: ReadonlySet<string>,
  refuse: (why: string) => Error,
): void {
  const own = limited.filter((one) => one.group === group && one.resource === resource);
  const missing = Object.keys(usage).filter(
    (name) => !covered.has(name) && own.some(({ matchContains }) => matchContains.some((part) => name.includes(part))),
  );
  if (missing.length > 0) throw refuse(`insufficient quota to consume: ${missing.sort().join(",")}`);
}

function charged(
  quota: ResourceQuota,
  delta: Usage,
  { subresource }: AdmissionRequest,
  refuse: (why: string) => Error,
): ResourceQuota {
  const { hard = {}, used = {} } = quota.status ?? {};
  const next: Record<string, string> = { ...used };
  const exceeded: string[] = [];
  for (const [what, more] of Object.entries(delta)) {
    const limit = hard[what];
    if (limit === undefined) continue;
    next[what] = addQuantities(used[what] ?? "0", more);
    if (compareQuantities(next[what], limit) > 0) exceeded.push(what);
  }
  // What a volume has grown to already cannot be refused any more.
  if (exceeded.length > 0 && subresource !== "status") {
    exceeded.sort();
    const list = (amounts: Usage) => exceeded.map((what) => `${what}=${amounts[what] ?? "0"}`).join(",");
    const name = quota.metadata.name ?? "";
    throw refuse(`exceeded quota: ${name}, requested: ${list(delta)}, used: ${list(used)}, limited: ${list(hard)}`);
  }
  return { ...quota, status: { ...quota.status, used: next } };
}
