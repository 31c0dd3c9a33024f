import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import { Fault } from "../../lib/fault.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { mayDial } from "../dial-guard.ts";

/** Finds out where a Service of the cluster can be reached from here. */
export interface ServiceResolver {
  /** An address that serves the port just now. Throws Fault `unavailable` when there is none. */
  resolve(namespace: string, name: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
}

type ServicePort = NonNullable<NonNullable<Service["spec"]>["ports"]>[number];

const sliceLabel = "kubernetes.io/service-name";

/**
 * Asks the Service's ready endpoints in turn: they are what its virtual address leads to, and they can be reached
 * without a service proxy on this machine.
 */
export function registryServices(registry: Registry): ServiceResolver {
  const services = registry.of(Service);
  const slices = registry.of(EndpointSlice);
  let turn = 0;
  return {
    async resolve(namespace, name, port) {
      await Promise.all([services.cache.start(), slices.cache.start()]);
      const key = services.resource.key(namespace, name);
      if (!services.cache.get(key)) await services.cache.current();
      const service = objectOf<Service>(services.cache.get(key));
      if (!service) throw unavailable(`service ${JSON.stringify(name)} not found`);
      const { spec } = service;
      if (spec?.type === "ExternalName" && spec.externalName) return { host: spec.externalName, port };
      const wanted = spec?.ports?.find((one) => one.port === port);
      if (!wanted) throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
      const found: { readonly host: string; readonly port: number }[] = [];
      for (const { object } of slices.cache.range(slices.resource.rangeOf(namespace))) {
        if (object.metadata.labels?.[sliceLabel] === name) found.push(...addressesIn(object, wanted));
      }
      turn += 1;
      const chosen = found[turn % found.length];
      if (!chosen) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
      return chosen;
    },
  };
}

function addressesIn(object: AnyObject, { name = "" }: ServicePort): { host: string; port: number }[] {
  const { endpoints, ports } = object as AnyObject as unknown as EndpointSlice;
  const number = ports?.find((one) => (one.name ?? "") === name)?.port;
  if (!number) return [];
  return (
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses ?? [])
      // Whoever may write endpoints must not aim the server at itself or at its machine's metadata service.
      .filter((address) => mayDial(address, { loopback: false }))
      .map((host) => ({ host, port: number }))
  );
}

const unavailable = (message: string) => new Fault("unavailable", message);
