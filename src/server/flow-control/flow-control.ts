import { FlowSchema } from "../../api/flowcontrol/flow-schema.ts";
import { PriorityLevelConfiguration } from "../../api/flowcontrol/priority-level-configuration.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Registry } from "../../registry/registry.ts";
import type { UserInfo } from "../exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import { allocateSeats } from "./allocation.ts";
import { reconcileDangling } from "./dangling.ts";
import { flowMeters, schemaMeters } from "./flow-metrics.ts";
import type { FlowRequest } from "./flow-request.ts";
import { type FlowMatcher, matchersOf } from "./matching.ts";
import { type LevelShape, PriorityLevel, type QueuedRequest, type Refusal } from "./priority-level.ts";
import { seatsOf, widestFor } from "./work-estimate.ts";

export interface FlowControlOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Seats in all: `--max-requests-inflight` and `--max-mutating-requests-inflight` together. Default 600. */
  readonly seats?: number;
  /** Milliseconds that a request waits at most. Default a quarter of a minute, as upstream. */
  readonly patience?: number;
}

/** A request's seats; to be given back once it is answered. */
export interface Ticket {
  /** What the answer says about where the request was sorted in. */
  readonly headers: Readonly<Record<string, string>>;
  release(): void;
}

/** No seat was to be had. */
export interface Refused {
  readonly refused: Refusal;
  readonly headers: Readonly<Record<string, string>>;
}

interface LevelPlan {
  readonly level: PriorityLevel;
  readonly nominal: number;
  readonly least: number;
  readonly most: number;
  readonly widest: number;
}

interface Flow {
  readonly matcher: FlowMatcher;
  readonly plan: LevelPlan;
  readonly meters: ReturnType<typeof schemaMeters>;
  readonly headers: Readonly<Record<string, string>>;
}

const usualSeats = 600;
const usualPatience = 15_000;
const adjustmentPeriod = 10_000;

/**
 * Sorts requests into flows and levels, and lets each level work on so many at a time; levels lend each other what
 * they do not need. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */
