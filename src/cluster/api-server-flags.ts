import { Fault } from "../lib/fault.ts";
import { readAuthenticationConfiguration } from "../server/authentication/configuration.ts";
import type { JwtIssuer } from "../server/authentication/oidc.ts";
import type { AuthenticationOptions } from "../server/authentication/open-authenticator.ts";
import type { ServiceAccountOptions } from "../server/authentication/service-account-tokens.ts";
import { parseBasicFile, parseTokenFile } from "../server/authentication/token-file.ts";
import { readAuthorizationConfiguration } from "../server/authorization/configuration.ts";
import type { AuthorizerChoice } from "../server/authorization/open-authorizers.ts";
import type { ApiServerFlags } from "./api-server-flag-names.ts";
import { durationFlag as duration, truthFlag as truth } from "./flag-values.ts";
import { kubeconfigEndpoint } from "./kubeconfig-endpoint.ts";
import { userFile as read } from "./user-file.ts";

/** How users prove who they are, by flags and the files these name. Throws Fault `invalid`. */
export function authenticationFromFlags(flags: ApiServerFlags): AuthenticationOptions {
  const file = flags["authentication-config"];
  if (file && Object.keys(flags).some((name) => name.startsWith("oidc-"))) {
    throw new Fault("invalid", "authentication-config and oidc-* flags are mutually exclusive");
  }
  const structured = file ? readAuthenticationConfiguration(read(file)) : undefined;
  if (structured?.anonymous !== undefined && flags["anonymous-auth"] !== undefined) {
    throw new Fault("invalid", "anonymous-auth cannot be set when authentication-config says who may be anonymous");
  }
  const oidc = oidcIssuer(flags);
  const jwt = structured?.jwt ?? (oidc ? [oidc] : []);
  const anonymous = structured?.anonymous ?? truth(flags, "anonymous-auth");
  const bootstrapTokens = truth(flags, "enable-bootstrap-token-auth");
  const webhook = flags["authentication-token-webhook-config-file"];
  const version = flags["authentication-token-webhook-version"] === "v1" ? "v1" : "v1beta1";
  const cacheTtl = duration(flags, "authentication-token-webhook-cache-ttl", 120_000);
  return {
    ...(flags["token-auth-file"] ? { tokens: parseTokenFile(read(flags["token-auth-file"])) } : {}),
    ...(flags["basic-auth-file"] ? { basic: parseBasicFile(read(flags["basic-auth-file"])) } : {}),
    ...(anonymous === undefined ? {} : { anonymous }),
    ...(bootstrapTokens === undefined ? {} : { bootstrapTokens }),
    ...(jwt.length > 0 ? { jwt } : {}),
    ...(webhook ? { webhook: { endpoint: kubeconfigEndpoint(webhook), version, cacheTtl } } : {}),
  };
}

/** How service accounts' tokens are signed and believed, by flags and the cluster's own key. Throws Fault `invalid`. */
export function serviceAccountsFromFlags(
  flags: ApiServerFlags,
  own: Pick<ServiceAccountOptions, "issuer" | "privateKey">,
): ServiceAccountOptions {
  const signing = flags["service-account-signing-key-file"];
  const believed = flags["service-account-key-file"]?.split(",").map((path) => read(path.trim())) ?? [];
  const audiences = flags["api-audiences"]?.split(",").map((audience) => audience.trim());
  return {
    issuer: flags["service-account-issuer"] ?? own.issuer,
    privateKey: signing ? read(signing) : own.privateKey,
    // The controllers go on signing tokens in Secrets by the cluster's own key.
    publicKeys: signing ? [...believed, own.privateKey] : believed,
    ...(audiences ? { audiences } : {}),
  };
}

/** Who decides about requests, by flags and the files these name; undefined when they say nothing. Throws Fault `invalid`. */
export function authorizationFromFlags(flags: ApiServerFlags): readonly AuthorizerChoice[] | undefined {
  const file = flags["authorization-config"];
  const modes = flags["authorization-mode"];
  if (file && modes) throw new Fault("invalid", "authorization-config and authorization-mode are mutually exclusive");
  if (file) return readAuthorizationConfiguration(read(file), kubeconfigEndpoint);
  return modes?.split(",").map((mode) => authorizerOf(mode.trim(), flags));
}

function authorizerOf(mode: string, flags: ApiServerFlags): AuthorizerChoice {
  switch (mode) {
    case "Node":
    case "RBAC":
    case "AlwaysAllow":
    case "AlwaysDeny":
      return { type: mode };
    case "Webhook": {
      const path = flags["authorization-webhook-config-file"];
      if (!path) throw new Fault("invalid", "authorization-mode Webhook needs authorization-webhook-config-file");
      const webhook = {
        name: "default",
        endpoint: kubeconfigEndpoint(path),
        version: flags["authorization-webhook-version"] === "v1" ? "v1" : "v1beta1",
        timeout: 30_000,
        authorizedTtl: duration(flags, "authorization-webhook-cache-authorized-ttl", 300_000),
        unauthorizedTtl: duration(flags, "authorization-webhook-cache-unauthorized-ttl", 30_000),
        failurePolicy: "NoOpinion",
        matchConditions: [],
      } as const;
      return { type: "Webhook", webhook };
    }
    default:
      throw new Fault("invalid", `authorization-mode ${JSON.stringify(mode)} is none that is known`);
  }
}

function oidcIssuer(flags: ApiServerFlags): JwtIssuer | undefined {
  const url = flags["oidc-issuer-url"];
  const client = flags["oidc-client-id"];
  if (!url && !client) return undefined;
  if (!url || !client) throw new Fault("invalid", "oidc-issuer-url and oidc-client-id must be specified together");
  if (!url.startsWith("https://")) throw new Fault("invalid", `oidc-issuer-url ${JSON.stringify(url)} is no https URL`);
  const claim = flags["oidc-username-claim"] ?? "sub";
  // Names other than addresses are of the issuer only, unless somebody says that they are not.
  const usual = claim === "email" ? "" : `${url}#`;
  const wished = flags["oidc-username-prefix"];
  const groups = flags["oidc-groups-claim"];
  const algorithms = flags["oidc-signing-algs"]?.split(",") ?? ["RS256"];
  const required = flags["oidc-required-claim"]?.split(",") ?? [];
  return {
    issuer: {
      url,
      audiences: [client],
      ...(flags["oidc-ca-file"] ? { certificateAuthority: read(flags["oidc-ca-file"]) } : {}),
    },
    signingAlgorithms: algorithms,
    claimMappings: {
      username: { claim, prefix: wished === "-" ? "" : (wished ?? usual) },
      ...(groups ? { groups: { claim: groups, prefix: flags["oidc-groups-prefix"] ?? "" } } : {}),
    },
    claimValidationRules: required.map((pair) => {
      const [name = "", ...value] = pair.split("=");
      if (name === "" || value.length === 0) throw new Fault("invalid", `oidc-required-claim ${pair} is no key=value`);
      return { claim: name, requiredValue: value.join("=") };
    }),
  };
}
