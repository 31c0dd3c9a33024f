import type { TokenRequest } from "../../api/generated/authentication-v1.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";

export interface TokenCacheOptions {
  readonly clock: Clock;
  readonly request: (namespace: string, serviceAccount: string, spec: TokenRequest["spec"]) => Promise<TokenRequest>;
}

interface Held {
  readonly token: string;
  readonly issued: number;
  readonly expires: number;
}

/** A token older than a day, or past four fifths of its life, is asked for anew (as upstream). */
const oldest = 24 * 3_600_000;

/** Tokens of pods' service accounts, kept until it is time for new ones. They stay in memory. */
export class TokenCache {
  readonly #options: TokenCacheOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: TokenCacheOptions) {
    this.#options = options;
  }

  /** A token bound to the pod; `audience` undefined means the API server's own. */
  async get(
    pod: Pod,
    request: { readonly audience: string | undefined; readonly expirationSeconds: number },
  ): Promise<string> {
    const { clock } = this.#options;
    const { namespace, name, uid } = pod.metadata;
    const account = pod.spec.serviceAccountName || "default";
    const key = JSON.stringify([uid, account, request.audience ?? "", request.expirationSeconds]);
    const now = clock.now();
    const held = this.#held.get(key);
    if (held && now < held.issued + Math.min(oldest, (held.expires - held.issued) * 0.8)) return held.token;
    const { status } = await this.#options.request(namespace, account, {
      audiences: request.audience ? [request.audience] : [],
      expirationSeconds: request.expirationSeconds,
      boundObjectRef: { kind: "Pod", apiVersion: "v1", name, uid },
    });
    if (!status?.token)
      throw new Fault("internal", `the API server gave no token for service account ${namespace}/${account}`);
    for (const [other, { expires }] of this.#held) if (expires < now) this.#held.delete(other);
    this.#held.set(key, {
      token: status.token,
      issued: now,
      expires: Date.parse(status.expirationTimestamp ?? "") || now,
    });
    return status.token;
  }
}
