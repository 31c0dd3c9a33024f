import type { CacheEvent } from "./cache-event.ts";
import type { Held } from "./held.ts";

/** What a listener cares about; the narrowest part decides where it is filed. */
export interface Scope {
  readonly namespace?: string;
  readonly name?: string;
  /** A field that must have a value, as `spec.nodeName`. */
  readonly field?: { readonly name: string; readonly value: string; readonly of: (object: Held["object"]) => string };
}

type Listener = (event: CacheEvent) => void;

/** Finds the listeners of an event without asking each: a thousand kubelets watching their own pods cost one lookup. */
export class Subscriptions {
  readonly #shelves = new Map<string, Set<Listener>>();
  readonly #fields = new Map<string, { readonly of: (object: Held["object"]) => string; listeners: number }>();

  add(scope: Scope, listener: Listener): Disposable {
    const shelf = shelfOf(scope);
    const listeners = this.#shelves.get(shelf) ?? new Set();
    this.#shelves.set(shelf, listeners.add(listener));
    const { field } = scope;
    const counted = field && shelf.startsWith("field:");
    if (counted) {
      const known = this.#fields.get(field.name);
      this.#fields.set(field.name, { of: field.of, listeners: (known?.listeners ?? 0) + 1 });
    }
    let added = true;
    return {
      [Symbol.dispose]: () => {
        if (!added) return;
        added = false;
        listeners.delete(listener);
        if (listeners.size === 0 && this.#shelves.get(shelf) === listeners) this.#shelves.delete(shelf);
        const known = counted ? this.#fields.get(field.name) : undefined;
        if (known && --known.listeners === 0) this.#fields.delete(field!.name);
      },
    };
  }

  emit(event: CacheEvent): void {
    if (this.#shelves.size === 0) return;
    const { namespace, name } = event.held;
    this.#tell("all", event);
    this.#tell(`namespace:${namespace}`, event);
    this.#tell(`object:${namespace}/${name}`, event);
    this.#tell(`object:/${name}`, event, namespace !== "");
    for (const [field, { of }] of this.#fields) {
      const value = of(event.held.object);
      this.#tell(`field:${field}=${value}`, event);
      const before = event.previous ? of(event.previous.object) : value;
      if (before !== value) this.#tell(`field:${field}=${before}`, event);
    }
  }

  #tell(shelf: string, event: CacheEvent, wanted = true): void {
    const listeners = wanted ? this.#shelves.get(shelf) : undefined;
    if (listeners) for (const listener of listeners) listener(event);
  }
}

function shelfOf({ namespace, name, field }: Scope): string {
  if (name !== undefined) return `object:${namespace ?? ""}/${name}`;
  if (field) return `field:${field.name}=${field.value}`;
  return namespace ? `namespace:${namespace}` : "all";
}
