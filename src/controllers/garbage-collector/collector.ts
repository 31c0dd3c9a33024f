import { WorkQueue } from "../../client/work-queue.ts";
import { errorMessage } from "../../lib/fault.ts";
import { type KindRef, type KubeObject, keyOf, type OwnerReference } from "../../machinery/object.ts";
import { isStatus, StatusError } from "../../machinery/status-error.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import {
  blockersOf,
  decide,
  foregroundFinalizer,
  isDeleting,
  type OwnerState,
  orphanFinalizer,
  orphansDependents,
  waitsForDependents,
} from "./decide.ts";
import { Graph, graphSelection, type Item, itemText } from "./graph.ts";

/** Uids known to be gone for good, so that a large family asks for its owner once. */
const absentMax = 10_000;

/** As upstream's, but what was refused for minutes while a server starts is tried again within one. */
const retry = { base: 5, factor: 2, max: 60_000 };

/** A kind that is followed; disposing ends it. */
export interface Followed extends Disposable {
  /** Ends it while the collector goes on: whatever the kind's objects own is looked at again. `gone` if they are no more. */
  leave(options: { readonly gone: boolean }): void;
}

/** Deletes what its owners left behind, and lets owners go that wait for what they own. */
export class Collector {
  readonly graph: Graph;
  readonly queue: WorkQueue;
  readonly #context: ReconcileContext;
  readonly #kinds = new Map<string, KindRef<KubeObject>>();
  readonly #absent = new Set<string>();
  /** What has an owner of a kind that is not followed (yet). */
  readonly #kindless = new Set<string>();

  constructor(context: ReconcileContext) {
    this.#context = context;
    this.graph = new Graph((kind) => context.cache.informer(kind, graphSelection));
    this.queue = new WorkQueue({ clock: context.clock, random: context.random, retry });
  }

