import type { Store } from "../../src/store/store.ts";
import type { ApiObject } from "../api/tools/local-server.ts";
import type { WatchedPart } from "./api-history-verify.ts";

/** One change as the store has it. */
export interface Moment {
  readonly name: string;
  readonly revision: bigint;
  /** Undefined for a deletion. */
  readonly object: ApiObject | undefined;
  readonly previous: Moment | undefined;
}

export interface ExpectedEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly name: string;
  readonly revision: bigint;
  readonly data: Readonly<Record<string, string>> | undefined;
}

/** What really happened to a collection, read from the store itself. */
export class History {
  readonly moments: readonly Moment[];
  readonly begin: bigint;
  readonly end: bigint;
  readonly #byRevision: ReadonlyMap<bigint, Moment>;

  private constructor(moments: readonly Moment[], begin: bigint, end: bigint) {
    this.moments = moments;
    this.begin = begin;
    this.end = end;
    this.#byRevision = new Map(moments.map((moment) => [moment.revision, moment]));
  }

  /** Notes what happens from `begin` on, before it may be compacted away; what comes back gives all up to `end`. */
  static follow(store: Store, prefix: string, begin: bigint): (end: bigint) => Promise<History> {
    const range = { start: prefix, end: `${prefix.slice(0, -1)}0` };
    const moments: Moment[] = [];
    const last = new Map<string, Moment>();
    const stop = new AbortController();
    const watch = store.watch(range, begin, stop.signal);
    let until: bigint | undefined;
    const following = (async () => {
      for await (const batch of watch) {
        for (const { key, value, revision } of batch.changes) {
          const name = key.slice(prefix.length);
          const object = value ? (JSON.parse(Buffer.from(value).toString()) as ApiObject) : undefined;
          const moment = { name, revision, object, previous: last.get(name) };
          moments.push(moment);
          last.set(name, moment);
        }
        if (until !== undefined && batch.revision >= until) break;
        if (until !== undefined) watch.prompt();
      }
      stop.abort();
    })();
    return async (end) => {
      until = end;
      if (watch.reached >= end) stop.abort();
      else watch.prompt();
      await following;
      return new History(
        moments.filter(({ revision }) => revision <= end),
        begin,
        end,
      );
    };
  }

  at(revision: bigint): Moment | undefined {
    return this.#byRevision.get(revision);
  }

  /** The state of an object at a revision: the moment that made it; undefined when it was absent. */
  stateOf(name: string, revision: bigint): Moment | undefined {
    const last = this.moments.findLast((moment) => moment.name === name && moment.revision <= revision);
    return last?.object ? last : undefined;
  }

  /** Whether an object was as `fits` says at some revision from `least` on and before `most`. */
  wasEver(name: string, least: bigint, most: bigint, fits: (state: Moment | undefined) => boolean): boolean {
    if (fits(this.stateOf(name, least))) return true;
    return this.moments.some(
      (moment) =>
        moment.name === name &&
        moment.revision > least &&
        moment.revision < most &&
        fits(moment.object ? moment : undefined),
    );
  }

  /** How many events a part has. */
  selected(part: WatchedPart): number {
    return this.eventsOf(part).length;
  }

  /** What a watch of a part must tell. */
  eventsOf(part: WatchedPart): readonly ExpectedEvent[] {
    const matches = (object: ApiObject | undefined) =>
      object !== undefined &&
      (part.name === undefined || object.metadata.name === part.name) &&
      (part.labels === undefined || object.metadata.labels?.[part.labels[0]] === part.labels[1]);
    return this.moments.flatMap(({ name, revision, object, previous }): readonly ExpectedEvent[] => {
      const now = matches(object);
      const before = matches(previous?.object);
      if (!now && !before) return [];
      const shown = now ? object : previous?.object;
      return [{ type: now ? (before ? "MODIFIED" : "ADDED") : "DELETED", name, revision, data: shown?.data }];
    });
  }
}
