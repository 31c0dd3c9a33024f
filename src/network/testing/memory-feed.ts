import type { ObjectFeed } from "../feed.ts";

/** A feed in a test's hand; it has synced from the start. */
export class MemoryFeed<T extends { readonly metadata?: { readonly name?: string; readonly namespace?: string } }>
  implements ObjectFeed<T>
{
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<Parameters<ObjectFeed<T>["on"]>[0]>();

  on(handler: Parameters<ObjectFeed<T>["on"]>[0]): Disposable {
    for (const object of this.#objects.values()) handler.added?.(object, true);
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  async synced(): Promise<void> {}

  set(object: T): void {
    const key = `${object.metadata?.namespace}/${object.metadata?.name}`;
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const handler of this.#handlers) {
      if (previous) handler.updated?.(object, previous);
      else handler.added?.(object, false);
    }
  }

  delete(object: T): void {
    this.#objects.delete(`${object.metadata?.namespace}/${object.metadata?.name}`);
    for (const handler of this.#handlers) handler.deleted?.(object);
  }
}
