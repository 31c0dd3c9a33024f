import type { Revision } from "../store/store.ts";
import { type Held, hold } from "./held.ts";
import type { AnyObject, Resource } from "./resource.ts";

interface Draft {
  readonly resource: Resource;
  readonly key: string;
  readonly object: AnyObject;
  readonly tail: Uint8Array;
  held?: Held;
}

/**
 * Objects that this process encoded itself, by the array that it gave to the store. When the very array comes back from
 * a commit or a watch, the object need not be decoded again, and writer and cache share one `Held`.
 */
export class Authored {
  readonly #drafts = new WeakMap<Uint8Array, Draft>();

  add(
    bytes: Uint8Array,
    draft: { readonly resource: Resource; readonly key: string; readonly object: AnyObject; readonly tail: Uint8Array },
  ): void {
    this.#drafts.set(bytes, { ...draft });
  }

  /** Whether the object behind these bytes need not be decoded. */
  knows(bytes: Uint8Array): boolean {
    return this.#drafts.has(bytes);
  }

  /** The object behind these bytes at the revision that the store gave them. */
  held(bytes: Uint8Array, revision: Revision): Held | undefined {
    const draft = this.#drafts.get(bytes);
    if (!draft) return undefined;
    if (draft.held?.revision !== revision) {
      const { resource, key, object, tail } = draft;
      draft.held = hold(resource, key, revision, object, tail);
    }
    return draft.held;
  }
}
