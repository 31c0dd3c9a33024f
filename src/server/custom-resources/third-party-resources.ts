import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import {
  definitionOf,
  ThirdPartyResource,
  thirdPartyAnnotation,
} from "../../api/apiextensions/third-party-resource.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { Collection } from "../../registry/collection.ts";
import { createObject } from "../../registry/create.ts";
import { deleteObject } from "../../registry/delete.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";

/** Keeps a definition for every third party resource, so that manifests of 2016 bring their kinds as they did. */
export class ThirdPartyResources {
  readonly #registry: Registry;
  readonly #log: Log;
  readonly #resources: Collection;
  readonly #definitions: Collection;
  #subscription: Disposable | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(registry: Registry, log: Log) {
    this.#registry = registry;
    this.#log = log;
    this.#resources = registry.of(ThirdPartyResource);
    this.#definitions = registry.of(CustomResourceDefinition);
  }

  /** Makes what is missing, and follows all changes from now on. Throws the store's faults. */
  async start(): Promise<void> {
    const { cache, resource } = this.#resources;
    await cache.current();
    this.#subscription = cache.subscribe({}, ({ type, held }) => this.#seen(held.object, type === "DELETED"));
    for (const { object } of cache.range(resource.range)) this.#seen(object, false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription?.[Symbol.dispose]();
    await this.#work;
  }

  #seen(object: AnyObject, gone: boolean): void {
    const given = object as AnyObject as unknown as ThirdPartyResource;
    this.#work = this.#work
      .then(() => (gone ? this.#remove(given) : this.#make(given)))
      .catch((error: unknown) => {
        const { name } = given.metadata;
        this.#log.warn("a third party resource cannot be served", { name, error: errorMessage(error) });
      });
  }

  async #make(given: ThirdPartyResource): Promise<void> {
    const object = definitionOf(given) as unknown as AnyObject;
    const { resource, cache } = this.#definitions;
    if (cache.get(resource.keyOf(object))) return;
    try {
      const request = { served: resource.stored, namespace: undefined, object, dryRun: false };
      await createObject(this.#definitions, this.#registry, request);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }

  // A definition that somebody made by hand stays.
  async #remove(given: ThirdPartyResource): Promise<void> {
    const { name } = definitionOf(given).metadata;
    const { resource, cache } = this.#definitions;
    const definition = objectOf<CustomResourceDefinition>(cache.get(resource.key(undefined, name ?? "")));
    if (definition?.metadata.annotations?.[thirdPartyAnnotation] !== given.metadata.name) return;
    const request = { namespace: undefined, name: definition.metadata.name, options: {}, dryRun: false };
    await deleteObject(this.#definitions, this.#registry, request);
  }
}
