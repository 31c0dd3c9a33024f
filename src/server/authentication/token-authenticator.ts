import { createHash, timingSafeEqual } from "node:crypto";
import type { UserInfo } from "../exchange.ts";

/** Whom a token speaks for and which of the audiences asked for it is meant for, or why it is refused. */
export type TokenVerdict =
  | { readonly user: UserInfo; readonly audiences: readonly string[] }
  | { readonly fault: string };

type Maybe<T> = T | undefined | Promise<T | undefined>;

/** Knows tokens of one kind. */
export interface TokenAuthenticator {
  /** The verdict on a token for one of these audiences (never none); undefined when the token is not of this kind. */
  token(token: string, audiences: readonly string[]): Maybe<TokenVerdict>;
}

/** Tokens that name no audience are meant for the API server's own. */
export function forAnyAudience(
  own: readonly string[],
  find: (token: string) => Maybe<UserInfo | { readonly fault: string }>,
): TokenAuthenticator {
  const verdict = (
    found: UserInfo | { readonly fault: string } | undefined,
    audiences: readonly string[],
  ): TokenVerdict | undefined => (found === undefined || "fault" in found ? found : { user: found, audiences });
  return {
    token(token, asked) {
      const heard = own.filter((one) => asked.includes(one));
      if (heard.length === 0) return undefined;
      const found = find(token);
      return found instanceof Promise ? found.then((user) => verdict(user, heard)) : verdict(found, heard);
    },
  };
}

/** Compares two secrets in a time that tells nothing about either. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
