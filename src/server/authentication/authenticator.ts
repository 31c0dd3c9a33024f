import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../lib/clock.ts";
import { StatusError } from "../../machinery/status-error.ts";
import type { ServerRequest, UserInfo } from "../exchange.ts";
import { CertificateRoots, certificateUser, type FrontProxy } from "./client-certificates.ts";
import type { TokenAuthenticator, TokenVerdict } from "./token-authenticator.ts";
import type { BasicUsers } from "./token-file.ts";

/** Who may come without credentials: everybody, nobody, or everybody to some paths only. */
export type AnonymousAccess = boolean | { readonly paths: readonly string[] };

export interface AuthenticatorOptions {
  readonly anonymous: AnonymousAccess;
  /** PEM of the authorities of client certificates. */
  readonly clientCa: readonly string[];
  readonly frontProxy?: FrontProxy;
  readonly basic?: BasicUsers;
  /** Asked in this order. */
  readonly tokens: readonly TokenAuthenticator[];
  /** The API server's own: what a token must be meant for. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

type Credentials = Pick<ServerRequest, "identity" | "certificate" | "headers">;
type Attempt = TokenVerdict | undefined | Promise<TokenVerdict | undefined>;

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
const authenticated = "system:authenticated";

/** Says who is asking: by a front proxy's word, a client certificate, a name and password, or a token. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #roots: CertificateRoots;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#roots = new CertificateRoots(options.clientCa);
  }

  /** Believes client certificates of these authorities (PEM) too. */
  trustClients(pem: readonly string[]): void {
    this.#roots = new CertificateRoots([...new Set([...this.#roots.pem, ...pem])]);
  }

  /** Every authority whose client certificates mean something, for the TLS hand-shake. */
  get authorities(): readonly string[] {
    return [...this.#roots.pem, ...(this.#options.frontProxy?.roots.pem ?? [])];
  }

  /** The user behind a request to a path. Throws Unauthorized for credentials that are wrong. */
  authenticate(request: Credentials, path: string): UserInfo | Promise<UserInfo> {
    if (request.identity) return withAuthenticated(request.identity);
    const connected = this.#byConnection(request);
    if (typeof connected === "object") return withAuthenticated(connected);
    const { authorization } = request.headers;
    const basic = authorization ? this.#basic(authorization) : undefined;
    if (typeof basic === "object") return withAuthenticated(basic);
    const token = bearerToken(request.headers);
    if (token !== undefined) {
      const known = this.token(token);
      return known instanceof Promise ? known.then(believed) : believed(known);
    }
    // Whoever shows credentials that are wrong is told so, and not taken for nobody.
    if (connected !== undefined || basic !== undefined || !this.#anonymousMay(path)) throw unauthorized();
    return anonymousUser;
  }

  /** The verdict on a token that is meant for one of these audiences; without any, for the API server. */
  token(token: string, audiences: readonly string[] = []): Attempt {
    return this.#from(0, token, audiences.length > 0 ? audiences : this.#options.audiences, []);
  }

  // Only a remote authenticator is awaited: most requests are decided in the same turn.
  #from(index: number, token: string, audiences: readonly string[], faults: readonly string[]): Attempt {
    const next = this.#options.tokens[index];
    if (!next) return faults.length > 0 ? { fault: `[${["invalid bearer token", ...faults].join(", ")}]` } : undefined;
    const after = (verdict: TokenVerdict | undefined): Attempt => {
      if (verdict && "user" in verdict) return { ...verdict, user: withAuthenticated(verdict.user) };
      return this.#from(index + 1, token, audiences, verdict ? [...faults, verdict.fault] : faults);
    };
    const verdict = next.token(token, audiences);
    return verdict instanceof Promise ? verdict.then(after) : after(verdict);
  }

  /** The user of a certificate; a text says why it is not believed, undefined that none was shown. */
  #byConnection({ certificate, headers }: Credentials): UserInfo | string | undefined {
    if (!certificate) return undefined;
    const { frontProxy, clock } = this.#options;
    const now = clock.now();
    const told = frontProxy?.user(certificate, headers, now);
    if (typeof told === "object") return told;
    const fault = this.#roots.fault(certificate, now);
    if (!fault) return certificateUser(certificate);
    // A proxy's certificate may be of an authority that vouches for nobody else.
    return frontProxy && told === undefined ? undefined : fault;
  }

  #basic(authorization: string): UserInfo | string | undefined {
    const match = /^basic +(\S+)$/i.exec(authorization.trim());
    const { basic } = this.#options;
    if (!match?.[1] || !basic) return undefined;
    const [, name = "", password = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(match[1], "base64").toString()) ?? [];
    return basic(name, password) ?? "invalid username/password combination";
  }

  #anonymousMay(path: string): boolean {
    const { anonymous } = this.#options;
    return typeof anonymous === "boolean" ? anonymous : anonymous.paths.includes(path);
  }
}

function believed(verdict: TokenVerdict | undefined): UserInfo {
  if (!verdict || !("user" in verdict)) throw unauthorized();
  return verdict.user;
}

export function unauthorized(): StatusError {
  return new StatusError("Unauthorized", "Unauthorized");
}

const completed = new WeakMap<UserInfo, UserInfo>();

// Who asks often is the same user each time, so that what is known of them can be found again.
function withAuthenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticated) || user.name === anonymousUser.name) return user;
  const known = completed.get(user) ?? { ...user, groups: [...user.groups, authenticated] };
  completed.set(user, known);
  return known;
}

const protocolPrefix = "base64url.bearer.authorization.k8s.io.";

/** Headers to put in the place of a client's, null for none, so that whoever stands behind us cannot act as the client. */
export function withheldCredentials(headers: IncomingHttpHeaders): Readonly<Record<string, string | null>> {
  const protocols = headers["sec-websocket-protocol"];
  const offered = String(protocols ?? "").split(",");
  const kept = offered.filter((protocol) => !protocol.trim().startsWith(protocolPrefix)).join(",");
  return {
    authorization: null,
    ...(protocols === undefined ? {} : { "sec-websocket-protocol": kept.trim() === "" ? null : kept.trim() }),
  };
}

// WebSocket clients in browsers cannot set headers and put the token into the protocol list.
function bearerToken({ authorization, "sec-websocket-protocol": protocols }: IncomingHttpHeaders): string | undefined {
  const match = authorization ? /^bearer +(.+)$/i.exec(authorization.trim()) : null;
  if (match?.[1]) return match[1];
  for (const protocol of String(protocols ?? "").split(",")) {
    const text = protocol.trim();
    if (text.startsWith(protocolPrefix)) return Buffer.from(text.slice(protocolPrefix.length), "base64url").toString();
  }
  return undefined;
}
