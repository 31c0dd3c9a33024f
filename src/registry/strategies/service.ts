import type { Service } from "../../api/core/service.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import { field } from "../../machinery/fields.ts";
import { type FieldError, invalid } from "../../machinery/status-error.ts";
import { AddressRange } from "../allocators/address-range.ts";
import { NumberRange, reservedBand } from "../allocators/number-range.ts";
import type { AnyObject } from "../resource.ts";
import type { Reservation, Strategy } from "../strategy.ts";

export interface ServiceRanges {
  /** The block that cluster addresses come from, as `10.96.0.0/16`. */
  readonly addresses: string;
  readonly nodePorts: { readonly from: number; readonly to: number };
}

type Spec = NonNullable<Service["spec"]>;
const asService = (object: AnyObject) => object as AnyObject as unknown as Service;

type Port = NonNullable<Spec["ports"]>[number];

/** Gives Services their cluster addresses and node ports, and takes them back. */
export class ServiceStrategy implements Strategy {
  readonly returnsDeleted = true;
  readonly addresses: AddressRange;
  readonly #ports: NumberRange;
  readonly #portRange: ServiceRanges["nodePorts"];

  constructor(ranges: ServiceRanges, random: Random) {
    const { from, to } = ranges.nodePorts;
    const size = to - from + 1;
    this.addresses = new AddressRange(ranges.addresses, random);
    this.#portRange = ranges.nodePorts;
    this.#ports = new NumberRange({ first: from, size, reserved: reservedBand(size, 16, 128), random });
  }

  /** Marks what an existing Service has as taken; for the start, when the store is read. */
  readonly adopt = (object: AnyObject): void => {
    const service = object as AnyObject as Service;
    for (const address of addressesOf(service)) this.addresses.take(address);
    for (const port of portsOf(service)) this.#ports.take(port);
  };

  readonly removed = (last: AnyObject): void => {
    const service = last as AnyObject as Service;
    for (const address of addressesOf(service)) this.addresses.release(address);
    for (const port of portsOf(service)) this.#ports.release(port);
  };

  readonly prepareUpdate = (next: AnyObject, previous: AnyObject): AnyObject =>
    carryOver(asService(next), asService(previous)) as unknown as AnyObject;