  /** Follows a kind from now on; undefined if it is followed already. */
  follow(kind: KindRef<KubeObject>): Followed | undefined {
    const informer = this.graph.add(kind);
    if (!informer) return undefined;
    this.#kinds.set(`${kind.group}/${kind.kind}`, kind);
    for (const text of this.#kindless) this.queue.add(text);
    this.#kindless.clear();
    const subscription = informer.on({
      added: (object) => this.#changed({ kind, object }, undefined),
      updated: (object, previous) => this.#changed({ kind, object }, previous),
      deleted: (object) => this.#deleted({ kind, object }),
    });
    const end = () => {
      subscription[Symbol.dispose]();
      this.graph.remove(kind);
      this.#kinds.delete(`${kind.group}/${kind.kind}`);
    };
    return {
      [Symbol.dispose]: end,
      leave: ({ gone }) => {
        const known = informer.list();
        end();
        for (const { metadata } of known) {
          if (gone) this.#noteAbsent(metadata.uid);
          for (const dependent of this.graph.dependentsOf(metadata.uid)) this.queue.add(itemText(dependent));
        }
      },
    };
  }

  /** Works on what is queued until the queue is closed. */
  async work(): Promise<void> {
    for (let text = await this.queue.take(); text !== undefined; text = await this.queue.take()) {
      try {
        const item = this.#item(text);
        const outcome = item ? await this.#attend(item, text) : "settled";
        if (outcome === "settled") this.queue.forget(text);
        else this.queue.retry(text);
      } catch (error) {
        if (this.#context.signal.aborted) return;
        // Losing a race is daily life: the next look decides anew.
        const level = isStatus(error, "Conflict", "NotFound") ? "debug" : "warn";
        this.#context.log[level](`garbage collection failed: ${errorMessage(error)}`, { item: text });
        this.queue.retry(text);
      } finally {
        this.queue.done(text);
      }
    }
  }

  #item(text: string): Item | undefined {
    const [name = "", key = ""] = text.split("|");
    const kind = this.#kinds.get(name);
    const slash = key.indexOf("/");
    const object =
      kind &&
      this.graph.get(
        kind,
        slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) },
      );
    return object && { kind, object };
  }

  #changed(item: Item, previous: KubeObject | undefined): void {
    const { object, kind } = item;
    const begins = (holds: (object: KubeObject) => boolean) => holds(object) && !(previous && holds(previous));
    if (begins(waitsForDependents)) {
      this.queue.add(itemText(item));
      for (const dependent of this.graph.dependentsOf(object.metadata.uid)) this.queue.add(itemText(dependent));
    } else if (begins(orphansDependents)) this.queue.add(itemText(item));
    const references = object.metadata.ownerReferences ?? [];
    if (references.length > 0 && (!previous || previous.metadata.ownerReferences !== references)) {
      const suspicious = references.some((reference) => {
        const owner = this.#known(kind, object, reference);
        return !owner || waitsForDependents(owner);
      });
      if (suspicious) this.queue.add(itemText(item));
    }
    // An owner may have waited for a reference that was taken away or that no longer blocks.
    for (const reference of previous?.metadata.ownerReferences ?? []) {
      const still = references.find(({ uid }) => uid === reference.uid);
      if (!still?.blockOwnerDeletion) this.#wakeOwner(item, reference);
    }
  }

  #deleted(item: Item): void {
    const { metadata } = item.object;
    this.#noteAbsent(metadata.uid);
    this.#kindless.delete(itemText(item));
    for (const dependent of this.graph.dependentsOf(metadata.uid)) this.queue.add(itemText(dependent));
    for (const reference of metadata.ownerReferences ?? []) this.#wakeOwner(item, reference);
  }

  #wakeOwner({ kind, object }: Item, reference: OwnerReference): void {
    const owner = this.#known(kind, object, reference);
    const ownerKind = this.graph.kindOf(reference);
    if (owner && ownerKind && waitsForDependents(owner)) this.queue.add(itemText({ kind: ownerKind, object: owner }));
  }

  /** `unsettled` when it must be looked at again even if nothing changes any more. */
  async #attend(item: Item, text: string): Promise<"settled" | "unsettled"> {
    const { object } = item;
    if (orphansDependents(object)) {
      await this.#orphan(item);
      return "settled";
    }
    if (waitsForDependents(object)) {
      await this.#awaitDependents(item);
      return "settled";
    }
    if (isDeleting(object)) return "settled";
    const references = object.metadata.ownerReferences ?? [];
    const states = new Map<OwnerReference, OwnerState>();
    for (const reference of references) states.set(reference, await this.#stateOf(item, reference, text));
    const dependents = this.graph.dependentsOf(object.metadata.uid).map((dependent) => dependent.object);
    const decision = decide(object, (reference) => states.get(reference) ?? "keeps", dependents);
    if (decision.act === "release") await this.#release(item, decision.uids);
    if (decision.act === "delete") {
      if (decision.unblock) await this.#unblock(item);
      await this.#delete(item, decision.propagation, !decision.unblock);
    }
    // An owner that only the server has: if it goes before the local copy has seen it, nothing will tell.
    const unseen = references.some((each) => states.get(each) !== "gone" && this.#isUnseen(item, each));
    return decision.act === "leave" && unseen ? "unsettled" : "settled";
  }

  #isUnseen({ kind, object }: Item, reference: OwnerReference): boolean {
    const ownerKind = this.graph.kindOf(reference);
    if (!ownerKind || (ownerKind.namespaced && !kind.namespaced)) return false;
    return !this.#known(kind, object, reference);
  }

  /** The local copy is believed when it has the owner; that one is missing is asked of the server. */
  async #stateOf({ kind, object }: Item, reference: OwnerReference, text: string): Promise<OwnerState> {
    const known = this.#known(kind, object, reference);
    if (known) return waitsForDependents(known) ? "waits" : "keeps";
    const ownerKind = this.graph.kindOf(reference);
    if (!ownerKind) {
      // An object of a kind that came to its end went before it.
      if (this.#absent.has(reference.uid)) return "gone";
      // Of a kind that is not known nothing can be said; it may be served later.
      this.#kindless.add(text);
      return "keeps";
    }
    const { namespace } = object.metadata;
    if (ownerKind.namespaced && !namespace) {
      this.#complain(object, reference, "");
      return "keeps";
    }
    if (this.#absent.has(reference.uid)) return "gone";
    try {
      const key = ownerKind.namespaced ? { namespace, name: reference.name } : { name: reference.name };
      const owner = await this.#context.client.get(ownerKind, key);
      if (owner.metadata.uid === reference.uid) return waitsForDependents(owner) ? "waits" : "keeps";
    } catch (error) {
      if (!isMissing(error, reference)) throw error;
    }
    const elsewhere = ownerKind.namespaced && this.graph.find(ownerKind, reference.uid);
    if (elsewhere) this.#complain(object, reference, namespace ?? "");
    else this.#noteAbsent(reference.uid);
    return "gone";
  }

  #known(kind: KindRef<KubeObject>, object: KubeObject, reference: OwnerReference): KubeObject | undefined {
    const ownerKind = this.graph.kindOf(reference);
    if (!ownerKind || (ownerKind.namespaced && !kind.namespaced)) return undefined;
    const { namespace } = object.metadata;
    const key = ownerKind.namespaced && namespace ? { namespace, name: reference.name } : { name: reference.name };
    const owner = this.graph.get(ownerKind, key);
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }

  #complain(object: KubeObject, { apiVersion, kind, name, uid }: OwnerReference, namespace: string): void {
    const named = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    const message = `ownerRef ${named} does not exist in namespace "${namespace}"`;
    this.#context.events.record(object, "Warning", "OwnerRefInvalidNamespace", message);
  }

  #noteAbsent(uid: string): void {
    this.#absent.add(uid);
    if (this.#absent.size > absentMax) this.#absent.delete(this.#absent.values().next().value ?? "");
  }

  /** The owner goes when nothing blocks it any more; until then its blocking dependents are seen to. */
  async #awaitDependents(item: Item): Promise<void> {
    const { uid } = item.object.metadata;
    const blockers = blockersOf(uid, this.graph.dependentsOf(uid));
    if (blockers.length === 0) return await this.#dropFinalizer(item, foregroundFinalizer);
    for (const blocker of blockers) if (!waitsForDependents(blocker.object)) this.queue.add(itemText(blocker));
  }

  async #orphan(item: Item): Promise<void> {
    const { uid } = item.object.metadata;
    for (const dependent of this.graph.dependentsOf(uid)) {
      try {
        await this.#release(dependent, [uid]);
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
    await this.#dropFinalizer(item, orphanFinalizer);
  }

  async #dropFinalizer({ kind, object }: Item, name: string): Promise<void> {
    const finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== name);
    await this.#patch(kind, object, { finalizers: finalizers.length > 0 ? finalizers : null });
  }

  async #release({ kind, object }: Item, uids: readonly string[]): Promise<void> {
    const kept = (object.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
    await this.#patch(kind, object, { ownerReferences: kept.length > 0 ? kept : null });
  }

  async #unblock({ kind, object }: Item): Promise<void> {
    const ownerReferences = object.metadata.ownerReferences?.map((each) => ({ ...each, blockOwnerDeletion: false }));
    await this.#patch(kind, object, { ownerReferences });
  }

  /** Only if the object is still as it was when it was looked at. */
  async #patch(kind: KindRef<KubeObject>, object: KubeObject, metadata: object): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, ...metadata } };
    await this.#context.client.patch(kind, keyOf(object), { type: "merge", body });
  }

  async #delete(
    { kind, object }: Item,
    propagationPolicy: "Background" | "Foreground" | "Orphan",
    unchanged: boolean,
  ): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const preconditions = unchanged ? { uid, resourceVersion } : { uid };
    try {
      await this.#context.client.delete(kind, keyOf(object), { propagationPolicy, preconditions });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}

/** Whether an answer says that there is no such object, and not that its kind is not served (yet, or any more). */
function isMissing(error: unknown, { name }: OwnerReference): boolean {
  return error instanceof StatusError && error.reason === "NotFound" && error.details?.name === name;
}
