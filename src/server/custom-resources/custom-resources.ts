import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { isEqual } from "../../machinery/equality.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { CacheEvent } from "../../registry/cache-event.ts";
import type { Collection } from "../../registry/collection.ts";
import type { Held } from "../../registry/held.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { statusOnly, updateObject } from "../../registry/update.ts";
import { timestamp } from "../../registry/write.ts";
import type { ServiceResolver } from "../webhooks/service-resolver.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import { webhookConversion } from "./conversion-client.ts";
import { customKind } from "./custom-kind.ts";
import { cleanupFinalizer, isTrue, settledStatus, takenNames, withCondition } from "./definition-status.ts";
import { deleteInstances } from "./delete-instances.ts";

export interface CustomResourcesOptions {
  readonly registry: Registry;
  readonly log: Log;
  readonly caller: WebhookCaller;
  readonly services: ServiceResolver;
}

/** How a definition is served just now. */
interface Publication {
  /** The definition; decoded only while somebody looks at it, which for most of many definitions is never. */
  held: Held;
  readonly uid: string;
  terminating: boolean;
}

const definitionIn = ({ object }: Held) => object as AnyObject as CustomResourceDefinition;

const retryAfter = 1000;

/**
 * Follows the definitions: settles their names, serves what is established from the moment its status says so, and takes
 * it away again, with all instances, when its definition goes.
 */
export class CustomResources {
  readonly #options: CustomResourcesOptions;
  readonly #definitions: Collection;
  readonly #published = new Map<string, Publication>();
  readonly #waiting = new Set<string>();
  readonly #timers = new Map<string, Disposable>();
  #subscription: Disposable | undefined;
  #work: Promise<void> | undefined;
  #closed = false;

  constructor(options: CustomResourcesOptions) {
    this.#options = options;
    this.#definitions = options.registry.of(CustomResourceDefinition);
  }

  /** Serves what is established already, and follows all changes from now on. Throws the store's faults. */
  async start(): Promise<void> {
    const { cache, resource } = this.#definitions;
    await cache.current();
    this.#subscription = cache.subscribe({}, (event) => this.#changed(event));
    for (const held of cache.range(resource.range)) this.#seen(held);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#subscription?.[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    await this.#work;
  }

  #changed({ type, held }: CacheEvent): void {
    if (type !== "DELETED") {
      this.#seen(held);
      return;
    }
    const definition = definitionIn(held);
    this.#withdraw(definition);
    // Somebody may have waited for its names.
    for (const other of this.#all()) if (other.spec.group === definition.spec.group) this.#enqueue(other.metadata.name);
  }

