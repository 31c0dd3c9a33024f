import { familyOf } from "../machine/address.ts";
import { objectKey, sliceServiceKey } from "../proxy/service-input.ts";
import type { RecordData, ResourceRecord } from "./wire.ts";
import type { DnsEndpointSliceInput, DnsPodInput, DnsServiceInput } from "./zone-input.ts";

export interface ZoneOptions {
  /** The cluster's domain, e.g. `cluster.local`. */
  readonly domain: string;
  /** The address that the name server itself is found at. */
  readonly serverAddresses: readonly string[];
  /**
   * Whether `10-0-0-1.ns.pod` exists for every address of a namespace that is known, or only for pods that do. Upstream's usual
   * setting is the first: it needs no watch on pods.
   */
  readonly pods?: "insecure" | "verified";
}

/** Seconds for which answers may be kept. */
export const zoneTtl = 5;

/** What a name below the domain means. */
export type Finding =
  /** The name is there with these records (of all types). */
  | {
      readonly kind: "records";
      readonly records: readonly ResourceRecord[];
      readonly additional?: readonly ResourceRecord[];
    }
  /** There is no such name, and nothing below it. */
  | { readonly kind: "missing" };

interface PortFacts {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

interface ServiceFacts {
  readonly service: DnsServiceInput;
  readonly headless: boolean;
  readonly externalName: string | undefined;
  readonly addresses: readonly string[];
  readonly ports: readonly PortFacts[];
  /** Host name -> addresses, of ready endpoints; made when first asked for. */
  hosts?: ReadonlyMap<string, readonly string[]>;
  hostPorts?: readonly (PortFacts & { readonly host: string })[];
}

/** The names of a cluster, kept up to date object by object; answers by the Kubernetes DNS specification 1.1. */
export class Zone {
  readonly domain: string;
  readonly #options: ZoneOptions;
  readonly #services = new Map<string, ServiceFacts>();
  readonly #slices = new Map<string, Map<string, DnsEndpointSliceInput>>();
  readonly #namespaces = new Map<string, number>();
  readonly #namedNamespaces = new Set<string>();
  readonly #podAddresses = new Map<string, Set<string>>();
  readonly #podsByKey = new Map<string, readonly string[]>();
  /** Address -> names, for reverse look-ups. */
  readonly #reverse = new Map<string, Set<string>>();
  #serial = 1;

  constructor(options: ZoneOptions) {
    this.#options = options;
    this.domain = options.domain.toLowerCase();
  }

  /** Grows with every change. */
  get serial(): number {
    return this.#serial;
  }

