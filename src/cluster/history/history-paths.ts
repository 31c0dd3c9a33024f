import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { badRequest, StatusError } from "../../machinery/status-error.ts";
import { Chores } from "../../registry/chores.ts";
import { compactNow } from "../../registry/compaction.ts";
import { parseRevision } from "../../registry/list.ts";
import { type Moment, Moments } from "../../registry/moments.ts";
import type { ServerOptions } from "../../server/api-server.ts";
import { jsonResponse } from "../../server/bodies/status-body.ts";
import type { ServerRequest } from "../../server/exchange.ts";
import type { Store } from "../../store/store.ts";
import type { ClusterConfig } from "../config.ts";
import { snapshotOf, snapshotPath } from "./snapshots.ts";

/** `GET`: what moments history is kept of; with `at=<RFC 3339 time or revision>` the one that this means. */
export const momentsPath = "/navarch/moments";
/** `POST`: forgets the store's history. */
export const compactionPath = "/navarch/compaction";

const noteEvery = 1000;
const longestQuestion = 10_000;

export interface HistoryOptions {
  readonly config: ClusterConfig;
  /** As it is kept: what is sealed stays so. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A moment as it is told: `{"revision":"120","time":"2026-01-02T03:04:05.678Z"}`. */
export interface ToldMoment {
  readonly revision: string;
  readonly time?: string;
}

/** The store's history as paths of the API server; dates it, a note a second at most, until disposed. */
export class HistoryPaths implements AsyncDisposable {
  readonly paths: NonNullable<ServerOptions["paths"]>;
  readonly #options: HistoryOptions;
  readonly #moments: Moments;
  readonly #chores: Chores;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const { store, clock, log } = options;
    this.#moments = new Moments(store, clock);
    this.#chores = new Chores(clock, log);
    this.#chores.every(noteEvery, "dating the store's history", () => this.#moments.note());
    this.paths = {
      [momentsPath]: async (_, { verb, query }) => {
        onlyFor(verb, "get");
        const asked = query.get("at");
        if (asked) return jsonResponse(200, told(await this.#find(asked)));
        return jsonResponse(200, { moments: (await this.#moments.list()).map(told) });
      },
      [snapshotPath]: async (request, { verb }) => {
        const passphrase = verb === "post" ? await passphraseIn(request) : undefined;
        if (verb !== "post") onlyFor(verb, "get");
        const stream = await snapshotOf(store, { ...options, ...(passphrase === undefined ? {} : { passphrase }) });
        return { status: 200, headers: { "content-type": "application/gzip" }, body: { kind: "stream", stream } };
      },
      [compactionPath]: async (_, { verb }) => {
        onlyFor(verb, "post");
        return jsonResponse(200, told({ revision: await compactNow(store), time: clock.now() }));
      },
    };
  }

  async #find(asked: string): Promise<Moment> {
    if (/^\d+$/.test(asked)) {
      const revision = parseRevision(asked);
      const moments = await this.#moments.list();
      const oldest = moments[0]!;
      if (revision < oldest.revision) {
        throw new StatusError("Expired", `revision ${revision} is forgotten; history goes back to ${oldest.revision}`);
      }
      const latest = await this.#options.store.revision();
      if (revision > latest) throw badRequest(`revision ${revision} is in the future; the latest is ${latest}`);
      return { revision, time: moments.findLast((moment) => moment.revision <= revision)?.time };
    }
    const time = Date.parse(asked);
    if (Number.isNaN(time)) throw badRequest(`at: "${asked}" is neither a revision nor a time as 2026-01-02T03:04:05Z`);
    try {
      return await this.#moments.at(time);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.code === "invalid") throw badRequest(`at: ${error.message}`);
      if (error.code === "compacted") throw new StatusError("Expired", error.message);
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#chores[Symbol.asyncDispose]();
  }
}

function told({ revision, time }: Moment): ToldMoment {
  return { revision: String(revision), ...(time === undefined ? {} : { time: new Date(time).toISOString() }) };
}

async function passphraseIn({ body }: ServerRequest): Promise<string> {
  const given: unknown =
    body.kind === "value"
      ? body.value
      : body.kind === "bytes"
        ? parsed(Buffer.from(await body.read(longestQuestion)).toString())
        : undefined;
  const { passphrase } = (given ?? {}) as { passphrase?: unknown };
  if (typeof passphrase === "string") return passphrase;
  throw badRequest('the body is {"passphrase": "..."}');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function onlyFor(verb: string, wanted: string): void {
  if (verb !== wanted)
    throw new StatusError("MethodNotAllowed", "the server does not allow this method on the requested resource");
}
