import type { Flags } from "./part-flags.ts";

/** Flags of upstream's API server, as `oidc-issuer-url`. */
export type ApiServerFlags = Flags;

/** The flags that say who may come in and what they may do. */
export const accessFlags: readonly string[] = [
  "admission-control-config-file",
  "anonymous-auth",
  "api-audiences",
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
  "disable-admission-plugins",
  "enable-admission-plugins",
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
  "proxy-client-cert-file",
  "proxy-client-key-file",
  "requestheader-allowed-names",
  "requestheader-client-ca-file",
  "requestheader-extra-headers-prefix",
  "requestheader-group-headers",
  "requestheader-uid-headers",
  "requestheader-username-headers",
  "service-account-issuer",
  "service-account-key-file",
  "service-account-signing-key-file",
  "token-auth-file",
];

/** The flags that protect the server and what it keeps. */
export const protectionFlags: readonly string[] = [
  "audit-log-maxage",
  "audit-log-maxbackup",
  "audit-log-maxsize",
  "audit-log-path",
  "audit-policy-file",
  "audit-webhook-batch-buffer-size",
  "audit-webhook-batch-max-size",
  "audit-webhook-batch-max-wait",
  "audit-webhook-config-file",
  "audit-webhook-initial-backoff",
  "encryption-provider-config",
  "encryption-provider-config-automatic-reload",
  "max-mutating-requests-inflight",
  "max-requests-inflight",
  "request-timeout",
  "strict-transport-security-directives",
];

/** The flags that say where the data lies. */
export const storeFlags: readonly string[] = [
  "etcd-cafile",
  "etcd-certfile",
  "etcd-keyfile",
  "etcd-prefix",
  "etcd-servers",
];

/** The flags that say what is served and done other than usual. */
export const switchFlags: readonly string[] = ["feature-gates", "runtime-config"];
