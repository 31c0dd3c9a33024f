import { inScope, resourceCounted, type Usage, usageOf } from "../../api/core/quota-usage.ts";
import type { ResourceQuota } from "../../api/core/resource-quota.ts";
import type { Clock } from "../../lib/clock.ts";
import { addQuantities, compareQuantities } from "../../machinery/quantity.ts";
import { resourceText } from "../../machinery/status-error.ts";
import type { Collection } from "../../registry/collection.ts";
import type { Registry } from "../../registry/registry.ts";

/** A booking whose object is not there after so long is not waited for: its request failed. */
const patience = 10_000;

interface Flying {
  readonly quota: string;
  readonly delta: Usage;
  readonly since: number;
}

/**
 * Remembers what was booked for objects that are not there yet. Whoever counts objects counts without these, and must
 * not take back what they are about to use.
 */
export class QuotaRecount implements Disposable {
  readonly #registry: Registry;
  readonly #clock: Clock;
  /** By the object's key, then by the quota's. */
  readonly #flying = new Map<string, Map<string, Flying>>();
  readonly #subscriptions = new Map<Collection, Disposable>();

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** An object's booking is stored; it is settled when the object is there. */
  booked(collection: Collection, key: string, quota: string, delta: Usage): void {
    if (!this.#subscriptions.has(collection)) {
      const settled = collection.cache.subscribe({}, ({ held }) => this.#flying.delete(held.key));
      this.#subscriptions.set(collection, settled);
    }
    const bookings = this.#flying.get(key) ?? new Map<string, Flying>();
    this.#flying.set(key, bookings.set(quota, { quota, delta, since: this.#clock.monotonic() }));
  }

  /** An object will not come: one of its bookings was refused. */
  forget(key: string): void {
    this.#flying.delete(key);
  }

  /** What a quota's status must at least say is used when somebody wants to write less. */
  async least(quota: ResourceQuota, key: string): Promise<Usage> {
    const hard = Object.keys(quota.status?.hard ?? {});
    const counted = new Set(hard.map(resourceCounted));
    const used: Record<string, string> = {};
    const add = (amounts: Usage) => {
      for (const name of hard) {
        const amount = amounts[name];
        if (amount !== undefined) used[name] = addQuantities(used[name] ?? "0", amount);
      }
    };
    for (const { cache, resource } of this.#registry.collections) {
      if (!resource.namespaced || !counted.has(resourceText(resource.name))) continue;
      await cache.current();
      for (const { object } of cache.range(resource.rangeOf(quota.metadata.namespace))) {
        if (inScope(quota, resource.name, object)) add(usageOf(resource.name, object));
      }
    }
    const now = this.#clock.monotonic();
    for (const [object, bookings] of this.#flying) {
      const booking = bookings.get(key);
      if (booking && now - booking.since <= patience) add(booking.delta);
      if ([...bookings.values()].every(({ since }) => now - since > patience)) this.#flying.delete(object);
    }
    return used;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions.values()) subscription[Symbol.dispose]();
  }
}

/** The greater of two amounts for each name of the first. */
export function atLeast(amounts: Usage, least: Usage): Usage {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => {
      const floor = least[name];
      return [name, floor !== undefined && compareQuantities(floor, amount) > 0 ? floor : amount];
    }),
  );
}
