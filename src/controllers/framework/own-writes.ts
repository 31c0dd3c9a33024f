import type { Client, Informer } from "../../client/client.ts";
import { type KindRef, type KubeObject, keyOf, keyText, type ObjectKey } from "../../machinery/object.ts";
import { StatusError } from "../../machinery/status-error.ts";

/** What one key's reconcile wrote and the local copies may not hold yet. */
export class OwnWrites {
  readonly #copies: ReadonlyMap<string, Informer>;
  readonly #writes = new Map<string, { readonly informer: Informer; readonly revision: bigint }>();
  readonly #deletes = new Map<
    string,
    { readonly informer: Informer; readonly key: ObjectKey; readonly uid: string | undefined }
  >();

  /** Writes that may or may not have been carried out: their answers were lost. */
  readonly #unsure = new Set<Unsure>();

  /** The local copies by the names (`kindText`) of their kinds; writes of other kinds are not waited for. */
  constructor(copies: ReadonlyMap<string, Informer>) {
    this.#copies = copies;
  }

  get empty(): boolean {
    return this.#writes.size === 0 && this.#deletes.size === 0 && this.#unsure.size === 0;
  }

  /** The same client, with its writes noted here. */
  record(client: Client): Client {
    const wrote = <T>(kind: KindRef<T>, object: T): T => {
      const version = (object as { metadata?: { resourceVersion?: string } } | undefined)?.metadata?.resourceVersion;
      if (version) this.#wrote(kind, version);
      return object;
    };
    // A refusal is an answer; anything else leaves open whether the write happened.
    const doubting = async <T>(unsure: Unsure, call: () => Promise<T>): Promise<T> => {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof StatusError) && this.#copies.has(kindText(unsure.kind))) this.#unsure.add(unsure);
        throw error;
      }
    };
    const changing = async <T>(kind: KindRef<T>, key: ObjectKey, call: () => Promise<T>) =>
      wrote(kind, await doubting({ kind: kind as KindRef<KubeObject>, key }, call));
    return {
      ...client,
      create: (kind, object, options) => {
        const { name = "", namespace } = (object as { metadata: Partial<ObjectKey> }).metadata;
        const key = { name, ...(namespace === undefined ? {} : { namespace }) };
        return changing(kind, key, () => client.create(kind, object, options));
      },
      update: (kind, object, options) =>
        changing(kind, keyOf(object as KubeObject), () => client.update(kind, object, options)),
      updateStatus: (kind, object, options) =>
        changing(kind, keyOf(object as KubeObject), () => client.updateStatus(kind, object, options)),
      patch: (kind, key, patch, options) => changing(kind, key, () => client.patch(kind, key, patch, options)),
      delete: async (kind, key, options) => {
        const uid = options?.preconditions?.uid ?? this.#current(kind, key)?.metadata.uid;
        const unsure = { kind: kind as KindRef<KubeObject>, key, deleting: { uid } };
        await doubting(unsure, () => client.delete(kind, key, options));
        this.#deleted(kind, key, uid);
      },
    };
  }

  /** Asks the server what became of writes whose answers were lost. Throws what the server answers; they stay unsure then. */
  async inquire(): Promise<void> {
    for (const unsure of this.#unsure) {
      const { kind, key, deleting } = unsure;
      const there = (await this.#copies.get(kindText(kind))?.fresh(key)) ?? [];
      if (!deleting) for (const { metadata } of there) this.#wrote(kind, metadata.resourceVersion);
      else if (there.every(({ metadata }) => metadata.uid !== deleting.uid || metadata.deletionTimestamp))
        this.#deleted(kind, key, deleting.uid);
      this.#unsure.delete(unsure);
    }
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
    this.#unsure.clear();
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

interface Unsure {
  readonly kind: KindRef<KubeObject>;
  readonly key: ObjectKey;
  readonly deleting?: { readonly uid: string | undefined };
}

/** A kind as one string, for maps. */
export function kindText(kind: KindRef<unknown>): string {
  return `${kind.group}/${kind.version}/${kind.plural}`;
}
