import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Random, uuid } from "../../lib/random.ts";
import type { KindRef } from "../../machinery/object.ts";
import type { Registry } from "../../registry/registry.ts";
import type { UserInfo } from "../exchange.ts";
import { type Claims, TokenSigner } from "./json-web-token.ts";
import type { TokenAuthenticator, TokenVerdict } from "./token-authenticator.ts";

export interface ServiceAccountOptions {
  readonly issuer: string;
  /** PEM, RSA or P-256. */
  readonly privateKey: string;
  /** Further keys whose tokens are believed, as after a change of keys. */
  readonly publicKeys?: readonly string[];
  /** Default: the issuer. */
  readonly audiences?: readonly string[];
}

/** What a token is bound to; it ends with it. */
export interface BoundObject {
  readonly kind: "Pod" | "Secret" | "Node";
  readonly name: string;
  readonly uid: string;
}

/** A token for this account, and when it stops being good. */
export interface IssueRequest {
  readonly namespace: string;
  readonly account: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly bound?: BoundObject;
  /** Of a token bound to a pod, the node it is on. */
  readonly node?: { readonly name: string; readonly uid: string };
}

/** Kubelets ask for this; clients that never read a token again get a year instead, and are warned in the audit log. */
const kubeletSeconds = 3607;
const longSeconds = 365 * 24 * 3600;
const rememberedTokens = 4096;
/** Until so long after its deletion was asked for, in ms, what a token is bound to still counts, as upstream has it. */
const deletionLeeway = 60_000;
const invalidated: TokenVerdict = { fault: "service account token has been invalidated" };

/** Issues and believes the tokens of service accounts. */
export class ServiceAccountTokens implements TokenAuthenticator {
  readonly audiences: readonly string[];
  readonly issuer: string;
  readonly signer: TokenSigner;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #verified = new Map<string, Claims>();

  constructor(options: ServiceAccountOptions, registry: Registry) {
    this.issuer = options.issuer;
    this.audiences = options.audiences ?? [options.issuer];
    this.signer = new TokenSigner(options);
    this.#registry = registry;
    this.#clock = registry.clock;
    this.#random = registry.random;
  }

  /** Reads the kinds that a token's life hangs on. */
  async start(): Promise<void> {
    await Promise.all([ServiceAccount, Pod, Secret, Node].map((kind) => this.#registry.of(kind).cache.start()));
  }

  issue(request: IssueRequest): { readonly token: string; readonly expires: number } {
    const { namespace, account, audiences, seconds, bound, node } = request;
    const now = Math.floor(this.#clock.now() / 1000);
    const extended = seconds === kubeletSeconds && bound?.kind === "Pod" && sameSet(audiences, this.audiences);
    const private_ = {
      namespace,
      ...(node && bound?.kind === "Pod" ? { node } : {}),
      ...(bound ? { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } } : {}),
      serviceaccount: account,
      ...(extended ? { warnafter: now + seconds } : {}),
    };
    const token = this.signer.sign({
      aud: audiences,
      exp: now + (extended ? longSeconds : seconds),
      iat: now,
      iss: this.issuer,
      jti: uuid(this.#random),
      "kubernetes.io": private_,
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${account.name}`,
    });
    return { token, expires: (now + seconds) * 1000 };
  }

  /** The verdict on a token of our own issuer; what it is bound to must live at every use. */
  token(token: string, wanted: readonly string[]): TokenVerdict | undefined {
    if (TokenSigner.issuer(token) !== this.issuer) return undefined;
    const claims = this.verified(token);
    if (!claims) return { fault: "failed to verify the signature of the service account token" };
    const now = this.#clock.now() / 1000;
    if (!(Number(claims.exp) > now)) return { fault: "service account token has expired" };
    if (Number(claims.nbf ?? 0) > now + 60) return { fault: "service account token is not valid yet" };
    const meant = [claims.aud].flat() as readonly string[];
    const audiences = meant.filter((audience) => wanted.includes(audience));
    if (audiences.length === 0) {
      return { fault: `token audiences ${quoted(meant)} is invalid for the target audiences ${quoted(wanted)}` };
    }

    const details = (claims["kubernetes.io"] ?? {}) as Partial<Record<string, { name: string; uid: string }>> & {
      readonly namespace?: string;
    };
    const { namespace = "", serviceaccount: account, pod, secret, node } = details;
    if (!account || !this.lives(ServiceAccount, namespace, account)) return invalidated;
    if (pod && !this.lives(Pod, namespace, pod)) return invalidated;
    if (secret && !this.lives(Secret, namespace, secret)) return invalidated;
    if (node && !pod && !this.lives(Node, "", node)) return invalidated;
    const extra = {
      "authentication.kubernetes.io/credential-id": [`JTI=${claims.jti}`],
      ...(node
        ? { "authentication.kubernetes.io/node-name": [node.name], "authentication.kubernetes.io/node-uid": [node.uid] }
        : {}),
      ...(pod
        ? { "authentication.kubernetes.io/pod-name": [pod.name], "authentication.kubernetes.io/pod-uid": [pod.uid] }
        : {}),
    };
    return { user: { ...accountUser(namespace, account), extra }, audiences };
  }

  /** The claims of a token that one of our keys signed. */
  verified(token: string): Claims | undefined {
    const known = this.#verified.get(token);
    if (known) return known;
    const claims = this.signer.verify(token);
    if (!claims) return undefined;
    if (this.#verified.size >= rememberedTokens) this.#verified.clear();
    this.#verified.set(token, claims);
    return claims;
  }

  /** Whether this very object is there, and not long on its way out. */
  lives(kind: KindRef<unknown>, namespace: string, { name, uid }: { name: string; uid: string }): boolean {
    const { cache, resource } = this.#registry.of(kind);
    const { metadata } = cache.get(resource.key(namespace, name))?.object ?? {};
    if (!metadata || metadata.uid !== uid) return false;
    return !metadata.deletionTimestamp || Date.parse(metadata.deletionTimestamp) > this.#clock.now() - deletionLeeway;
  }
}

/** The user that a service account is. */
export function accountUser(
  namespace: string,
  { name, uid }: { readonly name: string; readonly uid: string },
): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
  };
}

const quoted = (list: readonly string[]) => `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;

const sameSet = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((item) => b.includes(item));
