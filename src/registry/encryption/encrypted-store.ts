import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { keyRange } from "../../store/keys.ts";
import type {
  Change,
  Commit,
  Entry,
  KeyRange,
  ReadOptions,
  Revision,
  Snapshot,
  Store,
  Watch,
  WatchBatch,
  Write,
} from "../../store/store.ts";
import { identity, sealedPrefix, type Transformer } from "./transformers.ts";

/** How the values of some keys are kept: the first transformer seals, all of them open. */
export interface EncryptionRule {
  /** Whether a key of the store is meant; the first rule that says so counts. */
  covers(key: string): boolean;
  /** Where all such keys are. */
  readonly ranges: readonly KeyRange[];
  readonly transformers: readonly Transformer[];
}

export interface EncryptedStoreOptions {
  readonly store: Store;
  readonly rules: readonly EncryptionRule[];
  readonly random: Random;
  readonly log: Log;
}

/** A store whose values are kept in another form than they are given. */
export interface EncryptedStore extends Store {
  /** Whether the value of a key is kept in an older form than it would be written in now. */
  isStale(key: string): Promise<boolean>;
  /** Writes every value of the rules' keys anew that is kept in an older form, and says how many. */
  rewriteStale(): Promise<number>;
  /** Takes other rules from now on. */
  use(rules: readonly EncryptionRule[]): void;
}

/** Whether a store may keep values in an older form than it would write them in. */
export function isEncrypted(store: Store): store is EncryptedStore {
  return store instanceof TransformingStore;
}

/** Seals and opens values on their way to and from another store, which stays the caller's to close. */
export function encryptedStore(options: EncryptedStoreOptions): EncryptedStore {
  return new TransformingStore(options);
}

const mark = Buffer.from(sealedPrefix);

class TransformingStore implements EncryptedStore {
  readonly #store: Store;
  readonly #random: Random;
  readonly #log: Log;
  #rules: readonly EncryptionRule[];
  /** What a sealed array holds: an array that this process wrote comes back from watches, and is then known by itself. */
  readonly #opened = new WeakMap<Uint8Array, Uint8Array>();

  constructor({ store, rules, random, log }: EncryptedStoreOptions) {
    this.#store = store;
    this.#rules = rules;
    this.#random = random;
    this.#log = log;
  }

  use(rules: readonly EncryptionRule[]): void {
    this.#rules = rules;
  }

