import type { Revision } from "../store/store.ts";
import type { Held } from "./held.ts";
import type { Served } from "./resource.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED";

/** One change of one object, shared by everybody who watches it. */
export class CacheEvent {
  readonly type: EventType;
  /** The new state; of a deletion the last one, at the deletion's revision. */
  readonly held: Held;
  /** The state before; undefined for the first. */
  readonly previous: Held | undefined;
  /** What happened between the two states was not seen; there may have been more. */
  readonly gap: boolean;
  #left: Held | undefined;
  #lines: Map<Served, Partial<Record<EventType, Uint8Array>>> | undefined;

  constructor(type: EventType, held: Held, previous: Held | undefined, gap = false) {
    this.type = type;
    this.held = held;
    this.previous = previous;
    this.gap = gap;
  }

  get revision(): Revision {
    return this.held.revision;
  }

  /** What somebody sees whose selection the object has left: its earlier state, at this revision. */
  get left(): Held {
    this.#left ??= this.previous ? this.previous.deleted(this.revision) : this.held;
    return this.#left;
  }

  /** The line of this event for those who see it as `type`; encoded once. */
  line(type: EventType, held: Held, served: Served): Uint8Array {
    this.#lines ??= new Map();
    let lines = this.#lines.get(served);
    if (!lines) {
      lines = {};
      this.#lines.set(served, lines);
    }
    lines[type] ??= held.eventLine(type, served);
    return lines[type];
  }
}
