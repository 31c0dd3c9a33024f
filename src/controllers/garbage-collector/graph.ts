import type { Kind } from "../../api/kind.ts";
import type { Informer, InformerSelection } from "../../client/client.ts";
import { type KindRef, type KubeObject, keyText, type OwnerReference } from "../../machinery/object.ts";

/** An object of the graph: what names it, and what is known of it. */
export interface Item {
  readonly kind: KindRef<KubeObject>;
  readonly object: KubeObject;
}

/** Owners, finalizers and times are all that the graph looks at. */
export const graphSelection: InformerSelection = { metadataOnly: true };

const ownersIndex = "owners";

/** Who owns whom, over the local copies of all kinds: nothing is held here that an informer does not hold anyway. */
export class Graph {
  readonly #informerOf: (kind: KindRef<KubeObject>) => Informer<KubeObject>;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  /** By group and kind, older groups' names for it too. */
  readonly #kinds = new Map<string, KindRef<KubeObject>>();

  constructor(informerOf: (kind: KindRef<KubeObject>) => Informer<KubeObject>) {
    this.#informerOf = informerOf;
  }

  /** Takes a kind in; returns its informer, or undefined if it was in already. */
  add(kind: KindRef<KubeObject>): Informer<KubeObject> | undefined {
    const name = nameOf(kind.group, kind.kind);
    if (this.#informers.has(name)) return undefined;
    const informer = this.#informerOf(kind);
    informer.index(ownersIndex, ({ metadata }) => metadata.ownerReferences?.map(({ uid }) => uid) ?? []);
    this.#informers.set(name, informer);
    this.#kinds.set(name, kind);
    for (const apiVersion of Object.keys((kind as Partial<Kind>).declaration?.versions ?? {})) {
      const other = nameOf(groupOf(apiVersion), kind.kind);
      if (!this.#kinds.has(other)) this.#kinds.set(other, kind);
    }
    return informer;
  }

  /** Forgets a kind that is no longer served. */
  remove(kind: KindRef<KubeObject>): void {
    const name = nameOf(kind.group, kind.kind);
    this.#informers.delete(name);
    this.#kinds.delete(name);
  }

  /** The kind that a reference names; undefined if it is not known here. */
  kindOf(reference: OwnerReference): KindRef<KubeObject> | undefined {
    return this.#kinds.get(nameOf(groupOf(reference.apiVersion), reference.kind));
  }

  get(kind: KindRef<KubeObject>, key: { readonly namespace?: string; readonly name: string }): KubeObject | undefined {
    return this.#informers.get(nameOf(kind.group, kind.kind))?.get(key);
  }

  /** An object of the kind with this uid, wherever it is. Walks them all. */
  find(kind: KindRef<KubeObject>, uid: string): KubeObject | undefined {
    return this.#informers
      .get(nameOf(kind.group, kind.kind))
      ?.list()
      .find(({ metadata }) => metadata.uid === uid);
  }

  /** Everything that names this uid among its owners. */
  dependentsOf(uid: string): readonly Item[] {
    const found: Item[] = [];
    for (const informer of this.#informers.values()) {
      for (const object of informer.by(ownersIndex, uid)) found.push({ kind: informer.kind, object });
    }
    return found;
  }
}

/** A text that names an object in a queue. */
export function itemText({ kind, object }: Item): string {
  return `${kind.group}/${kind.kind}|${keyText(object.metadata)}`;
}

const nameOf = (group: string, kind: string) => `${group}/${kind}`;
const groupOf = (apiVersion: string) => (apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "");
