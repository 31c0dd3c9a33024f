import { follow, type ObjectFeed } from "../feed.ts";
import type { TlsSecretInput } from "./ingress-input.ts";
import type { SecretResult } from "./tls-secrets.ts";

/** One Secret's feed, closed when nobody asks for the Secret any more. */
export interface SecretFeed extends AsyncDisposable {
  readonly feed: ObjectFeed<TlsSecretInput>;
}

interface Followed<T> extends AsyncDisposable {
  readonly synced: Promise<void>;
  known: boolean;
  secret: TlsSecretInput | undefined;
  /** What the Secret was read as, so that each version is read once. */
  read: SecretResult<T> | undefined;
}

/** Follows exactly the Secrets that Ingresses name for one purpose, and no other. */
export class SecretFollower<T> implements AsyncDisposable {
  readonly #open: (namespace: string, name: string) => SecretFeed;
  readonly #changed: () => void;
  readonly #read: (secret: TlsSecretInput) => SecretResult<T>;
  readonly #followed = new Map<string, Followed<T>>();
  readonly #closing = new Set<Promise<void>>();

  constructor(
    open: (namespace: string, name: string) => SecretFeed,
    read: (secret: TlsSecretInput) => SecretResult<T>,
    changed: () => void,
  ) {
    this.#open = open;
    this.#read = read;
    this.#changed = changed;
  }

  /** Begins with what is new among the keys (`namespace/name`), ends what is no longer among them. */
  want(keys: ReadonlySet<string>): void {
    for (const [key, followed] of this.#followed) {
      if (keys.has(key)) continue;
      this.#followed.delete(key);
      this.#end(followed);
    }
    for (const key of keys) if (!this.#followed.has(key)) this.#begin(key);
  }

  /** Resolves when each is known to be there or not. */
  async synced(): Promise<void> {
    await Promise.all(Array.from(this.#followed.values(), ({ synced }) => synced));
  }

  /** What the good ones hold, and what is wrong with the other Secrets. Those that are not known yet are in neither. */
  read(): {
    readonly values: ReadonlyMap<string, T>;
    readonly troubles: ReadonlyMap<string, string>;
  } {
    const values = new Map<string, T>();
    const troubles = new Map<string, string>();
    for (const [key, followed] of this.#followed) {
      if (followed.secret) followed.read ??= this.#read(followed.secret);
      if (!followed.secret) {
        if (followed.known) troubles.set(key, "it does not exist");
      } else if (followed.read && "value" in followed.read) values.set(key, followed.read.value);
      else if (followed.read) troubles.set(key, followed.read.trouble);
    }
    return { values, troubles };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.want(new Set());
    await Promise.all(this.#closing);
  }

  #begin(key: string): void {
    const [namespace = "", name = ""] = key.split("/");
    const opened = this.#open(namespace, name);
    const set = (secret: TlsSecretInput | undefined) => {
      followed.secret = secret;
      followed.read = undefined;
      this.#changed();
    };
    const synced = opened.feed.synced().then(
      () => {
        followed.known = true;
        this.#changed();
      },
      () => {}, // closed before
    );
    const followed: Followed<T> = {
      synced,
      known: false,
      secret: undefined,
      read: undefined,
      async [Symbol.asyncDispose]() {
        following[Symbol.dispose]();
        await opened[Symbol.asyncDispose]();
      },
    };
    this.#followed.set(key, followed);
    const following = follow(opened.feed, set, () => set(undefined));
  }

  #end(followed: Followed<T>): void {
    const closing: Promise<void> = Promise.resolve(followed[Symbol.asyncDispose]()).finally(() =>
      this.#closing.delete(closing),
    );
    this.#closing.add(closing);
  }
}
