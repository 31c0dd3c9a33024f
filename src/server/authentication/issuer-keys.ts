import { request } from "node:https";
import type { createLocalJWKSet, FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from "jose";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";

export interface IssuerOptions {
  readonly url: string;
  /** Where the discovery document is, when that is not below the issuer's URL. */
  readonly discoveryURL?: string;
  /** PEM authorities of the issuer's server; the system's own without. */
  readonly certificateAuthority?: string;
}

type KeySet = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<KeySet>>;

const patience = 10_000;
const longestDocument = 1024 * 1024;
/** A key that is not known is looked for at most so often, in ms: anybody can send tokens that name unknown keys. */
const restBetweenFetches = 10_000;
/** Keys that the issuer has withdrawn count for so long at most, in ms. */
const keysLastFor = 600_000;

/** The keys that an OpenID Connect issuer signs with now, found by discovery and fetched again when they change. */
export class IssuerKeys {
  readonly #options: IssuerOptions;
  readonly #clock: Clock;
  #address: string | undefined;
  #keys: { readonly set: KeySet; readonly at: number } | undefined;
  #fetching: Promise<KeySet> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: IssuerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** The key of a token. Throws when the issuer does not answer, or has no such key. */
  readonly find = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Key> => {
    const now = this.#clock.monotonic();
    const held = this.#keys;
    if (!held || now - held.at > keysLastFor) return (await this.#fetch())(header, token);
    try {
      return await held.set(header, token);
    } catch (error) {
      const { errors } = await import("jose");
      if (!(error instanceof errors.JWKSNoMatchingKey) || now - held.at < restBetweenFetches) throw error;
      return (await this.#fetch())(header, token);
    }
  };

  /** Throws Fault `invalid` and `unavailable` when the issuer does not tell its keys. */
  async ready(): Promise<void> {
    await this.#fetch();
  }

  #fetch(): Promise<KeySet> {
    if (this.#fetching) return this.#fetching;
    const now = this.#clock.monotonic();
    if (now - this.#failedAt < restBetweenFetches) {
      return Promise.reject(new Fault("unavailable", `the issuer ${this.#options.url} could not be asked`));
    }
    this.#fetching = this.#load()
      .then(
        (set) => {
          this.#keys = { set, at: this.#clock.monotonic() };
          return set;
        },
        (error: unknown) => {
          this.#failedAt = this.#clock.monotonic();
          throw error;
        },
      )
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  async #load(): Promise<KeySet> {
    this.#address ??= await this.#discover();
    const document = await this.#get(this.#address);
    const { createLocalJWKSet } = await import("jose");
    return createLocalJWKSet(document as JSONWebKeySet);
  }

  async #discover(): Promise<string> {
    const { url, discoveryURL } = this.#options;
    const address = discoveryURL ?? `${url.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const document = (await this.#get(address)) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
    if (document.issuer !== url) {
      throw new Fault(
        "invalid",
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(document.issuer)}`,
      );
    }
    if (typeof document.jwks_uri !== "string" || !document.jwks_uri.startsWith("https:")) {
      throw new Fault("invalid", `oidc: ${address} names no jwks_uri with https`);
    }
    return document.jwks_uri;
  }

  async #get(url: string): Promise<object> {
    const { certificateAuthority: ca } = this.#options;
    const text = await new Promise<string>((resolve, reject) => {
      const asked = request(url, { ...(ca ? { ca } : {}), headers: { accept: "application/json" } });
      const failed = (error: unknown) =>
        reject(new Fault("unavailable", `oidc: Get ${JSON.stringify(url)}: ${errorMessage(error)}`, { cause: error }));
      const timer = this.#clock.after(patience, () => asked.destroy(new Error("no answer in time")));
      asked.on("error", failed);
      asked.on("close", () => timer[Symbol.dispose]());
      asked.on("response", async (response) => {
        try {
          const parts: Buffer[] = [];
          let length = 0;
          for await (const part of response as AsyncIterable<Buffer>) {
            length += part.length;
            if (length > longestDocument) throw new Error("the answer is too long");
            parts.push(part);
          }
          if (response.statusCode !== 200) throw new Error(`the answer is ${response.statusCode}`);
          resolve(Buffer.concat(parts).toString());
        } catch (error) {
          asked.destroy();
          failed(error);
        }
      });
      asked.end();
    });
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null) return value;
    } catch {
      // told below
    }
    throw new Fault("invalid", `oidc: ${url} answered no JSON object`);
  }
}
