import type { Service } from "../../api/core/service.ts";
import type { Log } from "../../lib/log.ts";
import { canonicalAddress } from "../allocators/address-block.ts";
import type { Holder } from "../allocators/address-reservations.ts";
import type { Collection } from "../collection.ts";
import type { AnyObject } from "../resource.ts";
import { addressesOf, holderOf, portsOf, type ServiceStrategy } from "./service.ts";

/** A reservation this young may be that of a Service that is just being written, perhaps by another server. */
const grace = 60_000;

export interface RepairOptions {
  readonly services: Collection;
  readonly strategy: ServiceStrategy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly log: Log;
}

/**
 * Brings Services and what is reserved for them together again: reserves what a Service has and nobody reserved, and
 * gives back what is reserved for a Service that is gone or has no use for it. Several servers may do so at once.
 */
export async function repairReservations({ services, strategy, now, log }: RepairOptions): Promise<void> {
  const { addresses, ports } = strategy;
  // The reservations are read first: what is reserved later belongs to a Service that this round has not looked at.
  const reservedAddresses = await addresses.all();
  const reservedPorts = await ports.all();
  await services.cache.current();

  const wanted = { addresses: new Map<string, Holder>(), ports: new Map<number, Holder>() };
  for (const { object } of services.cache.range(services.resource.range)) {
    const service = object as AnyObject as Service;
    const holder = holderOf(service);
    for (const address of addressesOf(service)) {
      const other = wanted.addresses.get(canonicalAddress(address));
      if (other) log.error("two services have one cluster address", { address, services: [other, holder] });
      else wanted.addresses.set(canonicalAddress(address), holder);
    }
    for (const port of portsOf(service)) wanted.ports.set(port, holder);
  }

  for (const { held, address, holder } of reservedAddresses) {
    if (isFor(wanted.addresses.get(address), holder)) wanted.addresses.delete(address);
    else if (now - Date.parse(held.object.metadata.creationTimestamp ?? "") >= grace) await addresses.drop(held);
  }
  for (const reserved of reservedPorts) {
    if (isFor(wanted.ports.get(reserved.port), reserved.holder)) wanted.ports.delete(reserved.port);
    else if (now - reserved.since >= grace) await ports.drop(reserved);
  }
  for (const [address, holder] of wanted.addresses) await addresses.take(address, holder, false);
  for (const [port, holder] of wanted.ports) await ports.take(port, holder, false);
}

const isFor = (wanted: Holder | undefined, holder: Holder) =>
  wanted?.namespace === holder.namespace && wanted.name === holder.name;
