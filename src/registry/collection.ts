import { Fault } from "../lib/fault.ts";
import { notFound } from "../machinery/status-error.ts";
import type { Entry, Revision, Store } from "../store/store.ts";
import { isEncrypted } from "./encryption/encrypted-store.ts";
import { decodeStored, encodeStored, type Held } from "./held.ts";
import type { AnyObject, Resource } from "./resource.ts";
import type { Strategy } from "./strategy.ts";
import type { WatchCache } from "./watch-cache.ts";

/** How a commit ended: with the new state, or lost to another writer whose state is `current`. */
export type Attempt =
  | { readonly ok: true; readonly held: Held }
  | { readonly ok: false; readonly current: Held | undefined };

/** One resource's objects: read from the cache, written to the store one compare-and-swap at a time. */
export class Collection {
  readonly resource: Resource;
  readonly cache: WatchCache;
  readonly strategy: Strategy;
  readonly #store: Store;

  constructor(options: {
    readonly resource: Resource;
    readonly cache: WatchCache;
    readonly store: Store;
    readonly strategy: Strategy;
  }) {
    this.resource = options.resource;
    this.cache = options.cache;
    this.strategy = options.strategy;
    this.#store = options.store;
  }

  /** One object as it is now. Throws NotFound. */
  async get(namespace: string | undefined, name: string): Promise<Held> {
    await this.cache.current();
    return this.known(namespace, name);
  }

  /** One object as the cache has it, which may be a moment old. Throws NotFound. */
  known(namespace: string | undefined, name: string): Held {
    const held = this.cache.get(this.resource.key(namespace, name));
    if (!held) throw notFound(this.resource.name, name);
    return held;
  }

  /** Adds an object whose key must be free. */
  insert(object: AnyObject): Promise<Attempt> {
    return this.#put(this.resource.keyOf(object), object, 0n);
  }

  /** Puts `next` in the place of `current`. */
  replace(current: Held, next: AnyObject): Promise<Attempt> {
    return this.#put(current.key, next, current.revision);
  }

  /** Removes an object; `held` of the attempt is its last state, at the deletion's revision. */
  async remove(current: Held): Promise<Attempt> {
    const commit = await this.#store.commit({ key: current.key, value: null, expected: current.revision });
    if (commit.ok) return { ok: true, held: current.deleted(commit.revision) };
    return { ok: false, current: this.#decode(commit.current) };
  }

  /** Whether an object would be kept in another form if it were written now, so that writing the same is a change. */
  isStale({ key }: Held): boolean | Promise<boolean> {
    return isEncrypted(this.#store) && this.#store.isStale(key);
  }

  async #put(key: string, object: AnyObject, expected: Revision): Promise<Attempt> {
    const { resource } = this;
    const { ttl } = resource.declaration;
    const { bytes, tail } = encodeStored(resource, object);
    this.cache.authored.add(bytes, { resource, key, object, tail });
    const commit = await this.#store.commit({ key, value: bytes, expected, ...(ttl ? { ttl } : {}) });
    if (!commit.ok) return { ok: false, current: this.#decode(commit.current) };
    const held = this.cache.authored.held(bytes, commit.revision);
    if (!held) throw new Fault("internal", `the object just written to ${key} is forgotten`);
    return { ok: true, held };
  }

  #decode(entry: Entry | undefined): Held | undefined {
    if (!entry) return undefined;
    const { key, modified, value } = entry;
    return this.cache.authored.held(value, modified) ?? decodeStored(this.resource, key, modified, value);
  }
}
