import { ServiceAccount } from "../../api/core/service-account.ts";
import type { Client, Informer, InformerSelection, Informers } from "../../client/client.ts";
import { createEventRecorder } from "../../client/event-recorder.ts";
import { queueMeter } from "../../client/queue-metrics.ts";
import { WorkQueue } from "../../client/work-queue.ts";
import { aborted } from "../../lib/abort.ts";
import { Backoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import { type KindRef, type KubeObject, keyOf, keyText, type ObjectKey } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { Cache, Change, ControllerDefinition, LoopDefinition, ReconcileContext } from "./controller.ts";
import { kindText, OwnWrites } from "./own-writes.ts";

export interface RunOptions {
  /** A client under the identity of a service account in kube-system. */
  readonly clientFor: (serviceAccount: string) => Client;
  /** The manager's own client: makes the service accounts that the controllers act under, as upstream's does. */
  readonly manager?: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where controllers and their work queues tell of themselves. */
  readonly metrics?: Metrics;
}

type RunningOptions = RunOptions & Required<Pick<RunOptions, "metrics">>;

/** Runs controllers and loops until disposed; disposing waits for the reconciles under way. */
export function runControllers(
  definitions: readonly (ControllerDefinition | LoopDefinition)[],
  given: RunOptions,
): AsyncDisposable {
  const options: RunningOptions = { ...given, metrics: given.metrics ?? new Metrics() };
  const stop = new AbortController();
  const running = definitions.map(async (definition) => {
    try {
      if ("reconcile" in definition) await runController(definition, options, stop.signal);
      else await runLoop(definition, options, stop.signal);
    } catch (error) {
      // Its informers were closed under it; the others go on.
      if (!stop.signal.aborted) options.log.error(`${definition.name} ended: ${errorMessage(error)}`, { error });
    }
  });
  if (options.manager) running.push(ensureAccounts(definitions, options.manager, options, stop.signal));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled(running);
    },
  };
}

/** Controllers act under their names whether or not the accounts are there yet; others see by them who acts. */
async function ensureAccounts(
  definitions: readonly (ControllerDefinition | LoopDefinition)[],
  client: Client,
  { clock, log }: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const name of new Set(definitions.map(({ serviceAccount }) => serviceAccount))) {
    // A user of the system has no account.
    if (name.startsWith("system:")) continue;
    while (!signal.aborted) {
      try {
        await client.create(ServiceAccount, { metadata: { namespace: "kube-system", name } });
        break;
      } catch (error) {
        if (isStatus(error, "AlreadyExists")) break;
        log.warn(`service account ${name} was not made: ${errorMessage(error)}`);
        await clock.sleep(accountRetry, signal).catch(() => {});
      }
    }
  }
}

function cacheOf(informers: Informers): Cache {
  return {
    get: (kind, key) => informers.of(kind).get(key),
    list: (kind, namespace) => informers.of(kind).list(namespace),
    ownedBy: (kind, uid) => informers.of(kind).by("owner", uid),
    orphans: (kind, namespace) => informers.of(kind).by("orphans", namespace),
    informer: (kind, selection) => informers.of(kind, selection),
    forget: (kind) => void informers.close(kind),
  };
}

function contextOf(
  definition: { readonly name: string; readonly serviceAccount: string; readonly eventSource: string },
  options: RunningOptions,
  signal: AbortSignal,
): ReconcileContext {
  const { clock, random, metrics } = options;
  const client = options.clientFor(definition.serviceAccount);
  const log = options.log.child({ controller: definition.name });
  const events = createEventRecorder({ client, clock, random, log, source: { component: definition.eventSource } });
  return { cache: cacheOf(options.informers), client, events, clock, random, log, metrics, signal };
}

const accountRetry = 5000;

/** Own writes that do not show up within this time are given up on: the copy must be broken, and state is read anew. */
const ownWritesPatience = 30_000;

