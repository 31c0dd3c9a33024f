import { createHmac } from "node:crypto";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Secret } from "../../api/core/secret.ts";
import { defineController, done, watches } from "../framework/controller.ts";

const bootstrapType = "bootstrap.kubernetes.io/token";
const tokensIn = "kube-system";
const tokenPrefix = "bootstrap-token-";
const place = { namespace: "kube-public", name: "cluster-info" };
const published = { fieldSelector: `metadata.name=${place.name},metadata.namespace=${place.namespace}` };
const signaturePrefix = "jws-kubeconfig-";

/**
 * Signs the kubeconfig of ConfigMap kube-public/cluster-info with every token that nodes may join with, so that who has a
 * token knows that the cluster has it too. https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
 */
export const bootstrapSigner = defineController({
  name: "bootstrap-signer",
  serviceAccount: "bootstrap-signer",
  for: Secret,
  watches: [watches(ConfigMap, () => [{ namespace: tokensIn, name: tokenPrefix }], published)],
  workers: 1,
  async reconcile({ namespace, name }, { cache, client, clock }) {
    if (namespace !== tokensIn || !name.startsWith(tokenPrefix)) return done;
    const info = cache.informer(ConfigMap, published).get(place);
    const content = info?.data?.kubeconfig;
    if (!info?.data || content === undefined) return done;
    const plain = Object.entries(info.data).filter(([key]) => !key.startsWith(signaturePrefix));
    const signatures = cache.list(Secret, tokensIn).flatMap((secret) => {
      const token = signingToken(secret, clock.now());
      return token ? [[`${signaturePrefix}${token.id}`, detachedSignature(content, token)] as const] : [];
    });
    const data: Readonly<Record<string, string>> = Object.fromEntries([...plain, ...signatures]);
    const before = info.data;
    const same = Object.keys(before).length === Object.keys(data).length;
    if (same && Object.entries(data).every(([key, value]) => before[key] === value)) return done;
    await client.update(ConfigMap, { ...info, data });
    return done;
  },
});

interface Token {
  readonly id: string;
  readonly secret: string;
}

/** The token of a Secret; undefined if there is none that may sign now. */
export function signingToken({ metadata, type, data }: Secret, now: number): Token | undefined {
  const text = (key: string) => Buffer.from(data?.[key] ?? "", "base64").toString();
  const [id, secret, expiration] = [text("token-id"), text("token-secret"), text("expiration")];
  if (type !== bootstrapType || metadata.deletionTimestamp || metadata.name !== `${tokenPrefix}${id}`) return undefined;
  if (!id || !secret || text("usage-bootstrap-signing") !== "true") return undefined;
  // A time that makes no sense has come.
  if (expiration && !(Date.parse(expiration) > now)) return undefined;
  return { id, secret };
}

/** A JWS (RFC 7515) with HMAC-SHA256 whose payload is left out, as appendix F has it. */
export function detachedSignature(content: string, { id, secret }: Token): string {
  const header = Buffer.from(JSON.stringify({ alg: "HS256", kid: id })).toString("base64url");
  const signed = `${header}.${Buffer.from(content).toString("base64url")}`;
  return `${header}..${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
