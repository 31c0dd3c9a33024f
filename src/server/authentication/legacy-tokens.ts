import { Secret } from "../../api/core/secret.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject, wholeObject } from "../../registry/update.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { TokenSigner } from "./json-web-token.ts";
import { accountUser, type ServiceAccountTokens } from "./service-account-tokens.ts";
import { forAnyAudience, sameSecret, type TokenAuthenticator } from "./token-authenticator.ts";

/** The issuer of the tokens that stand in Secrets and never end by themselves. */
export const legacyIssuer = "kubernetes/serviceaccount";
const lastUsed = "kubernetes.io/legacy-token-last-used";
const invalidSince = "kubernetes.io/legacy-token-invalid-since";
const claim = (name: string) => `kubernetes.io/serviceaccount/${name}`;

/** The claims of a token that stands in a Secret of type kubernetes.io/service-account-token. */
export function legacyClaims(
  namespace: string,
  secret: string,
  account: { readonly name: string; readonly uid: string },
): Readonly<Record<string, string>> {
  return {
    iss: legacyIssuer,
    [claim("namespace")]: namespace,
    [claim("secret.name")]: secret,
    [claim("service-account.name")]: account.name,
    [claim("service-account.uid")]: account.uid,
    sub: `system:serviceaccount:${namespace}:${account.name}`,
  };
}

/** Believes such tokens while their Secret holds them and their account lives; the Secret tells the day of the last use. */
export function legacyTokens(accounts: ServiceAccountTokens, registry: Registry, log: Log): TokenAuthenticator {
  const secrets = registry.of(Secret);
  const noteUse = (secret: Secret) => {
    const today = new Date(registry.clock.now()).toISOString().slice(0, 10);
    const { namespace, name, labels } = secret.metadata;
    if (labels?.[lastUsed] === today) return;
    updateObject(secrets, {
      namespace,
      name: name ?? "",
      dryRun: false,
      rules: wholeObject(secrets.resource),
      change: ({ object }) => {
        const metadata = { ...object.metadata, labels: { ...object.metadata.labels, [lastUsed]: today } };
        return { ...object, metadata } as AnyObject;
      },
    }).catch((error: unknown) => log.debug(`a token's use was not written down: ${errorMessage(error)}`));
  };
  return forAnyAudience(accounts.audiences, (token) => {
    if (TokenSigner.issuer(token) !== legacyIssuer) return undefined;
    const claims = accounts.verified(token);
    if (!claims) return { fault: "failed to verify the signature of the service account token" };
    const text = (name: string) => String(claims[claim(name)] ?? "");
    const namespace = text("namespace");
    const account = { name: text("service-account.name"), uid: text("service-account.uid") };
    const user = accountUser(namespace, account);
    if (claims.sub !== user.name) return { fault: "sub claim is invalid" };
    const secret = objectOf<Secret>(secrets.cache.get(secrets.resource.key(namespace, text("secret.name"))));
    const held = Buffer.from(secret?.data?.token ?? "", "base64").toString();
    if (!secret || secret.metadata.deletionTimestamp || !sameSecret(held, token)) {
      return { fault: "service account token has been invalidated" };
    }
    const since = secret.metadata.labels?.[invalidSince];
    if (since)
      return {
        fault: `the token in secret ${namespace}/${secret.metadata.name} for service account ${namespace}/${account.name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSince}' label from the secret to temporarily allow use of this token`,
      };
    if (!accounts.lives(ServiceAccount, namespace, account)) {
      return { fault: "service account token has been invalidated" };
    }
    noteUse(secret);
    return user;
  });
}
