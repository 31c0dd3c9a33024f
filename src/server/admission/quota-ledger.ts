import { ResourceQuota } from "../../api/core/resource-quota.ts";
import { conflict, isStatus } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";

/** One object's charge to a quota. */
export interface Booking {
  readonly dryRun: boolean;
  /** The quota with the charge on it. Throws StatusError when it does not fit. */
  readonly charge: (quota: ResourceQuota) => ResourceQuota;
}

interface Waiting extends Booking {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes what requests take into the quotas' status, before their objects are made. Requests that come while a quota is
 * being written wait, and are then written together: many writers do not take turns losing to one another.
 */
export class QuotaLedger {
  readonly #quotas;
  readonly #queues = new Map<string, Waiting[]>();

  constructor(registry: Registry) {
    this.#quotas = registry.of(ResourceQuota);
  }

  /** Resolves when the charge is stored, or the quota is gone. Throws what `charge` throws for the latest state. */
  book(namespace: string, name: string, booking: Booking): Promise<void> {
    const key = `${namespace}/${name}`;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { ...booking, resolve, reject };
      const queue = this.#queues.get(key);
      if (queue) queue.push(waiting);
      else {
        const fresh = [waiting];
        this.#queues.set(key, fresh);
        this.#work(key, fresh, namespace, name).catch(reject);
      }
    });
  }

  async #work(key: string, queue: Waiting[], namespace: string, name: string): Promise<void> {
    while (queue.length > 0) await this.#write(queue.splice(0), namespace, name);
    this.#queues.delete(key);
  }

  async #write(batch: readonly Waiting[], namespace: string, name: string): Promise<void> {
    const refused = new Map<Waiting, unknown>();
    const change = ({ object }: { readonly object: AnyObject }): AnyObject => {
      refused.clear();
      let quota = object as AnyObject as unknown as ResourceQuota;
      for (const waiting of batch) {
        try {
          const charged = waiting.charge(quota);
          if (!waiting.dryRun) quota = charged;
        } catch (error) {
          refused.set(waiting, error);
        }
      }
      return quota as unknown as AnyObject;
    };
    try {
      // Refusals must be made on the latest state: the cache may not have it yet.
      await this.#quotas.cache.current();
      const rules = { prepare: (next: AnyObject) => next, validate: () => [] };
      await updateObject(this.#quotas, { namespace, name, dryRun: false, rules, change });
      for (const waiting of batch) {
        if (refused.has(waiting)) waiting.reject(refused.get(waiting));
        else waiting.resolve();
      }
    } catch (error) {
      const gone = isStatus(error, "NotFound");
      const failure = isStatus(error, "Conflict") ? conflict(this.#quotas.resource.name, name) : error;
      for (const waiting of batch) {
        if (gone) waiting.resolve();
        else waiting.reject(failure);
      }
    }
  }
}
