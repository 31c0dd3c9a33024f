import { type Clock, systemClock } from "../lib/clock.ts";
import { type Log, openLog } from "../lib/log.ts";
import { type Random, systemRandom } from "../lib/random.ts";
import type { KindRef, KubeObject, ObjectKey } from "../machinery/object.ts";
import type { Client, Informers } from "./client.ts";
import { type Reconciled, runController, type Watched } from "./controller.ts";

/** What a controller works with. */
export interface ControllerSurroundings {
  readonly client: Client;
  readonly informers: Informers;
  /** Looks at this namespace alone; default: all. */
  readonly namespace?: string;
  /** Default: the machine's; a test gives a virtual one. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

/** What `reconcile` is given: the surroundings whole, and the object as the local copy has it. */
export interface ReconcileTools<T> extends Required<Omit<ControllerSurroundings, "namespace">> {
  /** Undefined when it is gone. */
  readonly object: T | undefined;
}

export interface OwnController<T extends KubeObject> {
  /** What its log lines are marked with. */
  readonly name: string;
  readonly for: KindRef<T>;
  /** Kinds whose changes wake the object that controls them. */
  readonly owns?: readonly KindRef<unknown>[];
  /** Kinds that it does not own and that matter all the same, each by `watching`. */
  readonly watches?: readonly Watched[];
  /** Keys worked on at a time. Default 4. */
  readonly workers?: number;
  /**
   * Makes the world what the object says. It is idempotent, and never runs twice at a time for one key. What it throws is
   * tried again, later each time; `requeueAfter` (milliseconds) asks to come again whatever happens.
   */
  readonly reconcile: (key: ObjectKey, tools: ReconcileTools<T>) => Promise<Reconciled | undefined>;
}

/** A controller as a value, to be run in a cluster or in a test. */
export interface RunnableController {
  readonly name: string;
  /** Every object once at the start, then whenever it or what it owns changes, until disposed. */
  run(surroundings: ControllerSurroundings): AsyncDisposable;
}

/** Defines a controller: a kind, what it owns, and a function that is called with a key. */
export function defineController<T extends KubeObject>(definition: OwnController<T>): RunnableController {
  const { name, for: kind, owns, watches, workers, reconcile } = definition;
  return {
    name,
    run(surroundings) {
      const { client, informers, namespace, clock = systemClock, random = systemRandom } = surroundings;
      const log = (surroundings.log ?? openLog({ level: "info" })).child({ controller: name });
      const tools = { client, informers, clock, random, log };
      return runController<T>({
        for: kind,
        ...(owns ? { owns } : {}),
        ...(watches ? { watches } : {}),
        ...(namespace === undefined ? {} : { namespace }),
        ...(workers === undefined ? {} : { workers }),
        ...tools,
        reconcile: async (object, key) => (await reconcile(key, { ...tools, object })) ?? {},
      });
    },
  };
}
