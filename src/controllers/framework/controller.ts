import type { Client, Informer, InformerSelection } from "../../client/client.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import type { KindRef, KubeObject, ObjectKey } from "../../machinery/object.ts";

/** Reads of the local copies; may lag behind the server, never behind the controller's own earlier writes for the key. */
export interface Cache {
  get<T>(kind: KindRef<T>, key: ObjectKey): T | undefined;
  /** All objects, or those of a namespace. */
  list<T>(kind: KindRef<T>, namespace?: string): readonly T[];
  /** Objects whose controller owner has this uid. */
  ownedBy<T>(kind: KindRef<T>, uid: string): readonly T[];
  /** Objects of a namespace that nothing controls. */
  orphans<T>(kind: KindRef<T>, namespace: string): readonly T[];
  informer<T>(kind: KindRef<T>, selection?: InformerSelection): Informer<T>;
  /** Lets go of the copies of a kind that is no longer served; nobody else reads them. */
  forget(kind: KindRef<unknown>): void;
}

/** What a reconcile may use. `client` acts under the controller's own identity and remembers its writes for the key. */
export interface ReconcileContext {
  readonly cache: Cache;
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
}

/** Declares metrics of a controller when it starts; disposed when it ends. */
export type Declare = (metrics: Metrics, cache: Cache) => Disposable | undefined;

/** Declares metrics that are told of while the controller works. */
export const declared =
  (...makes: readonly ((metrics: Metrics) => unknown)[]): Declare =>
  (metrics) => {
    for (const make of makes) metrics.meter(make);
    return undefined;
  };

export interface ReconcileResult {
  /** Come again after so many milliseconds, whatever happens; absent means only when something changes. */
  readonly requeueAfter?: number;
  /** Do not come again before so many milliseconds, whatever changes: a look at many objects shall serve many changes. */
  readonly rest?: number;
}

/** Fewer objects than this are looked at so fast that nobody need wait. */
const few = 500;

/** The rest after a look at so many objects: about ten times what the look has taken. */
export function restAfter(objects: number): Pick<ReconcileResult, "rest"> {
  return objects < few ? {} : { rest: objects / 100 };
}

/** Nothing left to do until something changes. */
export const done: ReconcileResult = Object.freeze({});

export type Change = "added" | "updated" | "deleted";

/** Turns changes of another kind into keys of the controller's kind. */
export interface Watch {
  readonly kind: KindRef<KubeObject>;
  /** Those that count, and what of them; all by default. `Cache.informer` reads the same copy. */
  readonly selection?: InformerSelection;
  /** Called with the new object (or the last one, when deleted) and, when updated, the one before. */
  readonly keys: (
    object: KubeObject,
    previous: KubeObject | undefined,
    cache: Cache,
    change: Change,
  ) => readonly ObjectKey[];
}

/** A typed `Watch`. */
export function watches<T>(
  kind: KindRef<T>,
  keys: (object: T, previous: T | undefined, cache: Cache, change: Change) => readonly ObjectKey[],
  selection: InformerSelection = {},
): Watch {
  return { kind: kind as unknown as KindRef<KubeObject>, keys: keys as unknown as Watch["keys"], selection };
}

export interface ControllerDefinition {
  /** As upstream names it without `-controller`: `replicaset`. Its identity is the service account `replicaset-controller` in kube-system. */
  readonly name: string;
  readonly serviceAccount: string;
  /** Component name in its events; upstream's is the name with `-controller`. */
  readonly eventSource: string;
  readonly for: KindRef<KubeObject>;
  /** Whether there can ever be something to do for an object, judged by what never changes of it; default is that there can. */
  readonly concerns?: (object: KubeObject) => boolean;
  /** Whether an update of an object wakes its key; default is that every one does. */
  readonly wakes?: (next: KubeObject, previous: KubeObject) => boolean;
  /** Kinds whose changes wake the controller owner they name. */
  readonly owns: readonly KindRef<KubeObject>[];
  readonly watches: readonly Watch[];
  /** Kinds that are read but wake nothing. */
  readonly reads: readonly KindRef<KubeObject>[];
  readonly indexes: readonly {
    readonly kind: KindRef<KubeObject>;
    readonly name: string;
    readonly of: (object: KubeObject) => readonly string[];
  }[];
  /** Keys worked on at a time. */
  readonly workers: number;
  /** Every object comes again after so many ms even if nothing changed. */
  readonly resync?: number;
  readonly meters?: Declare;
  readonly reconcile: (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;
}

type Optional = "owns" | "watches" | "reads" | "indexes" | "workers" | "serviceAccount" | "eventSource";

/**
 * Declares a controller. `reconcile` gets a key and reads state, is idempotent, and runs for one key at a time, only once
 * the local copies hold its earlier writes for that key. A thrown error backs off (5 ms doubling to 1000 s).
 */
export function defineController(
  definition: Omit<ControllerDefinition, Optional | "for"> & { readonly for: KindRef<unknown> } & Partial<
      Pick<ControllerDefinition, Optional>
    >,
): ControllerDefinition {
  return {
    owns: [],
    watches: [],
    reads: [],
    indexes: [],
    workers: 16,
    serviceAccount: `${definition.name}-controller`,
    eventSource: `${definition.name}-controller`,
    ...definition,
    for: definition.for as KindRef<KubeObject>,
  };
}

/** A loop that is not about one kind's keys: the garbage collector, the node life cycle. */
export interface LoopDefinition {
  readonly name: string;
  readonly serviceAccount: string;
  readonly eventSource: string;
  /** Kinds whose local copies it wants. */
  readonly reads: readonly KindRef<KubeObject>[];
  /** What of them. */
  readonly selection?: InformerSelection;
  readonly meters?: Declare;
  /** Runs until `context.signal` aborts; a throw restarts it after a back-off. */
  readonly run: (context: ReconcileContext) => Promise<void>;
}

export function defineLoop(definition: LoopDefinition): LoopDefinition {
  return definition;
}
