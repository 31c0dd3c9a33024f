import { type Database, open, type RootDatabase } from "lmdb";
import {
  badRecord,
  type Header,
  type RecordHead,
  readCreated,
  readHeader,
  readRecordHead,
  readState,
  readValue,
  type State,
} from "./lmdb-format.ts";
import type { Change, Entry, KeyRange } from "./store.ts";

/** A value of its own buffer, or of a slab that many share when many are read at once. */
type Place = (size: number) => Buffer;

const slabBytes = 64 * 1024;

/**
 * The store's tables in one LMDB environment and the typed ways to read them. All reads are synchronous, and those of
 * one turn of the event loop see one moment of the map, unless `refresh` comes between.
 */
export class Tables {
  readonly root: RootDatabase<Buffer, string>;
  readonly log: Database<Buffer, number>;
  /** Read as the revision that the key is at; the rest of its header is read with `header`. */
  readonly keys: Database<Buffer | number, string>;
  readonly expiries: Database<Buffer, [number, string]>;

  constructor(options: {
    readonly directory: string;
    readonly mapSize: number;
    readonly sync: boolean;
    readonly readOnly: boolean;
  }) {
    this.root = open({
      path: options.directory,
      noSubdir: false,
      encoding: "binary",
      mapSize: options.mapSize,
      maxDbs: 8,
      readOnly: options.readOnly,
      noSync: !options.sync,
      // Committed would not mean flushed, and visible would not mean durable.
      overlappingSync: false,
      // Its own batching leaves rejected promises that nobody holds; the writer makes batches itself.
      eventTurnBatching: false,
      // Read by the addon, though its types do not know them. Pages of 8 KiB waste a third less on objects of 1 to 5 KB
      // than those of 4; a store that exists keeps what it has. Nobody else may read secrets.
      ...{ pageSize: 8192, permissionsMode: 0o600 },
    });
    this.log = this.root.openDB("log", { encoding: "binary" });
    const encoder = { encode: (bytes: Buffer) => bytes, decode: (bytes: Buffer) => bytes.readDoubleLE(0) };
    this.keys = this.root.openDB("keys", { encoding: "binary", ...{ encoder } });
    this.expiries = this.root.openDB("expiries", { encoding: "binary" });
  }

  /** Lets the reads that follow see what was committed last. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  state(): State | undefined {
    const bytes = this.root.getBinaryFast("state");
    return bytes && readState(bytes);
  }

  header(key: string): Header | undefined {
    const bytes = this.keys.getBinaryFast(key);
    return bytes && readHeader(bytes, key);
  }

  /** The present entry of a key. */
  entry(key: string): Entry | undefined {
    const header = this.header(key);
    return header && this.entryAt(key, header.revision, Buffer.allocUnsafeSlow);
  }

  /** The entry of a key as the log has it at a revision. */
  entryAt(key: string, revision: number, place: Place): Entry {
    const bytes = this.log.getBinaryFast(revision);
    if (!bytes) throw badRecord(revision);
    const value = readValue(bytes, revision, place);
    return { key, value, modified: BigInt(revision), created: BigInt(readCreated(bytes)) };
  }

  /** The keys of a range with the revisions they are at, in order. */
  *range({ start, end }: KeyRange): Generator<readonly [string, number]> {
    if (end === "") return;
    const range = this.keys.getRange({ start: start === "" ? undefined : start, end });
    for (const { key, value } of range) yield [key, Number(value)];
  }

  count({ start, end }: KeyRange): number {
    if (end === "") return 0;
    return this.keys.getKeysCount({ start: start === "" ? undefined : start, end });
  }

  /** The log's record of a revision without its value; undefined when there is none any more. */
  head(revision: number): RecordHead | undefined {
    const bytes = this.log.getBinaryFast(revision);
    return bytes && readRecordHead(bytes, revision);
  }

  /** The value that the log has at a revision. */
  value(revision: number): Uint8Array {
    const bytes = this.log.getBinaryFast(revision);
    if (!bytes) throw badRecord(revision);
    return readValue(bytes, revision, Buffer.allocUnsafeSlow);
  }

  /** The change that a revision made, with what was there before. */
  change(revision: number, head: RecordHead): Change {
    return {
      key: head.key,
      value: head.deleted ? null : this.value(revision),
      previous: head.previous === 0 ? undefined : this.value(head.previous),
      revision: BigInt(revision),
      created: BigInt(head.created),
    };
  }
}

/** Places many small values in shared slabs: ten thousand buffers of their own cost more than reading them. */
export function slabs(): Place {
  let slab = Buffer.alloc(0);
  let used = 0;
  return (size) => {
    if (size > slabBytes / 4) return Buffer.allocUnsafeSlow(size);
    if (used + size > slab.length) {
      slab = Buffer.allocUnsafeSlow(slabBytes);
      used = 0;
    }
    used += size;
    return slab.subarray(used - size, used);
  };
}
