import type { Clock } from "../../lib/clock.ts";
import { faultCode } from "../../lib/fault.ts";
import { PushStream } from "../../lib/stream.ts";
import type { RuntimeEvent } from "./runtime.ts";

/** How far along its life a sandbox or container is; a ready sandbox is `running`, one that is not ready `exited`. */
export type LifeState = "created" | "running" | "exited";

export interface LifeRecord {
  readonly kind: RuntimeEvent["kind"];
  readonly id: string;
  readonly sandboxId: string;
  readonly podUid: string;
  readonly state: LifeState;
}

/** Where the changes of a runtime are read from. */
export interface LifeSource {
  /** Everything there is. */
  list(signal: AbortSignal): Promise<readonly LifeRecord[]>;
  /** One of them, undefined when it is gone. */
  read(id: string, known: LifeRecord | undefined, signal: AbortSignal): Promise<LifeRecord | undefined>;
}

/** What a hint says is about to show: that it does not run any more, or that it is not there any more. */
export type Expectation = "end" | "gone";

export interface ChangesOptions {
  readonly source: LifeSource;
  readonly clock: Clock;
  /** How often everything is listed, in case that a hint was lost; never when undefined. */
  readonly relistMs: number | undefined;
  readonly signal: AbortSignal;
  /** Is told how many ms each list of everything took. */
  readonly onRelist?: ((ms: number) => void) | undefined;
}

/** The events between two states of one thing; `undefined` means not there. */
export function eventsBetween(before: LifeRecord | undefined, after: LifeRecord | undefined): readonly RuntimeEvent[] {
  const record = after ?? before;
  if (!record) return [];
  const { kind, id, sandboxId, podUid } = record;
  const event = (type: RuntimeEvent["type"]): RuntimeEvent => ({ type, kind, id, sandboxId, podUid });
  if (!after) return before?.state === "running" ? [event("exited"), event("deleted")] : [event("deleted")];
  if (after.state === before?.state) return [];
  const types = { created: "created", running: "started", exited: "exited" } as const;
  return [event(types[after.state])];
}

/**
 * Turns hints ("something happened to this id") into events that are true when read: each hint makes one read of the
 * runtime's present state, compared with the last one known. Hints may be lost, doubled or early; a list of everything from time
 * to time catches what they miss.
 */
export class Changes {
  readonly #options: ChangesOptions;
  readonly #known = new Map<string, LifeRecord>();
  readonly #busy = new Map<string, { again: boolean; expects: Expectation | undefined }>();
  readonly #out = new PushStream<RuntimeEvent>();
  /** For each list that is on its way the ids read meanwhile: it may be older than what is known of them. */
  readonly #listings = new Set<Set<string>>();
  #timer: Disposable | undefined;

  constructor(options: ChangesOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#end(), { once: true });
    if (options.signal.aborted) this.#end();
  }

  /** The events, for one reader. */
  get events(): AsyncIterable<RuntimeEvent> {
    return this.#out;
  }

  /**
   * Something happened to an id. `expects` says what the runtime will come to show, so that one that tells before it shows is
   * asked again for a while.
   */
  hint(id: string, { expects }: { readonly expects?: Expectation | undefined } = {}): void {
    if (this.#options.signal.aborted) return;
    const busy = this.#busy.get(id);
    if (busy) {
      busy.again = true;
      busy.expects = expects ?? busy.expects;
      return;
    }
    this.#busy.set(id, { again: false, expects });
    for (const read of this.#listings) read.add(id);
    void this.#follow(id);
  }

  /** Lists everything and tells the differences; throws what the runtime's list throws. Repeats itself every `relistMs`. */
  async relist(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    const { source, signal, clock, relistMs } = this.#options;
    const read = new Set(this.#busy.keys());
    const began = clock.monotonic();
    this.#listings.add(read);
    try {
      const listed = new Map((await source.list(signal)).map((record) => [record.id, record]));
      for (const id of new Set([...this.#known.keys(), ...listed.keys()])) {
        if (read.has(id)) continue;
        this.#tell(id, listed.get(id));
        // One that began before this one ended may be older.
        for (const other of this.#listings) other.add(id);
      }
      this.#options.onRelist?.(clock.monotonic() - began);
    } finally {
      this.#listings.delete(read);
      this.#timer?.[Symbol.dispose]();
      if (!signal.aborted && relistMs !== undefined) {
        this.#timer = clock.after(relistMs, () => {
          this.relist().catch(() => {});
        });
      }
    }
  }

  async #follow(id: string): Promise<void> {
    const { source, signal, clock } = this.#options;
    const busy = this.#busy.get(id)!;
    try {
      let wait = 2;
      do {
        busy.again = false;
        const before = this.#known.get(id);
        const after = await source.read(id, before, signal);
        this.#tell(id, after);
        const lagging =
          busy.expects === "gone" ? after !== undefined : busy.expects === "end" && after?.state === "running";
        if (lagging && wait < 2_000) {
          await clock.sleep(wait, signal);
          wait *= 2;
          busy.again = true;
        }
      } while (busy.again && !signal.aborted);
    } catch (error) {
      // The next list tells what this read could not.
      if (faultCode(error) === undefined && !signal.aborted) this.#out.end(error);
    } finally {
      this.#busy.delete(id);
    }
  }

  #tell(id: string, after: LifeRecord | undefined): void {
    for (const event of eventsBetween(this.#known.get(id), after)) this.#out.push(event);
    if (after) this.#known.set(id, after);
    else this.#known.delete(id);
  }

  #end(): void {
    this.#timer?.[Symbol.dispose]();
    this.#out.end();
  }
}
