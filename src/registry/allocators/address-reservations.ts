import { IPAddress } from "../../api/networking/ip-address.ts";
import { ServiceCIDR } from "../../api/networking/service-cidr.ts";
import { Fault } from "../../lib/fault.ts";
import type { KindRef } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { Collection } from "../collection.ts";
import { createObject } from "../create.ts";
import type { Held } from "../held.ts";
import type { AnyObject } from "../resource.ts";
import type { WriteContext } from "../write.ts";
import { AddressBlock, canonicalAddress, type Family } from "./address-block.ts";

/** The Service that something is reserved for. */
export interface Holder {
  readonly namespace: string;
  readonly name: string;
}

export interface AddressReservationOptions {
  /** One block, or one of each family; the first one's family is the default. */
  readonly blocks: readonly string[];
  readonly of: (kind: KindRef<unknown>) => Collection;
  readonly context: () => WriteContext;
}

const familyLabel = "ipaddress.kubernetes.io/ip-family";
const managerLabel = "ipaddress.kubernetes.io/managed-by";
const manager = "ipallocator.k8s.io";

/**
 * The cluster addresses that are taken, each an IPAddress object whose creation is the reservation: of several servers
 * on one store only one can make it.
 */
export class AddressReservations {
  readonly #options: AddressReservationOptions;
  readonly #blocks: readonly AddressBlock[];
  readonly #known = new Map<string, AddressBlock>();

  /** Throws Fault `invalid`. */
  constructor(options: AddressReservationOptions) {
    this.#options = options;
    this.#blocks = options.blocks.map((cidr) => new AddressBlock(cidr));
    const families = new Set(this.#blocks.map(({ family }) => family));
    if (families.size === 0 || families.size !== this.#blocks.length) {
      throw new Fault("invalid", `${options.blocks.join(",")}: name one range for services, or one of each family`);
    }
  }

  /** The families that Services can have, the default first. */
  get families(): readonly Family[] {
    return this.#blocks.map(({ family }) => family);
  }

  /** The ranges that the server was started with. */
  get cidrs(): readonly string[] {
    return this.#blocks.map(({ cidr }) => cidr);
  }

  /** The first address of the default block, which is the API server's own. */
  get first(): string {
    return this.#blocks[0]!.first;
  }

  /** The range that an address should have been in, as text; undefined when it is in one. */
  outside(address: string): string | undefined {
    const blocks = this.#all();
    if (blocks.some((block) => block.contains(address))) return undefined;
    const family = address.includes(":") ? "IPv6" : "IPv4";
    const cidrs = blocks.flatMap((block) => (block.family === family ? [block.cidr] : []));
    return cidrs.join(", ");
  }

  /** Takes this very address; false when somebody has it. */
  async take(address: string, holder: Holder, dryRun: boolean): Promise<boolean> {
    const collection = this.#addresses;
    const name = canonicalAddress(address);
    if (dryRun) {
      await collection.cache.current();
      return collection.cache.get(collection.resource.key(undefined, name)) === undefined;
    }
    try {
      await createObject(collection, this.#options.context(), {
        served: collection.resource.stored,
        namespace: undefined,
        object: reservation(name, holder),
        dryRun: false,
      });
      return true;
    } catch (error) {
      if (isStatus(error, "AlreadyExists")) return false;
      throw error;
    }
  }

  /** Takes any free address of a family. Throws Fault `exhausted`. */
  async next(family: Family, holder: Holder, dryRun: boolean): Promise<string> {
    const { cache, resource } = this.#addresses;
    await cache.start();
    for (const block of this.#all()) {
      if (block.family !== family) continue;
      for (const address of block.choices(this.#options.context().random)) {
        if (cache.get(resource.key(undefined, address))) continue;
        if (await this.take(address, holder, dryRun)) return address;
      }
    }
    throw new Fault("exhausted", "range is full");
  }

  /** Gives an address back, if it is still this holder's. */
  async release(address: string, holder: Holder): Promise<void> {
    const collection = this.#addresses;
    const key = collection.resource.key(undefined, canonicalAddress(address));
    for (;;) {
      await collection.cache.current();
      const held = collection.cache.get(key);
      if (!held || !isReservedFor(held.object as AnyObject as IPAddress, holder)) return;
      if ((await collection.remove(held)).ok) return;
    }
  }

  /** What the allocator has reserved, as it is now. */
  async all(): Promise<readonly { readonly held: Held; readonly address: string; readonly holder: Holder }[]> {
    const { cache, resource } = this.#addresses;
    await cache.current();
    return [...cache.range(resource.range)].flatMap((held) => {
      const { metadata, spec } = held.object as AnyObject as IPAddress;
      if (metadata.labels?.[managerLabel] !== manager || !spec.parentRef) return [];
      const { namespace = "", name = "" } = spec.parentRef;
      return [{ held, address: metadata.name ?? "", holder: { namespace, name } }];
    });
  }

  /** Removes a reservation unless it has changed since. */
  async drop(held: Held): Promise<void> {
    await this.#addresses.remove(held);
  }

  get #addresses(): Collection {
    return this.#options.of(IPAddress);
  }

  // Ranges that were added as objects count from the moment the cache has seen them.
  #all(): readonly AddressBlock[] {
    const { cache, resource } = this.#options.of(ServiceCIDR);
    const cidrs = new Set<string>();
    for (const { object } of cache.range(resource.range)) {
      const { metadata, spec, status } = object as AnyObject as ServiceCIDR;
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      if (metadata.deletionTimestamp || (ready && ready.status !== "True")) continue;
      for (const cidr of spec.cidrs ?? []) cidrs.add(cidr);
    }
    for (const { cidr } of this.#blocks) cidrs.delete(cidr);
    return [...this.#blocks, ...[...cidrs].flatMap((cidr) => this.#block(cidr) ?? [])];
  }

  #block(cidr: string): AddressBlock | undefined {
    const known = this.#known.get(cidr);
    if (known) return known;
    try {
      const block = new AddressBlock(cidr);
      this.#known.set(cidr, block);
      return block;
    } catch {
      return undefined; // a range that is too small or too large to be of use gives nothing
    }
  }
}

function reservation(name: string, { namespace, name: service }: Holder): AnyObject {
  const family: Family = name.includes(":") ? "IPv6" : "IPv4";
  return {
    apiVersion: IPAddress.apiVersion,
    kind: IPAddress.kind,
    metadata: { name, labels: { [familyLabel]: family, [managerLabel]: manager } },
    spec: { parentRef: { group: "", resource: "services", namespace, name: service } },
  } as unknown as AnyObject; // the rest of its metadata is given at creation
}

function isReservedFor({ spec: { parentRef } }: IPAddress, { namespace, name }: Holder): boolean {
  return parentRef?.resource === "services" && parentRef.namespace === namespace && parentRef.name === name;
}
