import { follow, type ObjectFeed } from "../feed.ts";
import type { CertificateText } from "./engine.ts";
import type { TlsSecretInput } from "./ingress-input.ts";
import { readTlsSecret } from "./tls-secrets.ts";

/** One Secret's feed, closed when nobody asks for the Secret any more. */
export interface SecretFeed extends AsyncDisposable {
  readonly feed: ObjectFeed<TlsSecretInput>;
}

interface Followed extends AsyncDisposable {
  readonly synced: Promise<void>;
  known: boolean;
  secret: TlsSecretInput | undefined;
  /** What the Secret was read as, so that each version is read once. */
  read: ReturnType<typeof readTlsSecret> | undefined;
}

/** Follows exactly the Secrets that Ingresses name, and no other. */
export class SecretFollower implements AsyncDisposable {
  readonly #open: (namespace: string, name: string) => SecretFeed;
  readonly #changed: () => void;
  readonly #followed = new Map<string, Followed>();
  readonly #closing = new Set<Promise<void>>();

  constructor(open: (namespace: string, name: string) => SecretFeed, changed: () => void) {
    this.#open = open;
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

  /** The good certificates, and what is wrong with the other Secrets. Those that are not known yet are in neither. */
  read(): {
    readonly certificates: ReadonlyMap<string, CertificateText>;
    readonly troubles: ReadonlyMap<string, string>;
  } {
    const certificates = new Map<string, CertificateText>();
    const troubles = new Map<string, string>();
    for (const [key, followed] of this.#followed) {
      if (followed.secret) followed.read ??= readTlsSecret(followed.secret);
      if (!followed.secret) {
        if (followed.known) troubles.set(key, "it does not exist");
      } else if (followed.read && "certificate" in followed.read) certificates.set(key, followed.read.certificate);
      else if (followed.read) troubles.set(key, followed.read.trouble);
    }
    return { certificates, troubles };
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
    const followed: Followed = {
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

  #end(followed: Followed): void {
    const closing: Promise<void> = Promise.resolve(followed[Symbol.asyncDispose]()).finally(() =>
      this.#closing.delete(closing),
    );
    this.#closing.add(closing);
  }
}
