import { backoffDelay } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { type EtcdConnection, faultOf } from "./etcd-connection.ts";
import type { EtcdKeys } from "./etcd-keys.ts";
import {
  asBytes,
  asNumber,
  asRevision,
  eventDelete,
  type WatchRequest,
  type WatchResponse,
  watch,
} from "./etcd-wire.ts";
import { compactedFault, inRange } from "./keys.ts";
import type { Change, KeyRange, WatchBatch } from "./store.ts";

/** The changes of one response, in revision order, and how far the stream has come with it. */
interface Piece {
  readonly changes: readonly Change[];
  readonly revision: number;
}

export interface FeedOptions {
  readonly connection: EtcdConnection;
  readonly keys: EtcdKeys;
  readonly clock: Clock;
  readonly log: Log;
  /** The feed begins after this revision. */
  readonly revision: number;
  readonly onPiece: (piece: Piece) => void;
  /** The cluster has forgotten what comes next; the feed goes on from `revision`. */
  readonly onGap: (fault: Fault, revision: number) => void;
}

/** So many of the latest changes, and of their bytes, are kept for watches that begin a little in the past. */
const mostKept = 20_000;
const mostKeptBytes = 32 * 1024 * 1024;
const retries = { base: 50, factor: 2, max: 2000 } as const;

/**
 * One etcd watch over all of the store's keys, however many watches there are here. Every commit anywhere in the
 * keyspace passes through it, so that each watch knows how far the store has come without asking; and it survives the
 * loss of the member that it came from.
 */
export class EtcdFeed implements Disposable {
  readonly #options: FeedOptions;
  readonly #end = new AbortController();
  readonly #kept: Change[] = [];
  #keptBytes = 0;
  #floor: number;
  #revision: number;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#floor = options.revision;
    this.#revision = options.revision;
    void this.#run();
  }

  /** Every change after this revision is kept, or was delivered. */
  get floor(): number {
    return this.#floor;
  }

  /** The kept changes of a range after a revision that is not below the floor. */
  since(range: KeyRange, after: number): Change[] {
    let from = this.#kept.length;
    while (from > 0 && this.#kept[from - 1]!.revision > after) from--;
    return this.#kept.slice(from).filter(({ key }) => inRange(range, key));
  }

  /** Forgets what is kept before a revision. */
  forget(revision: number): void {
    if (revision <= this.#floor) return;
    const from = this.#kept.findIndex((change) => change.revision > revision);
    for (const change of this.#kept.splice(0, from < 0 ? this.#kept.length : from)) this.#keptBytes -= sizeOf(change);
    this.#floor = revision;
  }

  /** Reads older changes of a range from the cluster, until the feed has what follows. Throws `compacted`. */
  async *older(range: KeyRange, after: number, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    for await (const { changes, revision } of this.#pieces(after, AbortSignal.any([signal, this.#end.signal]))) {
      yield { changes: changes.filter(({ key }) => inRange(range, key)), revision: BigInt(revision) };
      if (revision >= this.#floor) return;
    }
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { clock, log, onPiece, onGap } = this.#options;
    const { signal } = this.#end;
    let failures = 0;
    while (!signal.aborted) {
      try {
        for await (const piece of this.#pieces(this.#revision, signal)) {
          failures = 0;
          this.#keep(piece);
          onPiece(piece);
        }
      } catch (error) {
        if (signal.aborted) return;
        const fault = faultOf(error);
        if (faultCode(fault) === "compacted") {
          const watermark = Number(/history starts at (\d+)/.exec(fault.message)?.[1] ?? this.#revision);
          this.#revision = Math.max(this.#revision, watermark);
          this.forget(this.#revision);
          onGap(fault, this.#revision);
        } else {
          log.warn("the watch on etcd broke and is opened again", { error: errorMessage(error) });
        }
        failures++;
        await clock.sleep(backoffDelay(retries, failures), signal).catch(() => {});
      }
    }
  }

  #keep({ changes, revision }: Piece): void {
    for (const change of changes) {
      this.#kept.push(change);
      this.#keptBytes += sizeOf(change);
    }
    this.#revision = revision;
    // Cut rarely and a lot: taking from the front moves everything behind it.
    if (this.#kept.length > mostKept * 2 || this.#keptBytes > mostKeptBytes * 2) this.#shrink();
  }

  #shrink(): void {
    let count = this.#kept.length;
    let bytes = 0;
    while (count > 0 && this.#kept.length - count < mostKept && bytes < mostKeptBytes)
      bytes += sizeOf(this.#kept[--count]!);
    // Changes of one revision stay or go together.
    if (count > 0) this.forget(Number(this.#kept[count - 1]!.revision));
  }

  async *#pieces(after: number, signal: AbortSignal): AsyncGenerator<Piece> {
    const { connection, keys } = this.#options;
    const { call, lost } = connection.stream<WatchRequest, WatchResponse>(watch);
    const abort = () => call.cancel();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      const { start, end } = keys.everything;
      call.write({
        create_request: { key: start, range_end: end, start_revision: after + 1, prev_kv: true, progress_notify: true },
      });
      let reached = after;
      for await (const message of call) {
        const response = message as WatchResponse;
        if (response.canceled) throw refusal(response, after);
        const changes = response.events.map((event) => changeOf(keys, event));
        const last = changes.at(-1);
        // Without events the revision is progress; with them, it may run ahead of what was delivered.
        const revision = last ? Number(last.revision) : response.created ? reached : asNumber(response.header.revision);
        if (!last && revision <= reached) continue;
        reached = Math.max(reached, revision);
        yield { changes: changes.filter((change) => change.key !== ""), revision: reached };
      }
      throw new Fault("unavailable", "etcd ended the watch");
    } catch (error) {
      if (signal.aborted) return;
      if (faultCode(error) !== "compacted") lost();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
      // A cancelled call reports so, to nobody in particular.
      call.on("error", () => {});
      call.cancel();
    }
  }
}

function sizeOf({ value, previous }: Change): number {
  return (value?.byteLength ?? 0) + (previous?.byteLength ?? 0);
}

function refusal(response: WatchResponse, after: number): Fault {
  const compacted = asNumber(response.compact_revision);
  if (compacted > 0) return compactedFault(after, compacted);
  return new Fault("unavailable", `etcd ended the watch: ${response.cancel_reason || "no reason given"}`);
}

function changeOf(keys: EtcdKeys, { type, kv, prev_kv }: WatchResponse["events"][number]): Change {
  return {
    key: keys.decode(kv.key),
    value: type === eventDelete ? null : asBytes(kv.value),
    previous: prev_kv ? asBytes(prev_kv.value) : undefined,
    revision: asRevision(kv.mod_revision),
    created: asRevision(prev_kv?.create_revision ?? kv.create_revision),
  };
}
