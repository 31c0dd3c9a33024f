import type { Log } from "../../lib/log.ts";
import type { Registry } from "../../registry/registry.ts";
import type { RemoteEndpoint } from "../webhooks/endpoint.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import { type AnonymousAccess, Authenticator } from "./authenticator.ts";
import { bootstrapTokens } from "./bootstrap-tokens.ts";
import { FrontProxy, type FrontProxyOptions } from "./client-certificates.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { legacyTokens } from "./legacy-tokens.ts";
import { type JwtIssuer, oidcTokens } from "./oidc.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import { forAnyAudience, type TokenAuthenticator } from "./token-authenticator.ts";
import type { BasicUsers, StaticTokens } from "./token-file.ts";
import { TokenWebhook } from "./webhook-tokens.ts";

/** How users prove who they are; whatever is absent is off. */
export interface AuthenticationOptions {
  /** Tokens known from the start, as `--token-auth-file`. */
  readonly tokens?: StaticTokens;
  /** Names and passwords, as `--basic-auth-file` of clusters before 1.19. */
  readonly basic?: BasicUsers;
  /** Requests without credentials are the anonymous user. Default true. */
  readonly anonymous?: AnonymousAccess;
  /** Secrets of type bootstrap.kubernetes.io/token in kube-system are tokens, as `--enable-bootstrap-token-auth`. */
  readonly bootstrapTokens?: boolean;
  readonly frontProxy?: FrontProxyOptions;
  /** OpenID Connect issuers. */
  readonly jwt?: readonly JwtIssuer[];
  /** A server that is asked last, as `--authentication-token-webhook-config-file`. */
  readonly webhook?: {
    readonly endpoint: RemoteEndpoint;
    /** Default `v1beta1`, as upstream. */
    readonly version?: "v1" | "v1beta1";
    /** Default two minutes. */
    readonly cacheTtl?: number;
  };
}

export interface AuthenticationParts {
  readonly registry: Registry;
  readonly accounts: ServiceAccountTokens;
  readonly caller: WebhookCaller;
  readonly log: Log;
  /** PEM of the authorities of client certificates. */
  readonly clientCa: readonly string[];
}

/** Whoever says who is asking, and the way to let other issuers of OpenID Connect take the place of those before. */
export interface OpenAuthenticator {
  readonly authenticator: Authenticator;
  /** Waits until all of them have told their keys. Throws Fault `invalid` and `unavailable`, and then those before stay. */
  useIssuers(issuers: readonly JwtIssuer[]): Promise<void>;
}

/** Puts together everything that can say who is asking, in upstream's order. Throws Fault `invalid`. */
export function openAuthenticator(options: AuthenticationOptions, parts: AuthenticationParts): OpenAuthenticator {
  const { registry, accounts, caller, log, clientCa } = parts;
  const { clock } = registry;
  const { audiences } = accounts;
  const { tokens, basic, anonymous = true, frontProxy, jwt = [], webhook } = options;
  const authenticators: TokenAuthenticator[] = [];
  if (tokens) authenticators.push(forAnyAudience(audiences, (token) => tokens.get(token)));
  authenticators.push(legacyTokens(accounts, registry, log), accounts);
  if (options.bootstrapTokens) authenticators.push(forAnyAudience(audiences, bootstrapTokens(registry)));
  let issued = oidcTokens(jwt, clock);
  authenticators.push(forAnyAudience(audiences, (token) => issued(token)));
  if (webhook) {
    const { endpoint, version = "v1beta1", cacheTtl = 120_000 } = webhook;
    authenticators.push(new TokenWebhook({ endpoint, version, cacheTtl, caller, ownAudiences: audiences, clock }));
  }
  const authenticator = new Authenticator({
    anonymous,
    clientCa,
    tokens: authenticators,
    audiences,
    clock,
    ...(basic ? { basic } : {}),
    ...(frontProxy ? { frontProxy: new FrontProxy(frontProxy) } : {}),
  });
  return {
    authenticator,
    async useIssuers(issuers) {
      const next = oidcTokens(issuers, clock);
      await Promise.all(issuers.map(({ issuer }) => new IssuerKeys(issuer, clock).ready()));
      issued = next;
    },
  };
}
