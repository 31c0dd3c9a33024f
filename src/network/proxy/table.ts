import type { IpFamily } from "../machine/address.ts";
import { doorKey, type Front, type HostPort, hostPortKey, type ProxyChange, sameFront } from "./front.ts";
import { planHostPorts } from "./host-ports.ts";
import { type HealthCheck, type PlanContext, planService } from "./plan.ts";
import {
  type EndpointSliceInput,
  type HostPortPodInput,
  objectKey,
  type ProxyNodeInput,
  type ServiceInput,
  sliceServiceKey,
} from "./service-input.ts";

const zoneLabel = "topology.kubernetes.io/zone";

/**
 * The desired state of one node's proxy, kept up to date object by object. `drain` says what changed since the last
 * call; nothing is computed before that, so a burst of slices of one service costs one plan.
 */
export class ProxyTable {
  #context: PlanContext;
  readonly #services = new Map<string, ServiceInput>();
  /** Service key -> slice name -> slice. */
  readonly #slices = new Map<string, Map<string, EndpointSliceInput>>();
  readonly #pods = new Map<string, HostPortPodInput>();
  readonly #healthChecks = new Map<string, HealthCheck>();
  readonly #dirtyServices = new Set<string>();
  readonly #dirtyPods = new Set<string>();
  readonly #fronts: Claims<Front>;
  readonly #hostPorts: Claims<HostPort>;

  constructor(context: PlanContext) {
    this.#context = context;
    // Two services that want one door (the same external address and port): the older one has it.
    this.#fronts = new Claims((key) => this.#services.get(key)?.metadata?.creationTimestamp ?? "", sameFront);
    this.#hostPorts = new Claims(
      (key) => this.#pods.get(key)?.metadata?.creationTimestamp ?? "",
      (a, b) => JSON.stringify(a) === JSON.stringify(b),
    );
  }

  get family(): IpFamily {
    return this.#context.family;
  }

  setService(service: ServiceInput): void {
    const key = objectKey(service);
    this.#services.set(key, service);
    this.#dirtyServices.add(key);
  }

  deleteService(service: ServiceInput): void {
    const key = objectKey(service);
    if (this.#services.delete(key)) this.#dirtyServices.add(key);
  }

  setSlice(slice: EndpointSliceInput): void {
    const key = sliceServiceKey(slice);
    if (!key) return;
    const slices = this.#slices.get(key) ?? new Map<string, EndpointSliceInput>();
    slices.set(slice.metadata?.name ?? "", slice);
    this.#slices.set(key, slices);
    this.#dirtyServices.add(key);
  }

  deleteSlice(slice: EndpointSliceInput): void {
    const key = sliceServiceKey(slice);
    const slices = key === undefined ? undefined : this.#slices.get(key);
    if (key === undefined || !slices?.delete(slice.metadata?.name ?? "")) return;
    if (slices.size === 0) this.#slices.delete(key);
    this.#dirtyServices.add(key);
  }

  /** Takes a node; the zone of this one decides about hints of zones. */
  setNode({ metadata }: ProxyNodeInput): void {
    const { node } = this.#context;
    if (metadata?.name !== node.name) return;
    const zone = metadata.labels?.[zoneLabel] || undefined;
    if (zone === node.zone) return;
    this.#context = { ...this.#context, node: { name: node.name, ...(zone === undefined ? {} : { zone }) } };
    for (const key of this.#services.keys()) this.#dirtyServices.add(key);
  }

  /** Takes a pod of this node, for its host ports. */
  setPod(pod: HostPortPodInput): void {
    const key = objectKey(pod);
    this.#pods.set(key, pod);
    this.#dirtyPods.add(key);
  }

  deletePod(pod: HostPortPodInput): void {
    const key = objectKey(pod);
    if (this.#pods.delete(key)) this.#dirtyPods.add(key);
  }

  /** Plans what was touched and returns the difference to what earlier calls returned. */
  drain(): ProxyChange {
    for (const key of this.#dirtyServices) {
      const service = this.#services.get(key);
      const slices = [...(this.#slices.get(key)?.values() ?? [])];
      const plan = service ? planService(service, slices, this.#context) : { fronts: [] };
      this.#fronts.claim(key, new Map(plan.fronts.map((front) => [doorKey(front.door), front])));
      if (plan.healthCheck) this.#healthChecks.set(key, plan.healthCheck);
      else this.#healthChecks.delete(key);
    }
    this.#dirtyServices.clear();
    for (const key of this.#dirtyPods) {
      const pod = this.#pods.get(key);
      const ports = pod ? planHostPorts(pod, this.#context.family) : [];
      this.#hostPorts.claim(key, new Map(ports.map((port) => [hostPortKey(port), port])));
    }
    this.#dirtyPods.clear();
    const fronts = this.#fronts.drain();
    const hostPorts = this.#hostPorts.drain();
    return { put: fronts.put, remove: fronts.remove, putHostPorts: hostPorts.put, removeHostPorts: hostPorts.remove };
  }

  /** The health checks of the last drain. */
  healthChecks(): readonly HealthCheck[] {
    return [...this.#healthChecks.values()];
  }

  /** Whether objects came in that no drain has seen. */
  get dirty(): boolean {
    return this.#dirtyServices.size + this.#dirtyPods.size > 0;
  }
}

/** Who wants which door, and who has it: the oldest claimant, by name among equals. */
class Claims<T> {
  readonly #ageOf: (owner: string) => string;
  readonly #same: (a: T, b: T) => boolean;
  readonly #wanted = new Map<string, Map<string, T>>();
  readonly #claimants = new Map<string, Set<string>>();
  readonly #published = new Map<string, T>();
  readonly #touched = new Set<string>();

  constructor(ageOf: (owner: string) => string, same: (a: T, b: T) => boolean) {
    this.#ageOf = ageOf;
    this.#same = same;
  }

  claim(owner: string, wants: ReadonlyMap<string, T>): void {
    for (const door of this.#wanted.get(owner)?.keys() ?? []) {
      this.#touched.add(door);
      if (wants.has(door)) continue;
      const claimants = this.#claimants.get(door);
      claimants?.delete(owner);
      if (claimants?.size === 0) this.#claimants.delete(door);
    }
    for (const door of wants.keys()) {
      this.#touched.add(door);
      const claimants = this.#claimants.get(door);
      if (claimants) claimants.add(owner);
      else this.#claimants.set(door, new Set([owner]));
    }
    if (wants.size > 0) this.#wanted.set(owner, new Map(wants));
    else this.#wanted.delete(owner);
  }

  drain(): { readonly put: readonly T[]; readonly remove: readonly string[] } {
    const put: T[] = [];
    const remove: string[] = [];
    for (const door of this.#touched) {
      const owner = this.#first(this.#claimants.get(door));
      const next = owner === undefined ? undefined : this.#wanted.get(owner)?.get(door);
      const before = this.#published.get(door);
      if (next === undefined) {
        if (this.#published.delete(door)) remove.push(door);
      } else if (before === undefined || !this.#same(before, next)) {
        this.#published.set(door, next);
        put.push(next);
      }
    }
    this.#touched.clear();
    return { put, remove };
  }

  #first(owners: ReadonlySet<string> | undefined): string | undefined {
    if (!owners) return undefined;
    if (owners.size === 1) return owners.values().next().value;
    const rank = (owner: string) => `${this.#ageOf(owner)}\u0000${owner}`;
    return [...owners].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))[0];
  }
}
