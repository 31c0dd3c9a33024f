import type { Secret } from "../api/core/secret.ts";
import { Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";
import type { Draft } from "../machinery/object.ts";
import { timeOf } from "../machinery/times.ts";

/** What a node joins with: `ID.SECRET`, of six and sixteen letters and digits. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
}

/** What is kept of a token beside itself. */
export interface TokenTerms {
  readonly description?: string;
  /** Milliseconds since 1970; absent: it never ends. */
  readonly expires?: number;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
}

export const tokenType = "bootstrap.kubernetes.io/token";
export const tokenNamespace = "kube-system";
/** What a token may be good for. */
export const tokenUsages = ["signing", "authentication"] as const;
/** The group of those who come with a token, as kubeadm calls it. */
export const joiningGroup = "system:bootstrappers:kubeadm:default-node-token";

const letters = "0123456789abcdefghijklmnopqrstuvwxyz";
const usagePrefix = "usage-bootstrap-";

export const tokenText = ({ id, secret }: BootstrapToken): string => `${id}.${secret}`;
export const tokenSecretName = (id: string): string => `bootstrap-token-${id}`;

/** A new token, of the system's randomness. */
export function generateToken(random: Random): BootstrapToken {
  return { id: word(random, 6), secret: word(random, 16) };
}

/** Reads `ID.SECRET`. Throws Fault `invalid`. */
export function parseToken(text: string): BootstrapToken {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text) ?? [];
  if (id && secret) return { id, secret };
  throw new Fault("invalid", `the bootstrap token ${JSON.stringify(text)} is not of the form [a-z0-9]{6}.[a-z0-9]{16}`);
}

/** The id in a token or of itself. Throws Fault `invalid`. */
export function tokenId(text: string): string {
  return /^[a-z0-9]{6}$/.test(text) ? text : parseToken(text).id;
}

/** The Secret by which the cluster knows a token. */
export function tokenSecret(token: BootstrapToken, terms: TokenTerms): Draft<Secret> {
  const data: Record<string, string> = {
    "token-id": token.id,
    "token-secret": token.secret,
    ...(terms.description ? { description: terms.description } : {}),
    ...(terms.expires === undefined ? {} : { expiration: timeOf(terms.expires) }),
    ...(terms.groups.length > 0 ? { "auth-extra-groups": terms.groups.join(",") } : {}),
    ...Object.fromEntries(terms.usages.map((usage) => [`${usagePrefix}${usage}`, "true"])),
  };
  return {
    metadata: { namespace: tokenNamespace, name: tokenSecretName(token.id) },
    type: tokenType,
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]),
    ),
  };
}

/** The token that a Secret holds; undefined for other Secrets. */
export function tokenIn({ metadata, type, data = {} }: Secret): (BootstrapToken & TokenTerms) | undefined {
  const text = (key: string) => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  const [id, secret, expiration, description] = [
    text("token-id"),
    text("token-secret"),
    text("expiration"),
    text("description"),
  ];
  if (type !== tokenType || id === "" || secret === "" || metadata.name !== tokenSecretName(id)) return undefined;
  return {
    id,
    secret,
    ...(description ? { description } : {}),
    ...(expiration ? { expires: Date.parse(expiration) } : {}),
    usages: Object.keys(data)
      .filter((key) => key.startsWith(usagePrefix) && text(key) === "true")
      .map((key) => key.slice(usagePrefix.length))
      .sort(),
    groups: text("auth-extra-groups").split(",").filter(Boolean),
  };
}

function word(random: Random, length: number): string {
  let made = "";
  while (made.length < length) {
    // Bytes beyond the last whole round of letters would make the first ones likelier.
    for (const byte of random.bytes(length)) if (byte < 252 && made.length < length) made += letters[byte % 36];
  }
  return made;
}
