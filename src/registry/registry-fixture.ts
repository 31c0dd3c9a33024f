import { kinds } from "../api/kinds.ts";
import { lookupType } from "../api/type-info.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import type { KindRef } from "../machinery/object.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { createObject } from "./create.ts";
import { type DeleteOptions, deleteObject } from "./delete.ts";
import { Registry } from "./registry.ts";
import type { AnyObject } from "./resource.ts";
import { updateObject, wholeObject } from "./update.ts";
import { withDefaults } from "./write.ts";

/** A registry over a store in memory, for tests. */
export interface RegistryFixture extends AsyncDisposable {
  readonly registry: Registry;
  readonly store: Store;
  create(kind: KindRef<unknown>, object: object): Promise<AnyObject>;
  update(kind: KindRef<unknown>, name: string, change: (object: AnyObject) => object): Promise<AnyObject>;
  delete(kind: KindRef<unknown>, name: string, options?: DeleteOptions): Promise<{ gone: boolean; object: AnyObject }>;
}

const namespace = "default";

/** `store` to share one, which then stays the caller's to close. */
export async function openRegistryFixture(
  options: { readonly store?: Store; readonly addresses?: string; readonly seed?: number } = {},
): Promise<RegistryFixture> {
  const clock = systemClock;
  const store = options.store ?? openMemoryStore({ clock });
  const registry = new Registry({
    store,
    kinds,
    lookup: lookupType,
    clock,
    random: seededRandom(options.seed ?? 1),
    log: silentLog,
    freeze: true,
    services: { addresses: options.addresses ?? "10.96.0.0/16", nodePorts: { from: 30000, to: 32767 } },
  });
  await registry.start();
  const dryRun = false;
  return {
    registry,
    store,
    async create(kind, object) {
      const collection = registry.of(kind);
      const served = collection.resource.stored;
      return (await createObject(collection, registry, { served, namespace, object: object as AnyObject, dryRun }))
        .object;
    },
    async update(kind, name, change) {
      const collection = registry.of(kind);
      const rules = wholeObject(collection.resource);
      const request = {
        namespace,
        name,
        rules,
        dryRun,
        change: ({ object }: { object: AnyObject }) =>
          withDefaults(change(object) as AnyObject, collection.resource.stored),
      };
      return (await updateObject(collection, request)).object;
    },
    delete: (kind, name, options = {}) =>
      deleteObject(registry.of(kind), registry, { namespace, name, options, dryRun }),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      if (!options.store) await store[Symbol.asyncDispose]();
    },
  };
}
