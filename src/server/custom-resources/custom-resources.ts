import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { isEqual } from "../../machinery/equality.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { CacheEvent } from "../../registry/cache-event.ts";
import type { Collection } from "../../registry/collection.ts";
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
  readonly definition: CustomResourceDefinition;
  readonly uid: string;
  terminating: boolean;
}

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
    for (const { object } of cache.range(resource.range)) this.#seen(object as AnyObject as CustomResourceDefinition);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#subscription?.[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    await this.#work;
  }

  #changed({ type, held }: CacheEvent): void {
    const definition = held.object as AnyObject as CustomResourceDefinition;
    if (type !== "DELETED") {
      this.#seen(definition);
      return;
    }
    this.#withdraw(definition);
    // Somebody may have waited for its names.
    for (const other of this.#all()) if (other.spec.group === definition.spec.group) this.#enqueue(other.metadata.name);
  }

  #seen(definition: CustomResourceDefinition): void {
    try {
      this.#publish(definition);
    } catch (error) {
      const { name } = definition.metadata;
      this.#options.log.error("a custom resource cannot be served", { definition: name, error: errorMessage(error) });
    }
    this.#enqueue(definition.metadata.name);
  }

  #publish(definition: CustomResourceDefinition): void {
    if (!isTrue(definition, "Established")) return;
    const { registry, caller, services } = this.#options;
    const { name, uid, deletionTimestamp } = definition.metadata;
    const before = this.#published.get(name);
    const terminating = deletionTimestamp !== undefined;
    if (before?.uid === uid && isSameService(before.definition, definition)) {
      before.terminating = terminating;
      return;
    }
    const outside = webhookConversion(definition.spec, { caller, services, random: registry.random });
    const publication = { definition, uid, terminating };
    const isLeaving = () => publication.terminating;
    const { kind, lookup, strategy } = customKind(definition, { outside, isLeaving });
    // Adding fails where a built-in kind has the place, which must not be taken for the definition's own.
    if (before) registry.replace(kind, lookup, strategy);
    else registry.add(kind, lookup, strategy);
    this.#published.set(name, publication);
  }

  #withdraw({ metadata, spec }: CustomResourceDefinition): void {
    if (!this.#published.delete(metadata.name)) return;
    const { group, names, versions, scope } = spec;
    const { plural, kind } = names;
    const version = versions[0]?.name ?? "";
    const removed = this.#options.registry.remove({ group, version, kind, plural, namespaced: scope === "Namespaced" });
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
    if (!definition.metadata.finalizers?.includes(cleanupFinalizer)) return true;
    const { registry } = this.#options;
    const { group, names, versions, scope } = definition.spec;
    const place = {
      group,
      version: versions[0]?.name ?? "",
      kind: names.kind,
      plural: names.plural,
      namespaced: scope === "Namespaced",
    };
    const collection = this.#published.has(definition.metadata.name) ? registry.of(place) : undefined;
    const left = collection ? await deleteInstances(collection, registry) : 0;
    if (left > 0) {
      const message = `could not confirm zero CustomResources remaining: ${left} left`;
      await this.#terminating(definition, { status: "True", reason: "InstanceDeletionCheck", message });
      return false;
    }
    const finding = collection
      ? { reason: "InstanceDeletionCompleted", message: "removed all instances" }
      : { reason: "NeverEstablished", message: "resource was never established" };
    const finalizers = definition.metadata.finalizers.filter((finalizer) => finalizer !== cleanupFinalizer);
    await this.#terminating(definition, { status: "False", ...finding }, finalizers);
    return true;
  }

  async #terminating(
    definition: CustomResourceDefinition,
    found: { readonly status: "True" | "False"; readonly reason: string; readonly message: string },
    finalizers = definition.metadata.finalizers,
  ): Promise<void> {
    const before = definition.status?.conditions ?? [];
    const conditions = withCondition(before, { type: "Terminating", ...found }, this.#now());
    const metadata = { ...definition.metadata, finalizers };
    await this.#write(definition, {
      ...definition,
      metadata,
      status: { ...definition.status, conditions },
    } as CustomResourceDefinition);
  }

  #now(): string {
    return timestamp(this.#options.registry.clock.now());
  }

  // Made on the very state that was looked at: another one is looked at again.
  async #write(seen: CustomResourceDefinition, next: CustomResourceDefinition): Promise<void> {
    const { resource } = this.#definitions;
    await updateObject(this.#definitions, {
      namespace: undefined,
      name: seen.metadata.name,
      dryRun: false,
      rules: statusOnly(resource),
      change: () => next as unknown as AnyObject,
    });
  }
}

function isSameService(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  return isEqual(a.spec, b.spec) && isEqual(a.status?.acceptedNames, b.status?.acceptedNames);
}
