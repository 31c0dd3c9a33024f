import type { Revision } from "../store/store.ts";
import type { CacheEvent } from "./cache-event.ts";

/** Enough for a client to lose its connection and come back; older resumes read the store's own history. */
const capacity = 1024;

/** The recent events of a resource. */
export class EventWindow {
  #events: CacheEvent[] = [];
  #start: Revision = 0n;

  /** Events after this revision are complete. */
  get start(): Revision {
    return this.#start;
  }

  push(event: CacheEvent): void {
    this.#events.push(event);
    // Cut in one go now and then: a shift per event costs as much as the event.
    if (this.#events.length < 2 * capacity) return;
    this.#start = this.#events[capacity - 1]!.revision;
    this.#events = this.#events.slice(capacity);
  }

  restart(revision: Revision): void {
    this.#events = [];
    this.#start = revision;
  }

  since(revision: Revision): readonly CacheEvent[] | undefined {
    if (revision < this.#start) return undefined;
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }
}