  readonly reserve = (
    next: AnyObject,
    previous: AnyObject | undefined,
    { dryRun }: { dryRun: boolean },
  ): Reservation => {
    const before = previous as AnyObject as Service | undefined;
    const turn = new Turn(this.addresses, this.#ports, before);
    try {
      const service = complete(next as AnyObject as Service, before, turn, this.#portRange);
      if (dryRun) turn.release();
      const stale = {
        addresses: before ? addressesOf(before).filter((address) => !addressesOf(service).includes(address)) : [],
        ports: before ? portsOf(before).filter((port) => !portsOf(service).includes(port)) : [],
      };
      return {
        object: service as unknown as AnyObject,
        keep: () => {
          for (const address of stale.addresses) this.addresses.release(address);
          for (const port of stale.ports) this.#ports.release(port);
        },
        release: () => turn.release(),
      };
    } catch (error) {
      turn.release();
      throw error;
    }
  };
}

/** What one write has taken so far. */
class Turn {
  readonly #addresses: AddressRange;
  readonly #ports: NumberRange;
  readonly #ownAddresses: ReadonlySet<string>;
  readonly #ownPorts: ReadonlySet<number>;
  readonly #taken: { readonly addresses: string[]; readonly ports: number[] } = { addresses: [], ports: [] };

  constructor(addresses: AddressRange, ports: NumberRange, before: Service | undefined) {
    this.#addresses = addresses;
    this.#ports = ports;
    this.#ownAddresses = new Set(before ? addressesOf(before) : []);
    this.#ownPorts = new Set(before ? portsOf(before) : []);
  }

  /** This address, or any; a text says why not. */
  address(wanted: string | undefined): { readonly value: string } | { readonly fault: string } {
    if (!wanted) {
      try {
        const value = this.#addresses.next();
        this.#taken.addresses.push(value);
        return { value };
      } catch (error) {
        return { fault: `failed to allocate a serviceIP: ${errorMessage(error)}` };
      }
    }
    if (this.#ownAddresses.has(wanted)) return { value: wanted };
    if (!this.#addresses.contains(wanted)) {
      const range = this.#addresses.cidr;
      return {
        fault: `failed to allocate IP ${wanted}: the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${range}`,
      };
    }
    if (!this.#addresses.take(wanted))
      return { fault: `failed to allocate IP ${wanted}: provided IP is already allocated` };
    this.#taken.addresses.push(wanted);
    return { value: wanted };
  }

  /** Takes this port for the service; false when another has it. */
  port(wanted: number): boolean {
    if (this.#ownPorts.has(wanted) || this.#taken.ports.includes(wanted)) return true;
    if (!this.#ports.take(wanted)) return false;
    this.#taken.ports.push(wanted);
    return true;
  }

  /** Any free port. Throws Fault `exhausted`. */
  anyPort(): number {
    const port = this.#ports.next();
    this.#taken.ports.push(port);
    return port;
  }

  release(): void {
    for (const address of this.#taken.addresses.splice(0)) this.#addresses.release(address);
    for (const port of this.#taken.ports.splice(0)) this.#ports.release(port);
  }
}

function complete(
  service: Service,
  before: Service | undefined,
  turn: Turn,
  range: ServiceRanges["nodePorts"],
): Service {
  const { spec } = service;
  if (!spec) return service;
  const faults: FieldError[] = [];
  const addressed =
    spec.type === "ExternalName" ? withoutAddresses(spec) : withAddresses(spec, before?.spec, turn, faults);
  const ported = wantsNodePorts(addressed) ? withNodePorts(addressed, turn, range, faults) : addressed;
  const checked = wantsHealthPort(ported) ? withHealthPort(ported, turn, range, faults) : ported;
  if (faults.length > 0) {
    throw invalid({ group: "", kind: "Service" }, service.metadata.name ?? "", faults);
  }
  return { ...service, spec: checked };
}

// A client that sends its own copy back without what the server chose keeps what was chosen.
function carryOver(service: Service, before: Service): Service {
  const next = service.spec;
  const old = before.spec;
  if (!next || !old) return service;
  let result = { ...next };
  if (needsAddress(old) && needsAddress(next)) {
    if (!next.clusterIP && !next.clusterIPs?.length)
      result = { ...result, clusterIP: old.clusterIP, clusterIPs: old.clusterIPs };
  }
  if (old.type !== "ExternalName" && next.type !== "ExternalName") {
    result = {
      ...result,
      ipFamilies: next.ipFamilies?.length ? next.ipFamilies : old.ipFamilies,
      ipFamilyPolicy: next.ipFamilyPolicy ?? old.ipFamilyPolicy,
    };
  }
  if (wantsNodePorts(old) && wantsNodePorts(next)) {
    const used = new Set(next.ports?.map((port) => port.nodePort));
    const chosen = new Map(old.ports?.map((port) => [`${port.protocol}/${port.port}`, port.nodePort]));
    const ports = next.ports?.map((port) => {
      const known = port.nodePort ? undefined : chosen.get(`${port.protocol}/${port.port}`);
      return known && !used.has(known) ? { ...port, nodePort: known } : port;
    });
    result = { ...result, ...(ports ? { ports } : {}) };
  }
  if (wantsHealthPort(old) && wantsHealthPort(next) && !next.healthCheckNodePort) {
    result = { ...result, healthCheckNodePort: old.healthCheckNodePort };
  }
  return { ...service, spec: dropStale(result, old) };
}

// What only the old type needed goes away with it, unless the client changed it on purpose.
function dropStale(next: Spec, old: Spec): Spec {
  let result = next;
  if (wantsNodePorts(old) && !wantsNodePorts(next)) {
    const before = new Set(old.ports?.map((port) => port.nodePort));
    const ports = next.ports?.map(({ nodePort, ...port }) =>
      nodePort && !before.has(nodePort) ? { ...port, nodePort } : port,
    );
    if (ports) result = { ...result, ports: ports as readonly Port[] };
  }
  if (wantsHealthPort(old) && !wantsHealthPort(next) && next.healthCheckNodePort === old.healthCheckNodePort) {
    const { healthCheckNodePort: _port, ...rest } = result;
    result = rest;
  }
  if (needsAddress(old) && next.type === "ExternalName" && next.clusterIP === old.clusterIP)
    result = withoutAddresses(result);
  return result;
}

function withoutAddresses(spec: Spec): Spec {
  const { clusterIP: _one, clusterIPs: _all, ipFamilies: _families, ipFamilyPolicy: _policy, ...rest } = spec;
  return rest;
}

function withAddresses(spec: Spec, before: Spec | undefined, turn: Turn, faults: FieldError[]): Spec {
  const families: Spec["ipFamilies"] = spec.ipFamilies?.length ? spec.ipFamilies : ["IPv4"];
  const policy = spec.ipFamilyPolicy ?? "SingleStack";
  const wanted = spec.clusterIP || spec.clusterIPs?.[0];
  const common = { ipFamilies: families, ipFamilyPolicy: policy };
  if (wanted === "None") return { ...spec, clusterIP: "None", clusterIPs: ["None"], ...common };
  const kept = wanted !== undefined && wanted === before?.clusterIP;
  const result = kept ? { value: wanted } : turn.address(wanted);
  if ("fault" in result) {
    const shown = wanted ? [wanted] : [];
    faults.push(field.invalid("spec.clusterIPs", shown, result.fault));
    return spec;
  }
  return { ...spec, clusterIP: result.value, clusterIPs: [result.value], ...common };
}

function withNodePorts(spec: Spec, turn: Turn, range: ServiceRanges["nodePorts"], faults: FieldError[]): Spec {
  // Named ports first, so that a free choice does not take a number that the next line asks for.
  for (const [index, { nodePort }] of (spec.ports ?? []).entries()) {
    if (nodePort) checkPort(`spec.ports[${index}].nodePort`, nodePort, turn, range, faults);
  }
  const ports = spec.ports?.map((port) => (port.nodePort ? port : { ...port, nodePort: turn.anyPort() }));
  return { ...spec, ...(ports ? { ports } : {}) };
}

function withHealthPort(spec: Spec, turn: Turn, range: ServiceRanges["nodePorts"], faults: FieldError[]): Spec {
  const wanted = spec.healthCheckNodePort;
  if (!wanted) return { ...spec, healthCheckNodePort: turn.anyPort() };
  checkPort("spec.healthCheckNodePort", wanted, turn, range, faults);
  return spec;
}

function checkPort(
  place: string,
  port: number,
  turn: Turn,
  { from, to }: ServiceRanges["nodePorts"],
  faults: FieldError[],
): void {
  if (port < from || port > to) {
    const text = `provided port is not in the valid range. The range of valid ports is ${from}-${to}`;
    faults.push(field.invalid(place, port, text));
  } else if (!turn.port(port)) faults.push(field.invalid(place, port, "provided port is already allocated"));
}

const needsAddress = (spec: Spec | undefined) => spec?.type !== "ExternalName" && spec?.clusterIP !== "None";

const wantsNodePorts = (spec: Spec | undefined) =>
  spec?.type === "NodePort" || (spec?.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);

const wantsHealthPort = (spec: Spec | undefined) =>
  spec?.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

function addressesOf({ spec }: Service): readonly string[] {
  const all = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  return all.filter((address) => address !== "None");
}

function portsOf({ spec }: Service): readonly number[] {
  const ports = spec?.ports?.flatMap((port) => (port.nodePort ? [port.nodePort] : [])) ?? [];
  return spec?.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports;
}
