import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import { AnswerCache } from "../answer-cache.ts";
import type { UserInfo } from "../exchange.ts";
import type { RemoteEndpoint } from "../webhooks/endpoint.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { TokenAuthenticator, TokenVerdict } from "./token-authenticator.ts";

export interface TokenWebhookOptions {
  readonly endpoint: RemoteEndpoint;
  readonly caller: WebhookCaller;
  readonly version: "v1" | "v1beta1";
  /** How long an answer is believed, in ms; upstream's default is two minutes. */
  readonly cacheTtl: number;
  /** What a webhook vouches for that says nothing about audiences. */
  readonly ownAudiences: readonly string[];
  readonly clock: Clock;
}

const patience = 30_000;
const userAgent = "kube-apiserver";

interface TokenReviewAnswer {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly audiences?: readonly string[];
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: UserInfo["extra"];
    };
  };
}

/** Asks another server whom a token speaks for, by a TokenReview. */
export class TokenWebhook implements TokenAuthenticator {
  readonly #options: TokenWebhookOptions;
  readonly #cache: AnswerCache<TokenVerdict | undefined>;

  constructor(options: TokenWebhookOptions) {
    this.#options = options;
    this.#cache = new AnswerCache({ clock: options.clock, size: 4096 });
  }

  token(token: string, audiences: readonly string[]): Promise<TokenVerdict | undefined> {
    const key = createHash("sha256")
      .update(JSON.stringify([token, audiences]))
      .digest("base64");
    // A server that could not be asked is asked again by the next request.
    return this.#cache.get(
      key,
      () => this.#ask(token, audiences),
      (verdict) => (verdict && "fault" in verdict ? 0 : this.#options.cacheTtl),
    );
  }

  async #ask(token: string, audiences: readonly string[]): Promise<TokenVerdict | undefined> {
    const { caller, endpoint, version } = this.#options;
    let status: TokenReviewAnswer["status"];
    try {
      const review = {
        kind: "TokenReview",
        apiVersion: `authentication.k8s.io/${version}`,
        metadata: {},
        spec: { token, audiences },
        status: { user: {} },
      };
      const answer = await caller.post(endpoint, review, { timeout: patience, userAgent });
      status = (answer as TokenReviewAnswer | undefined)?.status;
    } catch (error) {
      return { fault: errorMessage(error) };
    }
    if (!status?.authenticated) return status?.error ? { fault: status.error } : undefined;
    // A webhook that does not know audiences vouches for the server's own only.
    const meant = status.audiences?.length ? status.audiences : this.#options.ownAudiences;
    const heard = audiences.filter((one) => meant.includes(one));
    if (heard.length === 0) return undefined;
    const { username = "", uid, groups = [], extra } = status.user ?? {};
    return { user: { name: username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }, audiences: heard };
  }
}