async function runController(
  definition: ControllerDefinition,
  options: RunningOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, clock, random } = options;
  const context = contextOf(definition, options, signal);
  using _ = definition.meters?.(options.metrics, context.cache);
  const queue = new WorkQueue({ clock, random, meter: queueMeter(options.metrics, definition.name) });
  const copies = new Map<string, Informer>();
  for (const { kind, selection } of definition.watches) copies.set(kindText(kind), informers.of(kind, selection));
  for (const kind of [definition.for, ...definition.owns, ...definition.reads]) {
    copies.set(kindText(kind), informers.of(kind));
  }
  for (const index of definition.indexes) informers.of(index.kind).index(index.name, index.of);
  const synced = Array.from(copies.values(), (informer) => informer.synced());
  await Promise.race([Promise.all(synced), aborted(signal)]);
  if (signal.aborted) return;

  const subscriptions = subscribe(definition, informers, context.cache, queue);
  const writes = new Map<string, OwnWrites>();

  const work = async (key: string): Promise<void> => {
    const own = writes.get(key) ?? new OwnWrites(copies);
    let rest: number | undefined;
    try {
      if (!own.empty) {
        await own.inquire();
        using patience = timeout(clock, ownWritesPatience);
        await own.seen(AbortSignal.any([signal, patience.signal])).catch(() => {
          if (!signal.aborted) context.log.warn("own writes did not come back in time", { key });
          own.forget();
        });
        if (signal.aborted) return;
      }
      const result = await definition.reconcile(keyFrom(key), { ...context, client: own.record(context.client) });
      queue.forget(key);
      rest = result.rest;
      if (result.requeueAfter !== undefined) queue.addAfter(key, result.requeueAfter);
    } catch (error) {
      if (signal.aborted) return;
      // Losing a race is daily life, the change that won it is on its way to the copy; and so is a lease that is renewed late.
      const usual = isStatus(error, "Conflict", "NotFound", "AlreadyExists") || faultCode(error) === "aborted";
      const level = usual ? "debug" : "warn";
      context.log[level](`reconcile failed: ${errorMessage(error)}`, { key, failures: queue.failures(key) });
      queue.retry(key);
    } finally {
      if (own.empty) writes.delete(key);
      else writes.set(key, own);
      queue.done(key, rest);
    }
  };
  const worker = async (): Promise<void> => {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) await work(key);
  };

  signal.addEventListener("abort", () => queue[Symbol.dispose](), { once: true });
  if (definition.resync !== undefined) void resync(definition, context, queue, definition.resync);
  await Promise.all(Array.from({ length: definition.workers }, worker));
  for (const subscription of subscriptions) subscription[Symbol.dispose]();
  await context.events.flush();
}

function subscribe(
  definition: ControllerDefinition,
  informers: Informers,
  cache: Cache,
  queue: WorkQueue,
): readonly Disposable[] {
  const enqueue = (object: KubeObject, previous?: KubeObject) => {
    if (definition.concerns?.(object) === false) return;
    if (!previous || !definition.wakes || definition.wakes(object, previous)) queue.add(keyText(keyOf(object)));
  };
  const enqueueOwner = (object: KubeObject, previous?: KubeObject) => {
    for (const each of previous ? [object, previous] : [object]) {
      const owner = each.metadata.ownerReferences?.find((reference) => reference.controller);
      if (owner?.kind !== definition.for.kind || groupOf(owner.apiVersion) !== definition.for.group) continue;
      queue.add(definition.for.namespaced ? `${each.metadata.namespace}/${owner.name}` : owner.name);
    }
  };
  const each = (
    kind: KindRef<KubeObject>,
    tell: (object: KubeObject, previous: KubeObject | undefined, change: Change) => void,
    selection?: InformerSelection,
  ) =>
    informers.of(kind, selection).on({
      added: (object) => tell(object, undefined, "added"),
      updated: (object, previous) => tell(object, previous, "updated"),
      deleted: (object) => tell(object, undefined, "deleted"),
    });
  return [
    each(definition.for, enqueue),
    ...definition.owns.map((kind) => each(kind, enqueueOwner)),
    ...definition.watches.map((watch) =>
      each(
        watch.kind,
        (object, previous, change) => {
          for (const key of watch.keys(object, previous, cache, change)) queue.add(keyText(key));
        },
        watch.selection,
      ),
    ),
  ];
}

async function resync(
  definition: ControllerDefinition,
  context: ReconcileContext,
  queue: WorkQueue,
  every: number,
): Promise<void> {
  const { clock, cache, signal } = context;
  while (!signal.aborted) {
    await clock.sleep(every, signal).catch(() => {});
    if (signal.aborted) return;
    for (const object of cache.list(definition.for)) queue.add(keyText(keyOf(object)));
  }
}

async function runLoop(definition: LoopDefinition, options: RunningOptions, signal: AbortSignal): Promise<void> {
  const context = contextOf(definition, options, signal);
  using _ = definition.meters?.(options.metrics, context.cache);
  const all = definition.reads.map((kind) => options.informers.of(kind, definition.selection));
  await Promise.race([Promise.all(all.map((informer) => informer.synced())), aborted(signal)]);
  const backoff = new Backoff({ base: 1000, factor: 2, max: 60_000, jitter: 0.2 }, options.random);
  while (!signal.aborted) {
    try {
      await definition.run(context);
      backoff.succeeded("run");
    } catch (error) {
      if (signal.aborted) break;
      context.log.error(`loop failed: ${errorMessage(error)}`, { error });
      await options.clock.sleep(backoff.failed("run"), signal).catch(() => {});
    }
  }
  await context.events.flush();
}

const groupOf = (apiVersion: string) => (apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "");

function keyFrom(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return slash === -1 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

function timeout(clock: Clock, ms: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = clock.after(ms, () => controller.abort(new Error("timed out")));
  return { signal: controller.signal, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
