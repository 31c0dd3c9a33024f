import type { IncomingHttpHeaders } from "node:http";
import type { PeerCertificate } from "node:tls";
import { StatusError } from "../../machinery/status-error.ts";
import type { UserInfo } from "../exchange.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import type { StaticTokens } from "./token-file.ts";

export interface AuthenticationOptions {
  /** Tokens known from the start, as `--token-auth-file`. */
  readonly tokens?: StaticTokens;
  /** Requests without credentials are the anonymous user. Default true. */
  readonly anonymous?: boolean;
}

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
const authenticated = "system:authenticated";

/** Says who is asking. */
export class Authenticator {
  readonly #options: AuthenticationOptions;
  readonly #accounts: ServiceAccountTokens;

  constructor(options: AuthenticationOptions, accounts: ServiceAccountTokens) {
    this.#options = options;
    this.#accounts = accounts;
  }

  /** The user behind a request. Throws Unauthorized for credentials that are wrong. */
  authenticate(identity: UserInfo | undefined, headers: IncomingHttpHeaders): UserInfo {
    if (identity) return withAuthenticated(identity);
    const token = bearerToken(headers);
    if (token !== undefined) {
      const known = this.token(token);
      if (known) return known.user;
      throw unauthorized();
    }
    if (this.#options.anonymous === false) throw unauthorized();
    return anonymousUser;
  }

  /** The user behind a token; undefined when nobody vouches for it. */
  token(
    token: string,
    audiences?: readonly string[],
  ): { readonly user: UserInfo; readonly audiences: readonly string[] } | undefined {
    const fixed = this.#options.tokens?.get(token);
    if (fixed) {
      const heard = audiences?.length
        ? this.#accounts.audiences.filter((one) => audiences.includes(one))
        : this.#accounts.audiences;
      return heard.length > 0 ? { user: withAuthenticated(fixed), audiences: heard } : undefined;
    }
    if (!this.#accounts.claims(token)) return undefined;
    const account = this.#accounts.authenticate(token, audiences?.length ? audiences : undefined);
    return account && { user: withAuthenticated(account.user), audiences: account.audiences };
  }
}

export function unauthorized(): StatusError {
  return new StatusError("Unauthorized", "Unauthorized");
}

/** The user that a client certificate names: the common name, with the organizations as groups. */
export function certificateUser({ subject }: PeerCertificate): UserInfo | undefined {
  const name = [subject.CN].flat()[0];
  if (!name) return undefined;
  const groups = subject.O === undefined ? [] : [subject.O].flat();
  return { name, groups };
}

function withAuthenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticated) || user.name === anonymousUser.name) return user;
  return { ...user, groups: [...user.groups, authenticated] };
}

// WebSocket clients in browsers cannot set headers and put the token into the protocol list.
function bearerToken({ authorization, "sec-websocket-protocol": protocols }: IncomingHttpHeaders): string | undefined {
  const match = authorization ? /^bearer +(.+)$/i.exec(authorization.trim()) : null;
  if (match?.[1]) return match[1];
  const prefix = "base64url.bearer.authorization.k8s.io.";
  for (const protocol of String(protocols ?? "").split(",")) {
    const text = protocol.trim();
    if (text.startsWith(prefix)) return Buffer.from(text.slice(prefix.length), "base64url").toString();
  }
  return undefined;
}
