import type { Service } from "../../api/core/service.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { field } from "../../machinery/fields.ts";
import type { KindRef } from "../../machinery/object.ts";
import { type FieldError, invalid, StatusError } from "../../machinery/status-error.ts";
import type { Family } from "../allocators/address-block.ts";
import { AddressReservations, type Holder } from "../allocators/address-reservations.ts";
import { PortReservations } from "../allocators/port-reservations.ts";
import type { Collection } from "../collection.ts";
import type { AnyObject } from "../resource.ts";
import type { Reservation, Strategy } from "../strategy.ts";
import type { WriteContext } from "../write.ts";
import { carryOver, wantsHealthPort, wantsNodePorts, withoutAddresses } from "./service-carry-over.ts";
import { withFamilies } from "./service-families.ts";

export interface ServiceRanges {
  /** The block that cluster addresses come from, as `10.96.0.0/16`, or one of each family, with a comma between. */
  readonly addresses: string;
  readonly nodePorts: { readonly from: number; readonly to: number };
}

/** What the strategy of Services works with: other kinds, the store, the clock. */
export interface ServiceStrategyOptions extends WriteContext {
  readonly ranges: ServiceRanges;
  readonly store: ConstructorParameters<typeof PortReservations>[0]["store"];
  readonly of: (kind: KindRef<unknown>) => Collection;
  readonly log: Log;
}

type Spec = NonNullable<Service["spec"]>;
const asService = (object: AnyObject) => object as AnyObject as unknown as Service;

/**
 * Gives Services their cluster addresses and node ports, and takes them back. Both are reserved in the store before the
 * Service is written; what a crash between the two leaves behind is `repair`'s.
 */
export class ServiceStrategy implements Strategy {
  readonly returnsDeleted = true;
  readonly addresses: AddressReservations;
  readonly ports: PortReservations;
  readonly #log: Log;

  /** Throws Fault `invalid` when the ranges are none. */
  constructor({ ranges, store, of, log, clock, random }: ServiceStrategyOptions) {
    const context = () => ({ clock, random });
    const blocks = ranges.addresses.split(",").map((cidr) => cidr.trim());
    this.addresses = new AddressReservations({ blocks, of, context });
    this.ports = new PortReservations({ store, ...ranges.nodePorts, context });
    this.#log = log;
  }

  readonly removed = async (last: AnyObject): Promise<void> => {
    const service = asService(last);
    await this.#giveBack(service, addressesOf(service), portsOf(service));
  };

  readonly prepareUpdate = (next: AnyObject, previous: AnyObject): AnyObject =>
    carryOver(asService(next), asService(previous)) as unknown as AnyObject;

  readonly reserve = async (
    next: AnyObject,
    previous: AnyObject | undefined,
    { dryRun }: { dryRun: boolean },
  ): Promise<Reservation> => {
    const before = previous && asService(previous);
    const turn = new Turn(this, holderOf(asService(next)), before, dryRun);
    const undo = () => this.#giveBack(asService(next), turn.addresses, turn.ports);
    try {
      const service = await this.#complete(asService(next), before, turn);
      const kept = { addresses: addressesOf(service), ports: portsOf(service) };
      const stale = {
        addresses: before ? addressesOf(before).filter((address) => !kept.addresses.includes(address)) : [],
        ports: before ? portsOf(before).filter((port) => !kept.ports.includes(port)) : [],
      };
      return {
        object: service as unknown as AnyObject,
        keep: () => this.#giveBack(service, stale.addresses, stale.ports),
        release: undo,
      };
    } catch (error) {
      await undo();
      throw error;
    }
  };

  // The write that this follows is done, so a failure here is not its failure: the repair gives back what stays.
  async #giveBack(service: Service, addresses: readonly string[], ports: readonly number[]): Promise<void> {
    const holder = holderOf(service);
    try {
      for (const address of addresses) await this.addresses.release(address, holder);
      for (const port of new Set(ports)) await this.ports.release(port, holder);
    } catch (error) {
      this.#log.warn("what a service had could not be given back yet", { ...holder, error });
    }
  }

  async #complete(service: Service, before: Service | undefined, turn: Turn): Promise<Service> {
    if (!service.spec) return service;
    const { spec } = withFamilies(service, before, this.addresses.families);
    const faults: FieldError[] = [];
    const addressed = spec.type === "ExternalName" ? withoutAddresses(spec) : await withAddresses(spec, turn, faults);
    const ported = wantsNodePorts(addressed) ? await withNodePorts(addressed, turn, faults) : addressed;
    const checked = wantsHealthPort(ported) ? await withHealthPort(ported, turn, faults) : ported;
    if (faults.length > 0) throw invalid({ group: "", kind: "Service" }, service.metadata.name ?? "", faults);
    return { ...service, spec: checked };
  }
}

/** What one write has taken so far. */
class Turn {
  readonly #strategy: ServiceStrategy;
  readonly #holder: Holder;
  readonly #ownAddresses: ReadonlySet<string>;
  readonly #ownPorts: ReadonlySet<number>;
  readonly #dryRun: boolean;
  readonly addresses: string[] = [];
  readonly ports: number[] = [];
  /** The Service has had its ports before, and each further one is a choice of its own. */
  readonly isUpdate: boolean;

