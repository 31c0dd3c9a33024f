import { Lease } from "../api/coordination/lease.ts";
import { aborted, unlessAborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { type ObjectKey, resourcePath } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import { microTimeOf } from "../machinery/times.ts";
import type { Client } from "./client.ts";
import type { EventRecorder } from "./event-recorder.ts";
import type { Transport } from "./transport.ts";

/** How long a lease is believed, how long its holder tries to renew it, and how often; milliseconds. */
export interface ElectionTimes {
  /** What others wait after the last renewal that they saw. */
  readonly leaseDuration: number;
  /** The holder gives up when it could not renew for so long; shorter than `leaseDuration`. */
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** Upstream's. */
export const usualElectionTimes: ElectionTimes = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };

/** Whoever waits looks again after up to so many retry periods more than one (as upstream), so that not all come at once. */
const jitter = 1.2;

export interface ElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: Metrics;
  readonly events?: EventRecorder;
  readonly lease: ObjectKey;
  /** Nobody else alive may have it: who finds a lease under its own name takes it at once. */
  readonly identity: string;
  /** Default: upstream's. */
  readonly times?: ElectionTimes;
}

/** One time of leading. */
export interface Term {
  /** Aborted when it ends. */
  readonly signal: AbortSignal;
  /** Whether it goes on; false too as soon as it should have been renewed, even if nobody had the time to notice. */
  readonly held: () => boolean;
}

/** A candidate for a lease, until disposed: then its work is ended first and the lease given back after it. */
export interface Candidate extends AsyncDisposable {
  readonly leads: boolean;
}

/**
 * Starts what is done while leading, and puts it into `work`, which is disposed when the term ends; at once, even if this
 * has not returned: it must come to an end when what it has put there so far is closed.
 */
export type Lead = (term: Term, work: AsyncDisposableStack) => Promise<void>;

/**
 * Runs work only while a lease is held, by the rules of client-go's elections; when it is lost, the work is ended before the
 * lease is sought again. Resolves when the first try is decided: the work runs, or somebody else leads.
 */
export async function runElected(options: ElectionOptions, lead: Lead): Promise<Candidate> {
  const election = new Election(options, lead);
  await election.start();
  return election;
}

/** A transport that sends nothing any more once the term is over: work that outlives it cannot act. */
export function whileHeld(transport: Transport, term: Term): Transport {
  return {
    ...transport,
    send(request) {
      if (!term.held()) return Promise.reject(new Fault("aborted", "the lease is not held any more"));
      return transport.send(request);
    },
  };
}

/** What was last seen of the lease, and since when it has stood like that. */
interface Sight {
  readonly lease: Lease;
  readonly since: number;
}