  setService(service: DnsServiceInput): void {
    const key = objectKey(service);
    this.#forget(key);
    const spec = service.spec;
    const listed = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
    const externalName = spec?.type === "ExternalName" ? spec.externalName : undefined;
    const headless = spec?.type !== "ExternalName" && listed[0] === "None";
    const facts: ServiceFacts = {
      service,
      headless,
      externalName: externalName?.replace(/\.$/, ""),
      addresses: externalName === undefined && !headless ? listed : [],
      ports: (spec?.ports ?? []).map(({ name = "", protocol = "TCP", port }) => ({
        name,
        protocol: protocol.toLowerCase(),
        port,
      })),
    };
    this.#services.set(key, facts);
    count(this.#namespaces, namespaceIn(key), 1);
    this.#point(key, facts, "add");
    this.#serial++;
  }

  deleteService(service: DnsServiceInput): void {
    if (this.#forget(objectKey(service))) this.#serial++;
  }

  setSlice(slice: DnsEndpointSliceInput): void {
    this.#changeSlices(slice, (slices) => slices.set(slice.metadata?.name ?? "", slice));
  }

  deleteSlice(slice: DnsEndpointSliceInput): void {
    this.#changeSlices(slice, (slices) => slices.delete(slice.metadata?.name ?? ""));
  }

  /** Needed only when pods' names are verified. */
  setPod(pod: DnsPodInput): void {
    this.deletePod(pod);
    const addresses =
      pod.status?.podIPs?.flatMap(({ ip }) => ip ?? []) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
    const namespace = pod.metadata?.namespace ?? "";
    const known = this.#podAddresses.get(namespace) ?? new Set<string>();
    for (const address of addresses) known.add(address);
    this.#podAddresses.set(namespace, known);
    this.#podsByKey.set(objectKey(pod), addresses);
    this.#serial++;
  }

  deletePod(pod: DnsPodInput): void {
    const key = objectKey(pod);
    const namespace = pod.metadata?.namespace ?? "";
    const known = this.#podAddresses.get(namespace);
    for (const address of this.#podsByKey.get(key) ?? []) known?.delete(address);
    if (known?.size === 0) this.#podAddresses.delete(namespace);
    if (this.#podsByKey.delete(key)) this.#serial++;
  }

  /** Makes a namespace known that may have no service; without any call to this, every name of a namespace counts as known. */
  setNamespace(name: string): void {
    this.#namedNamespaces.add(name);
    this.#serial++;
  }

  deleteNamespace(name: string): void {
    this.#namedNamespaces.delete(name);
    this.#serial++;
  }

  /** The start-of-authority record that says how long an absence may be remembered. */
  authority(): ResourceRecord {
    const data = {
      type: "SOA" as const,
      primary: `ns.dns.${this.domain}`,
      mailbox: `hostmaster.${this.domain}`,
      serial: this.#serial >>> 0,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: zoneTtl,
    };
    return { name: this.domain, ttl: zoneTtl, data };
  }

  /** Whether a name lies in the domain. Names are lower case and without a final dot. */
  contains(name: string): boolean {
    return name === this.domain || name.endsWith(`.${this.domain}`);
  }

  /** What a name in the domain means. */
  find(name: string): Finding {
    if (name === this.domain) {
      const server = this.#record(name, { type: "NS", target: `ns.dns.${this.domain}` });
      return { kind: "records", records: [this.authority(), server] };
    }
    const labels = name.slice(0, -this.domain.length - 1).split(".");
    const branch = labels.pop();
    if (branch === "svc") return this.#findService(name, labels);
    if (branch === "pod") return this.#findPod(name, labels);
    if (branch === "dns" && labels.length === 0) return nothingHere;
    if (branch === "dns" && labels.length === 1 && labels[0] === "ns")
      return this.#at(name, this.#options.serverAddresses);
    if (branch === "dns-version" && labels.length === 0) {
      return { kind: "records", records: [this.#record(name, { type: "TXT", text: "1.1.0" })] };
    }
    return missing;
  }

  /** The names of an address; undefined when the cluster knows none. */
  reverse(address: string): readonly string[] | undefined {
    const names = this.#reverse.get(address);
    return names && [...names];
  }

  #findService(name: string, labels: readonly string[]): Finding {
    const namespace = labels.at(-1);
    if (namespace === undefined) return nothingHere;
    if (labels.length === 1) return this.#knowsNamespace(namespace) ? nothingHere : missing;
    const key = `${namespace}/${labels.at(-2)}`;
    const facts = this.#services.get(key);
    if (!facts) return missing;
    const rest = labels.slice(0, -2);
    if (rest.length === 0) return this.#serviceRecords(name, key, facts);
    if (facts.externalName !== undefined) return missing;
    if (rest.length === 2 && rest[0]!.startsWith("_") && rest[1]!.startsWith("_")) {
      return this.#portRecords(name, key, facts, { port: rest[0]!.slice(1), protocol: rest[1]!.slice(1) });
    }
    if (rest.length !== 1) return missing;
    const [host] = rest as [string];
    if (host.startsWith("_")) {
      return this.#portsOf(key, facts).some((port) => `_${port.protocol}` === host) ? nothingHere : missing;
    }
    const addresses = this.#hostsOf(key, facts).get(host);
    return addresses ? this.#at(name, addresses) : missing;
  }

  #serviceRecords(name: string, key: string, facts: ServiceFacts): Finding {
    if (facts.externalName !== undefined) {
      return { kind: "records", records: [this.#record(name, { type: "CNAME", target: facts.externalName })] };
    }
    const addresses = facts.headless ? [...new Set([...this.#hostsOf(key, facts).values()].flat())] : facts.addresses;
    const found = this.#at(name, addresses);
    const services = this.#portAnswers(name, name, key, facts, () => true);
    return { kind: "records", records: [...found.records, ...services.records], additional: services.additional };
  }

  #portRecords(
    name: string,
    key: string,
    facts: ServiceFacts,
    wanted: { readonly port: string; readonly protocol: string },
  ): Finding {
    const matches = (port: PortFacts) => port.name.toLowerCase() === wanted.port && port.protocol === wanted.protocol;
    const serviceName = name.split(".").slice(2).join(".");
    const found = this.#portAnswers(name, serviceName, key, facts, matches);
    return found.records.length > 0 ? { kind: "records", ...found } : missing;
  }

  /** SRV records: of a headless service one per endpoint and port, of another one per port. */
  #portAnswers(
    owner: string,
    serviceName: string,
    key: string,
    facts: ServiceFacts,
    matches: (port: PortFacts) => boolean,
  ) {
    const records: ResourceRecord[] = [];
    const additional: ResourceRecord[] = [];
    const weightOf = (count: number) => Math.max(1, Math.floor(100 / count));
    if (facts.headless) {
      const ports = (facts.hostPorts ?? this.#indexHosts(key, facts).hostPorts).filter(matches);
      for (const { host, port } of ports) {
        const target = `${host}.${serviceName}`;
        records.push(this.#record(owner, { type: "SRV", priority: 0, weight: weightOf(ports.length), port, target }));
        additional.push(...this.#at(target, this.#hostsOf(key, facts).get(host) ?? []).records);
      }
    } else {
      const ports = facts.ports.filter(matches);
      for (const { port } of ports) {
        records.push(
          this.#record(owner, { type: "SRV", priority: 0, weight: weightOf(ports.length), port, target: serviceName }),
        );
      }
      if (ports.length > 0) additional.push(...this.#at(serviceName, facts.addresses).records);
    }
    return { records, additional };
  }

  #portsOf(key: string, facts: ServiceFacts): readonly PortFacts[] {
    return facts.headless ? (facts.hostPorts ?? this.#indexHosts(key, facts).hostPorts) : facts.ports;
  }

  #hostsOf(key: string, facts: ServiceFacts): ReadonlyMap<string, readonly string[]> {
    return facts.hosts ?? this.#indexHosts(key, facts).hosts;
  }

  #indexHosts(key: string, facts: ServiceFacts) {
    const hosts = new Map<string, string[]>();
    const hostPorts = new Map<string, PortFacts & { readonly host: string }>();
    for (const slice of this.#slices.get(key)?.values() ?? []) {
      if (slice.addressType !== "IPv4" && slice.addressType !== "IPv6") continue;
      for (const endpoint of slice.endpoints ?? []) {
        if (endpoint.conditions?.ready === false) continue;
        for (const address of endpoint.addresses) {
          const host = endpoint.hostname?.toLowerCase() || dashed(address);
          const addresses = hosts.get(host) ?? [];
          if (!addresses.includes(address)) hosts.set(host, [...addresses, address]);
          for (const { name = "", protocol = "TCP", port } of slice.ports ?? []) {
            if (port === undefined) continue;
            const entry = { host, name, protocol: protocol.toLowerCase(), port };
            hostPorts.set(`${host} ${name} ${protocol} ${port}`, entry);
          }
        }
      }
    }
    const index = { hosts, hostPorts: [...hostPorts.values()] };
    Object.assign(facts, index);
    return index;
  }

  #findPod(name: string, labels: readonly string[]): Finding {
    const namespace = labels.at(-1);
    if (namespace === undefined) return nothingHere;
    if (labels.length > 2) return missing;
    if (!this.#knowsNamespace(namespace)) return missing;
    if (labels.length === 1) return nothingHere;
    const address = undashed(labels[0]!);
    if (!address) return missing;
    if (this.#options.pods === "verified" && !this.#podAddresses.get(namespace)?.has(address)) return missing;
    return this.#at(name, [address]);
  }

  #knowsNamespace(name: string): boolean {
    return this.#namedNamespaces.size === 0 || this.#namedNamespaces.has(name) || this.#namespaces.has(name);
  }

  #at(name: string, addresses: readonly string[]): { readonly kind: "records"; readonly records: ResourceRecord[] } {
    const records = addresses.map((address) =>
      this.#record(name, { type: familyOf(address) === "IPv6" ? "AAAA" : "A", address }),
    );
    return { kind: "records", records };
  }

  #record(name: string, data: RecordData): ResourceRecord {
    return { name, ttl: zoneTtl, data };
  }

  #changeSlices(slice: DnsEndpointSliceInput, change: (slices: Map<string, DnsEndpointSliceInput>) => void): void {
    const key = sliceServiceKey(slice);
    if (!key) return;
    const facts = this.#services.get(key);
    if (facts) this.#point(key, facts, "delete");
    const slices = this.#slices.get(key) ?? new Map<string, DnsEndpointSliceInput>();
    change(slices);
    if (slices.size > 0) this.#slices.set(key, slices);
    else this.#slices.delete(key);
    if (facts) {
      facts.hosts = undefined;
      facts.hostPorts = undefined;
      this.#point(key, facts, "add");
    }
    this.#serial++;
  }

  #forget(key: string): boolean {
    const facts = this.#services.get(key);
    if (!facts) return false;
    this.#point(key, facts, "delete");
    this.#services.delete(key);
    count(this.#namespaces, namespaceIn(key), -1);
    return true;
  }

  /** Enters or removes the reverse names of a service: of its addresses, or of a headless one's endpoints. */
  #point(key: string, facts: ServiceFacts, how: "add" | "delete"): void {
    const [namespace, service] = key.split("/");
    const name = `${service}.${namespace}.svc.${this.domain}`;
    const pairs: [string, string][] = facts.headless
      ? [...this.#hostsOf(key, facts)].flatMap(([host, addresses]) =>
          addresses.map((address): [string, string] => [address, `${host}.${name}`]),
        )
      : facts.addresses.map((address): [string, string] => [address, name]);
    for (const [address, pointer] of pairs) {
      const names = this.#reverse.get(address) ?? new Set<string>();
      if (how === "add") names.add(pointer);
      else names.delete(pointer);
      if (names.size > 0) this.#reverse.set(address, names);
      else this.#reverse.delete(address);
    }
  }
}

const nothingHere: Finding = { kind: "records", records: [] };
const missing: Finding = { kind: "missing" };

function namespaceIn(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}

/** `10.0.0.1` as a host name. */
function dashed(address: string): string {
  return address.replaceAll(/[.:]/g, "-").toLowerCase();
}

/** The address that a dashed host name stands for. */
function undashed(label: string): string | undefined {
  if (/^\d+(-\d+){3}$/.test(label)) {
    const address = label.replaceAll("-", ".");
    return familyOf(address) ? address : undefined;
  }
  const address = label.replaceAll("-", ":");
  return familyOf(address) === "IPv6" ? address : undefined;
}
