import { Service } from "../../api/core/service.ts";
import { keyOf } from "../../machinery/object.ts";
import { defineController, done, watches } from "../framework/controller.ts";

/** The class of load balancer that this controller is; services of another class are left to whoever serves it. */
const ownClass = "navarch.io/node";

/**
 * Answers Services of type LoadBalancer on the nodes' own addresses (IPs). Two services cannot share a port there: the
 * older one has it, the younger one waits with an event that says why.
 */
export function loadBalancerController(addresses: readonly string[]) {
  return defineController({
    name: "service",
    serviceAccount: "service-controller",
    for: Service,
    watches: [
      // A port that was given up may be what another service waits for.
      watches(Service, (service, _previous, cache) =>
        isBalanced(service)
          ? cache
              .list(Service)
              .filter((other) => isBalanced(other) && !isAnswered(other))
              .map(keyOf)
          : [],
      ),
    ],
    async reconcile(key, { cache, client, events }) {
      const service = cache.get(Service, key);
      if (!service || service.metadata.deletionTimestamp) return done;
      if (!isBalanced(service)) {
        // The type was changed away from LoadBalancer: the address is no longer answered.
        if (service.spec.type !== "LoadBalancer" && isAnswered(service)) {
          await client.updateStatus(Service, { ...service, status: { ...service.status, loadBalancer: {} } });
        }
        return done;
      }
      const rival = cache
        .list(Service)
        .find((other) => isBalanced(other) && older(other, service) && sharesPort(other, service));
      if (rival) {
        if (isAnswered(service))
          await client.updateStatus(Service, { ...service, status: { ...service.status, loadBalancer: {} } });
        events.record(
          service,
          "Warning",
          "SyncLoadBalancerFailed",
          `Error syncing load balancer: a port of it is taken on the nodes' addresses by service ${rival.metadata.namespace}/${rival.metadata.name}`,
        );
        return { requeueAfter: 60_000 };
      }
      const ingress = addresses.map((ip) => ({ ip, ipMode: "VIP" as const }));
      const known = (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
      if (known.length === addresses.length && addresses.every((ip) => known.includes(ip))) return done;
      await client.updateStatus(Service, { ...service, status: { ...service.status, loadBalancer: { ingress } } });
      events.record(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
      return done;
    },
  });
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
