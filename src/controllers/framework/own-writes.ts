import type { Client, Informer } from "../../client/client.ts";
import { type KindRef, type KubeObject, keyText, type ObjectKey } from "../../machinery/object.ts";

/** What one key's reconcile wrote and the local copies may not hold yet. */
export class OwnWrites {
  readonly #copies: ReadonlyMap<string, Informer>;
  readonly #writes = new Map<string, { readonly informer: Informer; readonly revision: bigint }>();
  readonly #deletes = new Map<
    string,
    { readonly informer: Informer; readonly key: ObjectKey; readonly uid: string | undefined }
  >();

  /** The local copies by the names (`kindText`) of their kinds; writes of other kinds are not waited for. */
  constructor(copies: ReadonlyMap<string, Informer>) {
    this.#copies = copies;
  }

  get empty(): boolean {
    return this.#writes.size === 0 && this.#deletes.size === 0;
  }

  /** The same client, with its writes noted here. */
  record(client: Client): Client {
    const wrote = <T>(kind: KindRef<T>, object: T): T => {
      const version = (object as { metadata?: { resourceVersion?: string } } | undefined)?.metadata?.resourceVersion;
      if (version) this.#wrote(kind, version);
      return object;
    };
    return {
      ...client,
      create: async (kind, object, options) => wrote(kind, await client.create(kind, object, options)),
      update: async (kind, object, options) => wrote(kind, await client.update(kind, object, options)),
      updateStatus: async (kind, object, options) => wrote(kind, await client.updateStatus(kind, object, options)),
      patch: async (kind, key, patch, options) => wrote(kind, await client.patch(kind, key, patch, options)),
      delete: async (kind, key, options) => {
        const uid = options?.preconditions?.uid ?? this.#current(kind, key)?.metadata.uid;
        await client.delete(kind, key, options);
        this.#deleted(kind, key, uid);
      },
    };
  }

  /** Resolves when the local copies hold every write noted; rejects when the signal aborts first. */
  async seen(signal: AbortSignal): Promise<void> {
    for (const { informer, revision } of this.#writes.values()) await informer.reached(revision, signal);
    for (const { informer, key, uid } of this.#deletes.values()) {
      for (;;) {
        const object = informer.get(key);
        if (!object || object.metadata.uid !== uid || object.metadata.deletionTimestamp) break;
        await informer.reached(informer.revision + 1n, signal);
      }
    }
    this.forget();
  }

  forget(): void {
    this.#writes.clear();
    this.#deletes.clear();
  }

  #current(kind: KindRef<unknown>, key: ObjectKey): KubeObject | undefined {
    return this.#copies.get(kindText(kind))?.get(key);
  }

  #wrote(kind: KindRef<unknown>, resourceVersion: string): void {
    const name = kindText(kind);
    const informer = this.#copies.get(name);
    if (!informer) return;
    const revision = BigInt(resourceVersion);
    const known = this.#writes.get(name);
    if (!known || known.revision < revision) this.#writes.set(name, { informer, revision });
  }

  #deleted(kind: KindRef<unknown>, key: ObjectKey, uid: string | undefined): void {
    const name = kindText(kind);
    const informer = this.#copies.get(name);
    if (informer) this.#deletes.set(`${name} ${keyText(key)}`, { informer, key, uid });
  }
}

/** A kind as one string, for maps. */
export function kindText(kind: KindRef<unknown>): string {
  return `${kind.group}/${kind.version}/${kind.plural}`;
}
