import type { Client } from "../client/client.ts";
import { Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";
import { conflict } from "../machinery/status-error.ts";

/** How likely each thing is to go wrong, from 0 to 1. */
export interface FaultRates {
  /** A write is refused because somebody else was first. */
  readonly conflict: number;
  /** A write is not carried out, and no answer comes. */
  readonly lostRequest: number;
  /** A write is carried out, but its answer gets lost: what a killed process sees. */
  readonly lostAnswer: number;
  /** A watch breaks off after an event. */
  readonly brokenWatch: number;
}

/** A client to which things happen, the same ones for the same random numbers. `active` switches them off at a test's end. */
export function unreliable(client: Client, random: Random, rates: FaultRates, active: () => boolean): Client {
  const happens = (rate: number) => active() && random.next() < rate;
  const lost = () => new Fault("unavailable", "the connection broke");
  async function write<T>(name: string, plural: { group: string; plural: string }, call: () => Promise<T>): Promise<T> {
    if (happens(rates.conflict)) throw conflict(plural, name);
    if (happens(rates.lostRequest)) throw lost();
    const answer = await call();
    if (happens(rates.lostAnswer)) throw lost();
    return answer;
  }
  const nameOf = (object: unknown) => (object as { metadata: { name?: string } }).metadata.name ?? "";
  return {
    ...client,
    create: async (kind, object, options) => {
      if (happens(rates.lostRequest)) throw lost();
      const made = await client.create(kind, object, options);
      if (happens(rates.lostAnswer)) throw lost();
      return made;
    },
    update: (kind, object, options) => write(nameOf(object), kind, () => client.update(kind, object, options)),
    updateStatus: (kind, object, options) =>
      write(nameOf(object), kind, () => client.updateStatus(kind, object, options)),
    patch: (kind, key, patch, options) => write(key.name, kind, () => client.patch(kind, key, patch, options)),
    delete: (kind, key, options) => write(key.name, kind, () => client.delete(kind, key, options)),
    deleteCollection: (kind, options) => write("", kind, () => client.deleteCollection(kind, options)),
    async *watch(kind, options) {
      for await (const event of client.watch(kind, options)) {
        yield event;
        if (happens(rates.brokenWatch)) throw lost();
      }
    },
  };
}
