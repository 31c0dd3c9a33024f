import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { apiVersionOf, type KindRef, type KubeObject, keyOf, keyText, type ObjectKey } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { Informers } from "./client.ts";
import { WorkQueue } from "./work-queue.ts";

/** Come again after so many milliseconds, whatever happens; absent means only when something changes. */
export interface Reconciled {
  readonly requeueAfter?: number;
}

/** A kind whose objects matter to others that do not own them. */
export interface Watched {
  readonly kind: KindRef<unknown>;
  /** The keys that a change of one wakes. */
  readonly wakes: (object: KubeObject) => readonly ObjectKey[];
}

/** Lets changes of one kind wake objects of another: `watching(ConfigMap, (map) => [keyOfTheSiteThatNames(map)])`. */
export function watching<T extends KubeObject>(kind: KindRef<T>, wakes: (object: T) => readonly ObjectKey[]): Watched {
  return { kind, wakes: (object) => wakes(object as T) };
}

export interface ControllerOptions<T extends KubeObject> {
  readonly for: KindRef<T>;
  /** Kinds whose changes wake the object that controls them. */
  readonly owns?: readonly KindRef<unknown>[];
  readonly watches?: readonly Watched[];
  /** Looks at this namespace alone, of all kinds. */
  readonly namespace?: string;
  /** Keys worked on at a time. Default 4. */
  readonly workers?: number;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * Makes the world what the object says; undefined when it is gone. It is idempotent, and never runs twice at a time for
   * one key. What it throws is tried again, later each time.
   */
  readonly reconcile: (object: T | undefined, key: ObjectKey) => Promise<Reconciled>;
}

/** Runs a controller until it is disposed: every object once at the start, then whenever it or what it owns changes. */
export function runController<T extends KubeObject>(options: ControllerOptions<T>): AsyncDisposable {
  const { informers, clock, random, log, namespace } = options;
  const queue = new WorkQueue({ clock, random });
  const selection = namespace === undefined ? {} : { namespace };
  const informer = informers.of(options.for, selection);
  const wake = (object: KubeObject) => queue.add(keyText(keyOf(object)));
  const wakeOwner = (object: KubeObject) => {
    const owner = object.metadata.ownerReferences?.find(({ controller }) => controller);
    if (owner?.kind !== options.for.kind || owner.apiVersion !== apiVersionOf(options.for)) return;
    const { namespace } = object.metadata;
    queue.add(keyText(options.for.namespaced && namespace ? { namespace, name: owner.name } : { name: owner.name }));
  };
  const open: Disposable[] = [informer.on({ added: wake, updated: wake, deleted: wake })];
  const owned = (options.owns ?? []).map((kind) => ({ kind, told: wakeOwner }));
  const watched = (options.watches ?? []).map(({ kind, wakes }) => ({
    kind,
    told: (object: KubeObject) => {
      for (const key of wakes(object)) queue.add(keyText(key));
    },
  }));
  for (const { kind, told } of [...owned, ...watched]) {
    const updated = (next: KubeObject, previous: KubeObject) => {
      told(previous); // whom it concerned until now
      told(next);
    };
    open.push(informers.of(kind as KindRef<KubeObject>, selection).on({ added: told, updated, deleted: told }));
  }

  const work = async () => {
    for (let text = await queue.take(); text !== undefined; text = await queue.take()) {
      const key = keyOfText(text);
      try {
        const { requeueAfter } = await options.reconcile(informer.get(key), key);
        queue.forget(text);
        if (requeueAfter !== undefined) queue.addAfter(text, requeueAfter);
      } catch (error) {
        const level = isStatus(error, "Conflict") ? "debug" : "warn"; // losing a race is daily life
        log[level](`reconciling failed: ${errorMessage(error)}`, { kind: options.for.kind, key: text });
        queue.retry(text);
      } finally {
        queue.done(text);
      }
    }
  };
  const running = informers.synced().then(() => Promise.all(Array.from({ length: options.workers ?? 4 }, work)));
  running.catch((error: unknown) => log.debug(`the controller never started: ${errorMessage(error)}`));

  return {
    async [Symbol.asyncDispose]() {
      for (const subscription of open) subscription[Symbol.dispose]();
      queue[Symbol.dispose]();
      await running.catch(() => {});
    },
  };
}

function keyOfText(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}
