import { Fault } from "../../lib/fault.ts";
import type { Entry, Store } from "../../store/store.ts";
import type { WriteContext } from "../write.ts";
import type { Holder } from "./address-reservations.ts";
import { NumberRange, reservedBand } from "./number-range.ts";

export interface PortReservationOptions {
  readonly store: Store;
  readonly from: number;
  readonly to: number;
  readonly context: () => WriteContext;
}

/** A node port that is taken, by whom and since when (milliseconds since the epoch). */
export interface ReservedPort {
  readonly port: number;
  readonly holder: Holder;
  readonly since: number;
  readonly entry: Entry;
}

const prefix = "/registry/ranges/servicenodeports/";
const everything = { start: prefix, end: `${prefix.slice(0, -1)}0` };

/**
 * The node ports that are taken, one key of the store each: of several servers on one store only one can make it. What
 * this server knows to be taken is remembered, so that free choices seldom meet.
 */
export class PortReservations {
  readonly from: number;
  readonly to: number;
  readonly #store: Store;
  readonly #context: () => WriteContext;
  #known: NumberRange;

  constructor({ store, from, to, context }: PortReservationOptions) {
    this.from = from;
    this.to = to;
    this.#store = store;
    this.#context = context;
    this.#known = this.#nothingKnown();
  }

  contains(port: number): boolean {
    return port >= this.from && port <= this.to;
  }

  /** Takes this very port; false when somebody has it. */
  async take(port: number, holder: Holder, dryRun: boolean): Promise<boolean> {
    this.#known.take(port);
    if (!dryRun) return this.#reserve(port, holder);
    const { entries } = await this.#store.read(single(port));
    if (entries.length === 0) this.#known.release(port);
    return entries.length === 0;
  }

  /** Takes any free port. Throws Fault `exhausted`. */
  async next(holder: Holder, dryRun: boolean): Promise<number> {
    let learned = false;
    for (;;) {
      if (this.#known.free === 0) {
        if (learned) throw new Fault("exhausted", "range is full");
        await this.#learn(); // others may have given some back
        learned = true;
        continue;
      }
      const port = this.#known.next();
      if (dryRun) {
        this.#known.release(port);
        return port;
      }
      if (await this.#reserve(port, holder)) return port;
    }
  }

  /** Gives a port back, if it is still this holder's. */
  async release(port: number, holder: Holder): Promise<void> {
    const { entries } = await this.#store.read(single(port));
    const found = entries[0] && reserved(entries[0]);
    if (found && (found.holder.name !== holder.name || found.holder.namespace !== holder.namespace)) return;
    if (found) await this.drop(found);
    this.#known.release(port);
  }

  /** What is reserved, as it is now. */
  async all(): Promise<readonly ReservedPort[]> {
    const { entries } = await this.#store.read(everything);
    return entries.flatMap((entry) => reserved(entry) ?? []);
  }

  /** Removes a reservation unless it has changed since. */
  async drop({ port, entry }: ReservedPort): Promise<void> {
    const commit = await this.#store.commit({ key: entry.key, value: null, expected: entry.modified });
    if (commit.ok) this.#known.release(port);
  }

  async #reserve(port: number, holder: Holder): Promise<boolean> {
    const since = this.#context().clock.now();
    const value = Buffer.from(JSON.stringify({ ...holder, since }));
    return (await this.#store.commit({ key: `${prefix}${port}`, value, expected: 0n })).ok;
  }

  async #learn(): Promise<void> {
    const known = this.#nothingKnown();
    for (const { port } of await this.all()) known.take(port);
    this.#known = known;
  }

  #nothingKnown(): NumberRange {
    const size = this.to - this.from + 1;
    const { random } = this.#context();
    return new NumberRange({ first: this.from, size, reserved: reservedBand(size, 16, 128), random });
  }
}

function single(port: number): { readonly start: string; readonly end: string } {
  return { start: `${prefix}${port}`, end: `${prefix}${port}0` };
}

function reserved(entry: Entry): ReservedPort | undefined {
  try {
    const { namespace, name, since } = JSON.parse(Buffer.from(entry.value).toString());
    return { port: Number(entry.key.slice(prefix.length)), holder: { namespace, name }, since, entry };
  } catch {
    return undefined; // not ours to judge
  }
}
