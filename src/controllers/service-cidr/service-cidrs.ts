import { isStrictSubset } from "../../api/addresses.ts";
import { IPAddress } from "../../api/networking/ip-address.ts";
import { ServiceCIDR } from "../../api/networking/service-cidr.ts";
import type { Condition } from "../../machinery/generated/meta-v1.ts";
import { timeOf } from "../../machinery/times.ts";
import { type Cache, defineController, done, type ReconcileContext, watches } from "../framework/controller.ts";

export const cidrFinalizer = "networking.k8s.io/service-cidr-finalizer";
/** Until then every server has heard of the deletion, and takes no more addresses from the range. */
const grace = 10_000;
const managed = ["ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"] as const;
const within = (inner: string, outer: string) => inner === outer || isStrictSubset(inner, outer);
const rangeOfAddress = (name: string) => `${name}/${name.includes(":") ? 128 : 32}`;

/** Tells that ranges can be used, and keeps one that is deleted until no address would be left without a range. */
export const serviceCidrController = defineController({
  name: "service-cidr",
  serviceAccount: "service-cidrs-controller",
  eventSource: "service-cidr-controller",
  for: ServiceCIDR,
  watches: [
    watches(ServiceCIDR, ({ metadata, spec }, previous, cache) =>
      previous ? [] : overlapping(spec.cidrs ?? [], cache).filter(({ name }) => name !== metadata.name),
    ),
    watches(IPAddress, ({ metadata }, previous, cache) => {
      if (previous || metadata.labels?.[managed[0]] !== managed[1]) return [];
      return containing(rangeOfAddress(metadata.name), cache).map(({ metadata: { name } }) => ({ name }));
    }),
  ],
  workers: 5,
  async reconcile(key, context) {
    const range = context.cache.get(ServiceCIDR, key);
    if (!range) return done;
    if (range.metadata.deletionTimestamp) return await release(range, context);
    const held = await hold(range, context);
    await tell(held, { status: "True", reason: "", message: "Kubernetes Service CIDR is ready" }, context);
    return done;
  },
});

function containing(range: string, cache: Cache): readonly ServiceCIDR[] {
  return cache.list(ServiceCIDR).filter(({ spec }) => spec.cidrs?.some((cidr) => within(range, cidr)));
}

function overlapping(ranges: readonly string[], cache: Cache): readonly { readonly name: string }[] {
  const touches = (cidr: string) => ranges.some((range) => within(range, cidr) || within(cidr, range));
  return cache
    .list(ServiceCIDR)
    .filter(({ spec }) => spec.cidrs?.some(touches))
    .map(({ metadata: { name } }) => ({ name }));
}

/** The addresses that are in this range and in no other. */
function orphans({ metadata, spec }: ServiceCIDR, cache: Cache): readonly string[] {
  const others = (range: string) => containing(range, cache).filter((each) => each.metadata.name !== metadata.name);
  if (spec.cidrs?.every((cidr) => others(cidr).length > 0)) return [];
  return cache.list(IPAddress).flatMap((address) => {
    const range = rangeOfAddress(address.metadata.name);
    const ours =
      address.metadata.labels?.[managed[0]] === managed[1] && spec.cidrs?.some((cidr) => within(range, cidr));
    return ours && others(range).length === 0 ? [address.metadata.name] : [];
  });
}

async function release(range: ServiceCIDR, context: ReconcileContext) {
  const { cache, client, clock } = context;
  if (orphans(range, cache).length > 0) {
    const message =
      "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
    await tell(range, { status: "False", reason: "Terminating", message }, context);
    return done;
  }
  const left = Date.parse(range.metadata.deletionTimestamp ?? "") + grace - clock.now();
  if (left > 0) return { requeueAfter: left };
  const { finalizers = [] } = range.metadata;
  const kept = finalizers.filter((name) => name !== cidrFinalizer);
  if (kept.length < finalizers.length) {
    await client.update(ServiceCIDR, { ...range, metadata: { ...range.metadata, finalizers: kept } });
  }
  return done;
}

async function hold(range: ServiceCIDR, { client }: ReconcileContext): Promise<ServiceCIDR> {
  const { finalizers = [] } = range.metadata;
  if (finalizers.includes(cidrFinalizer)) return range;
  return await client.update(ServiceCIDR, {
    ...range,
    metadata: { ...range.metadata, finalizers: [...finalizers, cidrFinalizer] },
  });
}

async function tell(
  range: ServiceCIDR,
  said: Pick<Condition, "status" | "reason" | "message">,
  { client, clock, events }: ReconcileContext,
): Promise<void> {
  const conditions = range.status?.conditions ?? [];
  const known = conditions.find(({ type }) => type === "Ready");
  if (known?.status === said.status && known.reason === said.reason && known.message === said.message) return;
  const ready = { type: "Ready", ...said, lastTransitionTime: timeOf(clock.now()) };
  const rest = conditions.filter(({ type }) => type !== "Ready");
  try {
    await client.updateStatus(ServiceCIDR, { ...range, status: { ...range.status, conditions: [...rest, ready] } });
  } catch (error) {
    if (said.status === "True") {
      const message = "The ServiceCIDR Status can not be set to Ready=True";
      events.record(range, "Warning", "KubernetesServiceCIDRError", message);
    }
    throw error;
  }
}
