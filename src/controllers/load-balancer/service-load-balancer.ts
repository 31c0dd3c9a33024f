import { Service } from "../../api/core/service.ts";
import { keyOf } from "../../machinery/object.ts";
import { defineController, done, watches } from "../framework/controller.ts";
import type { AddressPool } from "./address-pool.ts";

/** The class of load balancer that this controller is; services of another class are left to whoever serves it. */
const ownClass = "navarch.io/node";

/** Where Services of type LoadBalancer are answered. */
export interface LoadBalancerOptions {
  /** The nodes' own addresses, for all services together. */
  readonly nodeAddresses: readonly string[];
  /** Addresses of which each service gets its own; without it services share the nodes' addresses. */
  readonly pool?: AddressPool;
}

/** The addresses that a service gets, or why it gets none. */
type Answer = { readonly addresses: readonly string[] } | { readonly trouble: string };

/**
 * Answers Services of type LoadBalancer: each on an address of its own out of the pool, the one it asks for if that is free,
 * or without a pool on the nodes' own addresses. What two services want, an address or there a port, the older one has; the
 * younger one waits with an event that says why.
 */
export function loadBalancerController({ nodeAddresses, pool }: LoadBalancerOptions) {
  const answer = pool
    ? (service: Service, others: readonly Service[]) => fromPool(service, others, pool)
    : (service: Service, others: readonly Service[]) => onNodes(service, others, nodeAddresses);
  return defineController({
    name: "service",
    serviceAccount: "service-controller",
    for: Service,
    watches: [
      // What was given up may be what another service waits for, and what was taken may be another one's.
      watches(Service, (service, _previous, cache) =>
        service.spec.type === "LoadBalancer" || isAnswered(service)
          ? cache
              .list(Service)
              .filter((other) => isBalanced(other) && (!isAnswered(other) || sharesAddress(other, service)))
              .map(keyOf)
          : [],
      ),
    ],
    async reconcile(key, { cache, client, events }) {
      const service = cache.get(Service, key);
      if (!service || service.metadata.deletionTimestamp) return done;
      const write = (loadBalancer: NonNullable<Service["status"]>["loadBalancer"]) =>
        client.updateStatus(Service, { ...service, status: { ...service.status, loadBalancer } });
      if (!isBalanced(service)) {
        // The type was changed away from LoadBalancer: the address is no longer answered.
        if (service.spec.type !== "LoadBalancer" && isAnswered(service)) await write({});
        return done;
      }
      const others = cache
        .list(Service)
        .filter((other) => isBalanced(other) && other.metadata.uid !== service.metadata.uid);
      const given = answer(service, others);
      if ("trouble" in given) {
        if (isAnswered(service)) await write({});
        events.record(service, "Warning", "SyncLoadBalancerFailed", `Error syncing load balancer: ${given.trouble}`);
        return { requeueAfter: 60_000 };
      }
      const { addresses } = given;
      const known = addressesOf(service);
      if (known.length === addresses.length && addresses.every((ip) => known.includes(ip))) return done;
      await write({ ingress: addresses.map((ip) => ({ ip, ipMode: "VIP" as const })) });
      events.record(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
      return done;
    },
  });
}

function onNodes(service: Service, others: readonly Service[], addresses: readonly string[]): Answer {
  const rival = others.find((other) => older(other, service) && sharesPort(other, service));
  const families = service.spec.ipFamilies ?? ["IPv4"];
  const ofFamily = families.flatMap((family) => addresses.filter((ip) => ip.includes(":") === (family === "IPv6")));
  if (!rival && ofFamily.length === 0) return { trouble: `the nodes have no address of ${families.join(" or ")}` };
  if (!rival) return { addresses: ofFamily };
  return { trouble: `a port of it is taken on the nodes' addresses by service ${nameOf(rival)}` };
}

function fromPool(service: Service, others: readonly Service[], pool: AddressPool): Answer {
  const asked = service.spec.loadBalancerIP;
  const holder = (address: string) => others.find((other) => addressesOf(other).includes(address));
  const addresses: string[] = [];
  for (const family of service.spec.ipFamilies ?? ["IPv4"]) {
    const known = family === "IPv4" || family === "IPv6" ? family : undefined;
    if (!known || !pool.serves(known)) continue;
    const isOfFamily = (address: string) => address.includes(":") === (known === "IPv6");
    if (asked && isOfFamily(asked)) {
      const rival = holder(asked);
      if (!pool.includes(asked)) return { trouble: `the address ${asked} that it asks for is not in the pool` };
      if (rival && older(rival, service))
        return { trouble: `the address ${asked} that it asks for is service ${nameOf(rival)}'s` };
      addresses.push(asked);
      continue;
    }
    const kept = addressesOf(service).find((address) => {
      const rival = holder(address);
      return isOfFamily(address) && pool.includes(address) && !(rival && older(rival, service));
    });
    const address = kept ?? pool.free(known, (candidate) => holder(candidate) !== undefined);
    if (address === undefined) return { trouble: `no address of ${known} is left in the pool` };
    addresses.push(address);
  }
  return addresses.length > 0 ? { addresses } : { trouble: "the pool has no address of its families" };
}

function addressesOf({ status }: Service): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
}

function sharesAddress(one: Service, two: Service): boolean {
  const addresses = addressesOf(two);
  return one.metadata.uid !== two.metadata.uid && addressesOf(one).some((address) => addresses.includes(address));
}

function nameOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isBalanced({ spec, metadata }: Service): boolean {
  return (
    spec.type === "LoadBalancer" && !metadata.deletionTimestamp && (spec.loadBalancerClass ?? ownClass) === ownClass
  );
}

function isAnswered({ status }: Service): boolean {
  return (status?.loadBalancer?.ingress?.length ?? 0) > 0;
}

function older(other: Service, service: Service): boolean {
  if (other.metadata.uid === service.metadata.uid) return false;
  const order = other.metadata.creationTimestamp.localeCompare(service.metadata.creationTimestamp);
  return order < 0 || (order === 0 && other.metadata.uid < service.metadata.uid);
}

function sharesPort(one: Service, two: Service): boolean {
  const ports = new Set((one.spec.ports ?? []).map(({ port, protocol }) => `${protocol}/${port}`));
  return (two.spec.ports ?? []).some(({ port, protocol }) => ports.has(`${protocol}/${port}`));
}