  async read(range: KeyRange, options?: ReadOptions): Promise<Snapshot> {
    const snapshot = await this.#store.read(range, options);
    const at = snapshot.entries.findIndex(({ value }) => isSealed(value));
    return at < 0 ? snapshot : { ...snapshot, entries: snapshot.entries.map((entry) => this.#openEntry(entry)) };
  }

  commit(write: Write): Promise<Commit> {
    const { key, value } = write;
    const transformer = value === null ? undefined : this.#transformers(key)[0];
    const outcome =
      value === null || !transformer || transformer === identity
        ? this.#store.commit(write)
        : this.#store.commit({ ...write, value: this.#seal(transformer, key, value) });
    return outcome.then((commit) =>
      commit.ok || !commit.current ? commit : { ok: false, current: this.#openEntry(commit.current) },
    );
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): Watch {
    return new OpenedWatch(this.#store.watch(range, after, signal), (change) => this.#openChange(change));
  }

  revision(): Promise<Revision> {
    return this.#store.revision();
  }

  compact(revision: Revision): Promise<void> {
    return this.#store.compact(revision);
  }

  async isStale(key: string): Promise<boolean> {
    if (this.#transformers(key).length === 0) return false;
    const { entries } = await this.#store.read(keyRange(key), { limit: 1 });
    const [entry] = entries;
    return entry !== undefined && this.#isOld(key, entry.value);
  }

  async rewriteStale(): Promise<number> {
    let rewritten = 0;
    for (const range of this.#rules.flatMap(({ ranges }) => ranges)) rewritten += await this.#rewrite(range);
    return rewritten;
  }

  async #rewrite(range: KeyRange): Promise<number> {
    let rewritten = 0;
    let { start } = range;
    for (;;) {
      const snapshot = await this.#store.read({ start, end: range.end }, { limit: pageSize });
      for (const { key, value, modified } of snapshot.entries) {
        if (!this.#isOld(key, value)) continue;
        const text = this.#open(key, value);
        // Whoever came first has written it in the new form already.
        if (!isSealed(text) && (await this.commit({ key, value: text, expected: modified })).ok) rewritten += 1;
      }
      const last = snapshot.entries.at(-1);
      if (!snapshot.more || !last) return rewritten;
      start = keyRange(last.key).end;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #transformers(key: string): readonly Transformer[] {
    for (const rule of this.#rules) if (rule.covers(key)) return rule.transformers;
    return nothing;
  }

  #isOld(key: string, value: Uint8Array): boolean {
    const [first] = this.#transformers(key);
    if (!first) return false;
    return first === identity ? isSealed(value) : !startsWith(value, first.prefix);
  }

  #seal(transformer: Transformer, key: string, text: Uint8Array): Uint8Array {
    const sealed = transformer.seal(text, key, this.#random);
    this.#opened.set(sealed, text);
    return sealed;
  }

  /** The text of a value, or the value as it is when it cannot be opened: one damaged object must not hide the others. */
  #open(key: string, value: Uint8Array): Uint8Array {
    if (!isSealed(value)) return value;
    const known = this.#opened.get(value);
    if (known) return known;
    try {
      const transformer = this.#transformers(key).find(({ prefix }) => prefix !== "" && startsWith(value, prefix));
      if (!transformer) throw new Fault("corrupt", `no key of the encryption configuration fits ${key}`);
      const text = transformer.open(value, key);
      this.#opened.set(value, text);
      return text;
    } catch (error) {
      this.#log.error("a value in the store cannot be decrypted", { key, error: errorMessage(error) });
      return value;
    }
  }

  #openEntry(entry: Entry): Entry {
    return isSealed(entry.value) ? { ...entry, value: this.#open(entry.key, entry.value) } : entry;
  }

  #openChange(change: Change): Change {
    const { key, value, previous } = change;
    if (!(value && isSealed(value)) && !(previous && isSealed(previous))) return change;
    return {
      ...change,
      value: value && this.#open(key, value),
      previous: previous && this.#open(key, previous),
    };
  }
}

const pageSize = 500;
const nothing: readonly Transformer[] = [];

/** Whether a value is kept in a form that needs a key. */
export function isSealed(value: Uint8Array): boolean {
  // Objects begin with a brace, so nearly all values are told by their first byte.
  if (value[0] !== mark[0]) return false;
  return startsWith(value, sealedPrefix);
}

function startsWith(value: Uint8Array, prefix: string): boolean {
  if (value.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) if (value[at] !== prefix.charCodeAt(at)) return false;
  return true;
}

/** A watch whose changes are opened as they pass. */
class OpenedWatch implements Watch {
  readonly #inner: Watch;
  readonly #open: (change: Change) => Change;

  constructor(inner: Watch, open: (change: Change) => Change) {
    this.#inner = inner;
    this.#open = open;
  }

  get reached(): Revision {
    return this.#inner.reached;
  }

  prompt(): void {
    this.#inner.prompt();
  }

  // By hand, since a generator would cost every batch of every watch another turn.
  [Symbol.asyncIterator](): AsyncIterator<WatchBatch> {
    const inner = this.#inner[Symbol.asyncIterator]();
    const opened = (result: IteratorResult<WatchBatch>): IteratorResult<WatchBatch> => {
      if (result.done || result.value.changes.length === 0) return result;
      return { done: false, value: { ...result.value, changes: result.value.changes.map(this.#open) } };
    };
    return {
      next: () => inner.next().then(opened),
      return: () => inner.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    };
  }
}