  constructor(strategy: ServiceStrategy, holder: Holder, before: Service | undefined, dryRun: boolean) {
    this.#strategy = strategy;
    this.#holder = holder;
    this.#dryRun = dryRun;
    this.#ownAddresses = new Set(before ? addressesOf(before) : []);
    this.#ownPorts = new Set(before ? portsOf(before) : []);
    this.isUpdate = before !== undefined;
  }

  /** Takes this address for the service; a text says why not. */
  async address(wanted: string): Promise<string | undefined> {
    if (this.#ownAddresses.has(wanted)) return undefined;
    const { addresses } = this.#strategy;
    const range = addresses.outside(wanted);
    if (range !== undefined) {
      return `failed to allocate IP ${wanted}: the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${range}`;
    }
    if (!(await addresses.take(wanted, this.#holder, this.#dryRun))) {
      return `failed to allocate IP ${wanted}: provided IP is already allocated`;
    }
    if (!this.#dryRun) this.addresses.push(wanted);
    return undefined;
  }

  /** Any free address. Throws InternalError when there is none. */
  async anyAddress(family: Family): Promise<string> {
    const take = () => this.#strategy.addresses.next(family, this.#holder, this.#dryRun);
    const address = await orFull("failed to allocate a serviceIP", take);
    if (!this.#dryRun) this.addresses.push(address);
    return address;
  }

  /** Takes this port for the service; a text says why not. */
  async port(wanted: number): Promise<string | undefined> {
    const { ports } = this.#strategy;
    if (!ports.contains(wanted)) {
      return `provided port is not in the valid range. The range of valid ports is ${ports.from}-${ports.to}`;
    }
    if (this.#ownPorts.has(wanted) || this.ports.includes(wanted)) return undefined;
    if (!(await ports.take(wanted, this.#holder, this.#dryRun))) return "provided port is already allocated";
    if (!this.#dryRun) this.ports.push(wanted);
    return undefined;
  }

  /** Any free port. Throws InternalError when there is none. */
  async anyPort(): Promise<number> {
    const port = await orFull("failed to allocate a nodePort", () =>
      this.#strategy.ports.next(this.#holder, this.#dryRun),
    );
    if (!this.#dryRun) this.ports.push(port);
    return port;
  }
}

async function orFull<T>(what: string, take: () => Promise<T>): Promise<T> {
  try {
    return await take();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "exhausted") throw error;
    throw new StatusError("InternalError", `Internal error occurred: ${what}: ${errorMessage(error)}`);
  }
}

async function withAddresses(spec: Spec, turn: Turn, faults: FieldError[]): Promise<Spec> {
  if (spec.clusterIP === "None" || spec.clusterIPs?.[0] === "None") {
    return { ...spec, clusterIP: "None", clusterIPs: ["None"] };
  }
  const clusterIPs: string[] = [];
  // Those that are named come first: what is then chosen freely need not be given back when one of them is refused.
  for (const wanted of spec.clusterIPs ?? []) {
    const why = await turn.address(wanted);
    if (why) faults.push(field.invalid("spec.clusterIPs", spec.clusterIPs, why));
    clusterIPs.push(wanted);
  }
  if (faults.length > 0) return spec;
  for (const family of (spec.ipFamilies ?? []).slice(clusterIPs.length)) {
    clusterIPs.push(await turn.anyAddress(family as Family));
  }
  return { ...spec, clusterIP: clusterIPs[0] ?? "", clusterIPs };
}

async function withNodePorts(spec: Spec, turn: Turn, faults: FieldError[]): Promise<Spec> {
  // Named ports first, so that a free choice does not take a number that the next line asks for.
  for (const [index, { nodePort }] of (spec.ports ?? []).entries()) {
    const why = nodePort ? await turn.port(nodePort) : undefined;
    if (why) faults.push(field.invalid(`spec.ports[${index}].nodePort`, nodePort, why));
  }
  if (faults.length > 0 || !spec.ports) return spec;
  const ports: NonNullable<Spec["ports"]>[number][] = [];
  for (const port of spec.ports) {
    // The same port over TCP and UDP is one port on the node.
    const sibling = turn.isUpdate ? undefined : siblingPort(port, [...ports, ...spec.ports]);
    ports.push(port.nodePort ? port : { ...port, nodePort: sibling ?? (await turn.anyPort()) });
  }
  return { ...spec, ports };
}

function siblingPort(
  { port, protocol }: NonNullable<Spec["ports"]>[number],
  ports: readonly NonNullable<Spec["ports"]>[number][],
): number | undefined {
  return ports.find((other) => other.port === port && other.protocol !== protocol && other.nodePort)?.nodePort;
}

async function withHealthPort(spec: Spec, turn: Turn, faults: FieldError[]): Promise<Spec> {
  const wanted = spec.healthCheckNodePort;
  if (!wanted) return { ...spec, healthCheckNodePort: await turn.anyPort() };
  const why = await turn.port(wanted);
  if (why) faults.push(field.invalid("spec.healthCheckNodePort", wanted, why));
  return spec;
}

/** Who its reservations are for. */
export function holderOf({ metadata }: Service): Holder {
  return { namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}

/** The cluster addresses that a Service has. */
export function addressesOf({ spec }: Service): readonly string[] {
  const all = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  return all.filter((address) => address !== "None");
}

/** The ports of nodes that a Service has, the one for health checks among them. */
export function portsOf({ spec }: Service): readonly number[] {
  const ports = spec?.ports?.flatMap((port) => (port.nodePort ? [port.nodePort] : [])) ?? [];
  return spec?.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports;
}
