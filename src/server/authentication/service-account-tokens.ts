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

/** Issues and believes the tokens of service accounts. */
export class ServiceAccountTokens {
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

  /** Whether a token claims to be one of ours; others are not looked at further. */
  claims(token: string): boolean {
    return TokenSigner.issuer(token) === this.issuer;
  }

  /** Who a token speaks for and to whom it is addressed; undefined when it is false, old, or what it is bound to is gone. */
  authenticate(
    token: string,
    wanted: readonly string[] = this.audiences,
  ): { readonly user: UserInfo; readonly audiences: readonly string[] } | undefined {
    const claims = this.#verify(token);
    if (!claims) return undefined;
    const now = this.#clock.now() / 1000;
    if (claims.iss !== this.issuer || !(Number(claims.exp) > now) || Number(claims.nbf ?? 0) > now + 60)
      return undefined;
    const audiences = [claims.aud].flat().filter((audience) => wanted.includes(audience as string)) as string[];
    if (audiences.length === 0) return undefined;

    const details = (claims["kubernetes.io"] ?? {}) as Partial<Record<string, { name: string; uid: string }>> & {
      readonly namespace?: string;
    };
    const { namespace = "", serviceaccount: account, pod, secret, node } = details;
    if (!account || !this.#lives(ServiceAccount, namespace, account)) return undefined;
    if (pod && !this.#lives(Pod, namespace, pod)) return undefined;
    if (secret && !this.#lives(Secret, namespace, secret)) return undefined;
    if (node && !pod && !this.#lives(Node, "", node)) return undefined;
    const extra = {
      "authentication.kubernetes.io/credential-id": [`JTI=${claims.jti}`],
      ...(node
        ? { "authentication.kubernetes.io/node-name": [node.name], "authentication.kubernetes.io/node-uid": [node.uid] }
        : {}),
      ...(pod
        ? { "authentication.kubernetes.io/pod-name": [pod.name], "authentication.kubernetes.io/pod-uid": [pod.uid] }
        : {}),
    };
    const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
    const name = `system:serviceaccount:${namespace}:${account.name}`;
    return { user: { name, uid: account.uid, groups, extra }, audiences };
  }

  #verify(token: string): Claims | undefined {
    const known = this.#verified.get(token);
    if (known) return known;
    const claims = this.signer.verify(token);
    if (!claims) return undefined;
    if (this.#verified.size >= rememberedTokens) this.#verified.clear();
    this.#verified.set(token, claims);
    return claims;
  }

  #lives(kind: KindRef<unknown>, namespace: string, { name, uid }: { name: string; uid: string }): boolean {
    const { cache, resource } = this.#registry.of(kind);
    const { metadata } = cache.get(resource.key(namespace, name))?.object ?? {};
    return metadata?.uid === uid;
  }
}

const sameSet = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((item) => b.includes(item));