  #seen(held: Held): void {
    const { name } = held;
    try {
      this.#publish(held);
    } catch (error) {
      this.#options.log.error("a custom resource cannot be served", { definition: name, error: errorMessage(error) });
    }
    this.#enqueue(name);
  }

  #publish(held: Held): void {
    const definition = definitionIn(held);
    if (!isTrue(definition, "Established")) return;
    const { registry, caller, services } = this.#options;
    const { name, uid, deletionTimestamp } = definition.metadata;
    const before = this.#published.get(name);
    const terminating = deletionTimestamp !== undefined;
    if (before?.uid === uid && isSameService(definitionIn(before.held), definition)) {
      Object.assign(before, { held, terminating });
      return;
    }
    const outside = webhookConversion(definition.spec, { caller, services, random: registry.random });
    const publication: Publication = { held, uid, terminating };
    const { kind, lookup, strategy } = customKind(definition, {
      outside,
      current: () => definitionIn(publication.held),
      isLeaving: () => publication.terminating,
    });
    // Adding fails where a built-in kind has the place, which must not be taken for the definition's own.
    if (before) registry.replace(kind, lookup, strategy);
    else registry.add(kind, lookup, strategy);
    this.#published.set(name, publication);
  }

  #withdraw(definition: CustomResourceDefinition): void {
    if (!this.#published.delete(definition.metadata.name)) return;
    const removed = this.#options.registry.remove(placeOf(definition));
    removed.catch((error: unknown) => this.#options.log.warn("closing a custom resource failed", { error }));
  }

  *#all(): Iterable<CustomResourceDefinition> {
    const { cache, resource } = this.#definitions;
    for (const { object } of cache.range(resource.range)) yield object as AnyObject as CustomResourceDefinition;
  }

  #enqueue(name: string): void {
    this.#waiting.add(name);
    this.#begin();
  }

  #begin(): void {
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
      if (this.#waiting.size > 0 && !this.#closed) this.#begin(); // came while the last one ended
    });
  }

  async #run(): Promise<void> {
    await undefined; // what changed in one moment is looked at once
    for (const name of this.#waiting) {
      if (this.#closed) return;
      this.#waiting.delete(name);
      try {
        const settled = await this.#reconcile(name);
        if (!settled) this.#later(name);
      } catch (error) {
        if (this.#closed || faultCode(error) === "closed") return;
        if (!isStatus(error, "Conflict", "NotFound")) {
          this.#options.log.warn("settling a definition failed", { definition: name, error: errorMessage(error) });
        }
        this.#later(name);
      }
    }
  }

  #later(name: string): void {
    this.#timers.get(name)?.[Symbol.dispose]();
    const again = () => {
      this.#timers.delete(name);
      this.#enqueue(name);
    };
    this.#timers.set(name, this.#options.registry.clock.after(retryAfter, again));
  }

  /** False when there is more to do that no event will tell of. */
  async #reconcile(name: string): Promise<boolean> {
    const { cache, resource } = this.#definitions;
    const held = cache.get(resource.key(undefined, name));
    if (!held) return true;
    const definition = held.object as AnyObject as CustomResourceDefinition;
    if (definition.metadata.deletionTimestamp) return await this.#cleanUp(definition);
    const status = settledStatus(definition, takenNames(definition, this.#all()), this.#now());
    if (!isEqual(status, definition.status)) await this.#write(definition, { ...definition, status });
    return true;
  }

  async #cleanUp(definition: CustomResourceDefinition): Promise<boolean> {
    const { name, finalizers } = definition.metadata;
    if (!finalizers?.includes(cleanupFinalizer)) return true;
    const collection = this.#published.has(name) ? this.#options.registry.of(placeOf(definition)) : undefined;
    const remaining = finalizers.filter((finalizer) => finalizer !== cleanupFinalizer);
    if (!collection) {
      await this.#terminating(definition, { status: "False", ...neverEstablished }, remaining);
      return true;
    }
    const begun = isDeleting(definition)
      ? definition
      : await this.#terminating(definition, { status: "True", ...inProgress });
    const left = await deleteInstances(collection, this.#options.registry);
    if (left > 0) {
      const message = `could not confirm zero CustomResources remaining: ${left} left`;
      await this.#terminating(begun, { status: "True", reason: "InstanceDeletionCheck", message });
      return false;
    }
    await this.#terminating(begun, { status: "False", ...completed }, remaining);
    return true;
  }

  async #terminating(
    definition: CustomResourceDefinition,
    found: Finding & { readonly status: "True" | "False" },
    finalizers = definition.metadata.finalizers,
  ): Promise<CustomResourceDefinition> {
    const before = definition.status?.conditions ?? [];
    const conditions = withCondition(before, { type: "Terminating", ...found }, this.#now());
    const metadata = { ...definition.metadata, finalizers };
    return await this.#write(definition, {
      ...definition,
      metadata,
      status: { ...definition.status, conditions },
    } as CustomResourceDefinition);
  }

  #now(): string {
    return timestamp(this.#options.registry.clock.now());
  }

  // Made on the very state that was looked at: another one is looked at again.
  async #write(seen: CustomResourceDefinition, next: CustomResourceDefinition): Promise<CustomResourceDefinition> {
    const { resource } = this.#definitions;
    const { object } = await updateObject(this.#definitions, {
      namespace: undefined,
      name: seen.metadata.name,
      dryRun: false,
      rules: statusOnly(resource),
      change: () => next as unknown as AnyObject,
    });
    return object as AnyObject as CustomResourceDefinition;
  }
}

interface Finding {
  readonly reason: string;
  readonly message: string;
}

const inProgress: Finding = {
  reason: "InstanceDeletionInProgress",
  message: "CustomResource deletion is in progress",
};
const completed: Finding = { reason: "InstanceDeletionCompleted", message: "removed all instances" };
const neverEstablished: Finding = { reason: "NeverEstablished", message: "resource was never established" };

/** Whether it was said before that the instances are being deleted. */
function isDeleting({ status }: CustomResourceDefinition): boolean {
  const reason = status?.conditions?.find(({ type }) => type === "Terminating")?.reason;
  return reason === inProgress.reason || reason === "InstanceDeletionCheck";
}

/** What the registry knows a definition's resource by. */
function placeOf({ spec: { group, names, versions, scope } }: CustomResourceDefinition) {
  const { kind, plural } = names;
  return { group, version: versions[0]?.name ?? "", kind, plural, namespaced: scope === "Namespaced" };
}

function isSameService(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  return isEqual(a.spec, b.spec) && isEqual(a.status?.acceptedNames, b.status?.acceptedNames);
}