export class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #meters: ReturnType<typeof flowMeters>;
  readonly #following: Disposable[] = [];
  #levels = new Map<string, PriorityLevel>();
  #plans: readonly LevelPlan[] = [];
  #flows: readonly Flow[] = [];
  #stale = true;
  #timer: Disposable | undefined;
  readonly #running = new Set<FlowRequest>();

  constructor(options: FlowControlOptions) {
    this.#options = options;
    this.#meters = flowMeters(options.metrics);
  }

  /** Follows the configuration from now on. */
  async start(): Promise<void> {
    for (const kind of [FlowSchema, PriorityLevelConfiguration]) {
      const { cache } = this.#options.registry.of(kind);
      await cache.start();
      this.#following.push(
        cache.subscribe({}, ({ type, held, previous }) => {
          // Our own word on whether a level is there changes nothing.
          if (type === "MODIFIED" && held.object.metadata.generation === previous?.object.metadata.generation) return;
          this.#stale = true;
        }),
      );
    }
  }

  /** Seats for a request, at once or when its turn comes; `signal` is looked at only if it has to wait. */
  admit(user: UserInfo, info: RequestInfo, signal: () => AbortSignal): Ticket | Refused | Promise<Ticket | Refused> {
    if (this.#stale) this.#configure();
    const flow = this.#flowOf(user, info);
    const { level, widest } = flow.plan;
    const seats = info.isResource && info.verb === "list" ? seatsOf(info, this.#options.registry, widest) : 1;
    const request: FlowRequest = {
      level: level.name,
      schema: flow.matcher.name,
      distinguisher: flow.matcher.distinguisher(user, info),
      user,
      info,
      seats,
      came: this.#options.clock.now(),
      started: undefined,
    };
    if (!level.start(seats)) return this.#wait(flow, request, signal());
    return this.#ticket(flow, request, () => level.finish(seats));
  }

  /** The levels as they are configured now, by name. */
  get levels(): readonly PriorityLevel[] {
    if (this.#stale) this.#configure();
    return this.#plans.map(({ level }) => level).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The requests that have seats. */
  get running(): ReadonlySet<FlowRequest> {
    return this.#running;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    for (const one of this.#following.splice(0)) one[Symbol.dispose]();
  }

  #flowOf(user: UserInfo, info: RequestInfo): Flow {
    const flows = this.#flows;
    for (const flow of flows) if (flow.matcher.matches(user, info)) return flow;
    // The last one is for all whom no schema wants, as users without any group.
    return flows[flows.length - 1] as Flow;
  }

  #ticket({ meters, headers }: Flow, request: FlowRequest, finish: () => void): Ticket {
    const { seats } = request;
    const running = this.#running;
    request.started = this.#options.clock.now();
    running.add(request);
    meters.dispatched.inc();
    meters.executing.inc();
    meters.seats.inc(seats);
    return {
      headers,
      release() {
        running.delete(request);
        meters.executing.dec();
        meters.seats.dec(seats);
        finish();
      },
    };
  }

  #wait(flow: Flow, request: FlowRequest, signal: AbortSignal): Refused | Promise<Ticket | Refused> {
    const { clock, patience = usualPatience } = this.#options;
    const { meters, headers } = flow;
    const { level } = flow.plan;
    const refuse = (refused: Refusal): Refused => {
      meters.rejected(refused);
      level.countRefusal(refused);
      return { refused, headers };
    };
    if (!this.#timer) this.#beginAdjusting();
    return settled((resolve) => {
      const came = clock.monotonic();
      let queued: QueuedRequest | Refusal | undefined;
      const end = (refused: Refusal) => {
        if (typeof queued !== "object" || !queued.leave()) return;
        stop();
        meters.waitedInVain.observe((clock.monotonic() - came) / 1000);
        resolve(refuse(refused));
      };
      const timer = clock.after(patience, () => end("time-out"));
      const cancel = () => end("cancelled");
      signal.addEventListener("abort", cancel, { once: true });
      const stop = () => {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", cancel);
        meters.inQueue.dec();
      };
      meters.inQueue.inc();
      queued = level.enqueue(request, () => {
        stop();
        const began = clock.monotonic();
        meters.waited.observe((began - came) / 1000);
        const running = queued as QueuedRequest;
        resolve(this.#ticket(flow, request, () => running.finish(clock.monotonic() - began)));
      });
      if (typeof queued !== "string") return undefined;
      stop();
      return refuse(queued);
    });
  }

  #configure(): void {
    this.#stale = false;
    const { registry, clock, seats = usualSeats } = this.#options;
    const configured = objectsOf<PriorityLevelConfiguration>(registry, PriorityLevelConfiguration);
    const shares = configured.map((one) => sharesOf(one));
    const total = shares.reduce((sum, value) => sum + value, 0) || 1;
    const levels = new Map<string, PriorityLevel>();
    this.#plans = configured.map((one, index) => {
      const name = one.metadata.name ?? "";
      const shape = shapeOf(one);
      const known = this.#levels.get(name);
      const uid = one.metadata.uid ?? "";
      const level = known?.uid === uid ? known : new PriorityLevel(name, uid, shape, clock);
      level.reshape(shape);
      levels.set(name, level);
      const nominal = Math.ceil((seats * (shares[index] ?? 0)) / total);
      const part = one.spec?.limited ?? one.spec?.exempt;
      const least = nominal - Math.round((nominal * (part?.lendablePercent ?? 0)) / 100);
      const borrows = one.spec?.limited?.borrowingLimitPercent;
      const most = borrows === undefined ? seats : nominal + Math.round((nominal * borrows) / 100);
      if (!known || known !== level || known.limit === 0) level.limit = Math.max(1, nominal);
      const labels = { priority_level: name };
      this.#meters.nominal.set(labels, nominal);
      this.#meters.lower.set(labels, least);
      this.#meters.upper.set(labels, most);
      this.#meters.current.set(labels, level.limit);
      return { level, nominal, least, most, widest: level.exempt ? 1 : widestFor(nominal) };
    });
    this.#levels = levels;
    const schemas = objectsOf<FlowSchema>(registry, FlowSchema);
    const plans = new Map(this.#plans.map((plan) => [plan.level.name, plan]));
    this.#flows = matchersOf(schemas).flatMap((matcher) => {
      const plan = plans.get(matcher.level);
      if (!plan) return [];
      const headers = {
        "x-kubernetes-pf-flowschema-uid": matcher.uid,
        "x-kubernetes-pf-prioritylevel-uid": plan.level.uid,
      };
      return { matcher, plan, meters: schemaMeters(this.#meters, plan.level.name, matcher.name), headers };
    });
    if (this.#flows.length === 0) this.#flows = [this.#lastResort()];
    const known = new Set(levels.keys());
    reconcileDangling(registry, schemas, known).catch((error: unknown) => {
      this.#options.log.debug("the status of flow schemas could not be written", { error: errorMessage(error) });
      this.#stale = true;
    });
  }

  /** What counts when nothing is configured, as in a server that was never bootstrapped. */
  #lastResort(): Flow {
    const level = new PriorityLevel("catch-all", "", { exempt: false }, this.#options.clock);
    level.limit = this.#options.seats ?? usualSeats;
    const matcher: FlowMatcher = {
      name: "catch-all",
      uid: "",
      level: "catch-all",
      distinguisher: (user) => user.name,
      matches: () => true,
    };
    const plan = { level, nominal: level.limit, least: level.limit, most: level.limit, widest: widestFor(level.limit) };
    return { matcher, plan, meters: schemaMeters(this.#meters, "catch-all", "catch-all"), headers: {} };
  }

  // As long as everybody fits into their own seats, how the others could be lent is nobody's concern.
  #beginAdjusting(): void {
    const { clock } = this.#options;
    for (const { level } of this.#plans) level.demand.period(clock.monotonic());
    const later = () => {
      this.#timer = clock.after(adjustmentPeriod, () => {
        if (this.#adjust()) later();
        else this.#timer = undefined;
      });
    };
    later();
  }

  /** Shares the seats out by what each level wanted in the last period; false when each had enough of its own. */
  #adjust(): boolean {
    if (this.#stale) this.#configure();
    const { clock, seats = usualSeats } = this.#options;
    const now = clock.monotonic();
    let left = seats;
    let crowded = false;
    const claims = this.#plans.flatMap(({ level, nominal, least, most }) => {
      const { target, peak } = level.demand.period(now);
      if (level.exempt) {
        left -= Math.min(target, seats);
        return [];
      }
      if (peak > nominal) crowded = true;
      // Nobody's own seats are lent while they are in use.
      const own = Math.max(least, Math.min(nominal, peak));
      return { name: level.name, least: own, most: Math.max(own, most), target: Math.max(own, target, 1) };
    });
    const shares = crowded ? allocateSeats(Math.max(0, left), claims) : undefined;
    for (const { level, nominal } of this.#plans) {
      level.limit = shares?.get(level.name) ?? Math.max(1, nominal);
      this.#meters.current.set({ priority_level: level.name }, level.limit);
      level.dispatch();
    }
    return crowded;
  }
}

/** A value that is there at once, or a promise that is settled later. */
function settled<T, U>(start: (resolve: (value: T) => void) => U | undefined): U | Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  return start(resolve) ?? promise;
}

function objectsOf<T>(registry: Registry, kind: typeof FlowSchema | typeof PriorityLevelConfiguration): readonly T[] {
  const { cache, resource } = registry.of(kind);
  return Array.from(cache.range(resource.range), ({ object }) => object as unknown as T);
}

function sharesOf({ spec }: PriorityLevelConfiguration): number {
  return spec?.limited ? (spec.limited.nominalConcurrencyShares ?? 30) : (spec?.exempt?.nominalConcurrencyShares ?? 0);
}

function shapeOf({ spec }: PriorityLevelConfiguration): LevelShape {
  const queuing = spec?.limited?.limitResponse?.queuing;
  if (spec?.type === "Exempt") return { exempt: true };
  if (!queuing) return { exempt: false };
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = queuing;
  return { exempt: false, queuing: { queues, handSize, queueLengthLimit } };
}
