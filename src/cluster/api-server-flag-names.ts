/** Flags of upstream's API server by their names without dashes in front, as `oidc-issuer-url`. */
export type ApiServerFlags = Readonly<Record<string, string>>;

/** The flags that say who may come in and what they may do. */
export const accessFlags: readonly string[] = [
  "anonymous-auth",
  "authentication-config",
  "authentication-token-webhook-cache-ttl",
  "authentication-token-webhook-config-file",
  "authentication-token-webhook-version",
  "authorization-config",
  "authorization-mode",
  "authorization-webhook-cache-authorized-ttl",
  "authorization-webhook-cache-unauthorized-ttl",
  "authorization-webhook-config-file",
  "authorization-webhook-version",
  "basic-auth-file",
  "enable-bootstrap-token-auth",
  "oidc-ca-file",
  "oidc-client-id",
  "oidc-groups-claim",
  "oidc-groups-prefix",
  "oidc-issuer-url",
  "oidc-required-claim",
  "oidc-signing-algs",
  "oidc-username-claim",
  "oidc-username-prefix",
  "token-auth-file",
];