class Election implements Candidate {
  readonly #options: ElectionOptions;
  readonly #times: ElectionTimes;
  readonly #lead: Lead;
  readonly #stop = new AbortController();
  readonly #master;
  #seen: Sight | undefined;
  /** Whether what was seen last is our own write, so that it need not be read again. */
  #renewable = false;
  /** Until when, in monotonic milliseconds, others cannot take what is held. */
  #heldUntil = Number.NEGATIVE_INFINITY;
  #term: AbortController | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: ElectionOptions, lead: Lead) {
    this.#options = options;
    this.#lead = lead;
    this.#times = options.times ?? usualElectionTimes;
    this.#master = options.metrics
      ?.gauge("leader_election_master_status", "Whether this process leads: 1 for the leader, 0 for who stands by.", [
        "name",
      ])
      .with({ name: options.lease.name });
    this.#master?.set(0);
  }

  get leads(): boolean {
    return this.#term !== undefined && !this.#term.signal.aborted;
  }

  async start(): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.#loop = this.#run(settled.resolve);
    await Promise.race([settled.promise, this.#loop]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Fault("closed", "the election was closed"));
    await this.#loop;
  }

  async #run(settled: () => void): Promise<void> {
    const { clock, random } = this.#options;
    const { retryPeriod } = this.#times;
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      if (await this.#try(stop, this.#times.renewDeadline)) await this.#serve(settled);
      settled();
      if (!stop.aborted) {
        await clock.sleep(retryPeriod * (1 + jitter * random.next()), stop).catch(() => {});
      }
    }
  }

  /** One term, from its first moment until its work has ended. */
  async #serve(settled: () => void): Promise<void> {
    const { log, lease, clock } = this.#options;
    const term = new AbortController();
    this.#term = term;
    this.#master?.set(1);
    this.#tell("became leader");
    const renewing = this.#renew(term);
    const held = () => !term.signal.aborted && clock.monotonic() < this.#heldUntil;
    const over = Promise.race([aborted(term.signal), aborted(this.#stop.signal)]);
    const work = new AsyncDisposableStack();
    const starting = this.#lead({ signal: term.signal, held }, work).catch((error) => {
      if (term.signal.aborted || this.#stop.signal.aborted) return;
      log.error(`the work of ${lease.name} did not start: ${errorMessage(error)}`, { error });
      term.abort();
    });
    await Promise.race([starting, over]);
    settled();
    await over;
    try {
      // Nobody else may begin before this has ended, as long as the lease can be kept.
      await work.disposeAsync();
    } catch (error) {
      log.error(`the work of ${lease.name} did not end cleanly: ${errorMessage(error)}`, { error });
    }
    await starting;
    term.abort();
    await renewing;
    this.#term = undefined;
    this.#master?.set(0);
    if (clock.monotonic() < this.#heldUntil) await this.#release();
    this.#tell("stopped leading");
  }

  /** Keeps the lease until the term is ended, and ends it when the lease is lost. */
  async #renew(term: AbortController): Promise<void> {
    const { clock, log, lease } = this.#options;
    const { retryPeriod } = this.#times;
    while (!term.signal.aborted) {
      await clock.sleep(retryPeriod, term.signal).catch(() => {});
      if (term.signal.aborted) return;
      const patience = Math.max(retryPeriod, this.#heldUntil - clock.monotonic());
      if (await this.#try(term.signal, patience)) continue;
      if (term.signal.aborted) return;
      if (!this.#isTaken && clock.monotonic() < this.#heldUntil) continue;
      if (!this.#isTaken && (await this.#tryLast(term.signal))) continue;
      if (term.signal.aborted) return;
      const holder = this.#seen?.lease.spec.holderIdentity;
      log.warn(`the lease ${lease.name} is lost`, this.#isTaken ? { holder } : {});
      this.#heldUntil = Number.NEGATIVE_INFINITY;
      term.abort();
    }
  }

  /**
   * Before giving up, asks what stands in the lease: a process that slept may have missed the answer to its own renewal, and
   * as long as nobody was there meanwhile, all is well. Who overslept by long has much to catch up with, and gets more time.
   */
  #tryLast(signal: AbortSignal): Promise<boolean> {
    const { retryPeriod, renewDeadline } = this.#times;
    const late = this.#options.clock.monotonic() - this.#heldUntil;
    this.#renewable = false;
    return this.#try(signal, late > retryPeriod ? renewDeadline : retryPeriod);
  }

  /** Whether somebody else was there when the lease was last seen, even if it was given back since. */
  get #isTaken(): boolean {
    const holder = this.#seen?.lease.spec.holderIdentity;
    return holder !== undefined && holder !== this.#options.identity;
  }

  /** Takes or renews the lease; false when somebody else has it, when another was faster, or when no answer came in time. */
  async #try(signal: AbortSignal, patience: number): Promise<boolean> {
    const { clock, log, identity, lease: key } = this.#options;
    const asked = clock.monotonic();
    using limit = limitOf(clock, signal, patience);
    try {
      const lease = await unlessAborted(this.#write(limit.signal), limit.signal);
      if (lease.spec.holderIdentity !== identity) return false;
      // Counted from before the call: others count from when they see it, which is later.
      this.#heldUntil = asked + this.#times.renewDeadline;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const level = isStatus(error, "Conflict", "AlreadyExists") ? "debug" : "warn";
      log[level](`the lease ${key.name} was not written: ${errorMessage(error)}`);
      return false;
    }
  }

  /** The lease as it stands after a try: under this identity, or untouched because somebody holds it. */
  async #write(signal: AbortSignal): Promise<Lease> {
    const { client, clock, identity, lease: key } = this.#options;
    const known = await this.#read(signal);
    const now = microTimeOf(clock.now());
    const leaseDurationSeconds = Math.max(1, Math.round(this.#times.leaseDuration / 1000));
    const claim = { holderIdentity: identity, leaseDurationSeconds, renewTime: now };
    if (!known) {
      const spec = { ...claim, acquireTime: now, leaseTransitions: 0 };
      return this.#note(
        await client.create(Lease, { metadata: { ...key, namespace: key.namespace ?? "" }, spec }, { signal }),
      );
    }
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = known.lease.spec;
    const mine = holderIdentity === identity;
    // What others did meanwhile, the work of this term has not seen.
    if (!mine && this.#term) return known.lease;
    if (!mine && holderIdentity && clock.monotonic() < known.since + durationOf(known.lease)) return known.lease;
    const spec = mine
      ? { ...known.lease.spec, ...claim, acquireTime: acquireTime ?? now }
      : { ...known.lease.spec, ...claim, acquireTime: now, leaseTransitions: leaseTransitions + 1 };
    try {
      return this.#note(await client.update(Lease, { ...known.lease, spec }, { signal }));
    } catch (error) {
      // The next try reads what stands there now.
      this.#renewable = false;
      throw error;
    }
  }

  async #read(signal: AbortSignal): Promise<Sight | undefined> {
    const { client, lease: key } = this.#options;
    if (this.#renewable && this.#term && this.#seen) return this.#seen;
    try {
      this.#note(await client.get(Lease, key, { signal }));
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      this.#seen = undefined;
    }
    return this.#seen;
  }

  #note(lease: Lease): Lease {
    const { resourceVersion } = lease.metadata;
    if (this.#seen?.lease.metadata.resourceVersion !== resourceVersion)
      this.#seen = { lease, since: this.#options.clock.monotonic() };
    this.#renewable = lease.spec.holderIdentity === this.#options.identity;
    return lease;
  }

  /** Gives the lease back, so that whoever stands by need not wait. */
  async #release(): Promise<void> {
    const { client, clock, log, lease: key } = this.#options;
    using limit = limitOf(clock, undefined, this.#times.retryPeriod);
    const { signal } = limit;
    try {
      const known = await unlessAborted(this.#read(signal), signal);
      if (known?.lease.spec.holderIdentity !== this.#options.identity) return;
      const now = microTimeOf(clock.now());
      const free = { holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      const lease = { ...known.lease, spec: { ...known.lease.spec, ...free } };
      this.#note(await unlessAborted(client.update(Lease, lease, { signal }), signal));
    } catch (error) {
      log.debug(`the lease ${key.name} was not given back: ${errorMessage(error)}`);
    }
  }

  #tell(what: string): void {
    const { log, identity, lease: key, events } = this.#options;
    log.info(`${identity} ${what}`, { lease: resourcePath(Lease, key) });
    if (this.#seen) events?.record(this.#seen.lease, "Normal", "LeaderElection", `${identity} ${what}`);
  }
}

/** Aborted when the signal is, or after so many milliseconds. */
function limitOf(
  clock: Clock,
  signal: AbortSignal | undefined,
  ms: number,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  const timer = clock.after(Math.max(0, ms), () => late.abort(new Fault("timeout", "no answer in time")));
  return {
    signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

const durationOf = ({ spec }: Lease) => (spec.leaseDurationSeconds ?? 0) * 1000;
