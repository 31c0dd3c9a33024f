import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import { load } from "js-yaml";
import { ConfigMap } from "../api/core/config-map.ts";
import { createClient } from "../client/api-client.ts";
import { httpTransport } from "../client/http-transport.ts";
import { detachedSignature } from "../controllers/service-account/bootstrap-signer.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { type BootstrapToken, tokenText } from "./bootstrap-tokens.ts";
import { clusterInfo } from "./cluster-info.ts";
import type { Kubeconfig } from "./kubeconfig.ts";

/** How a machine that joins knows that it speaks with the right cluster. */
export interface DiscoveryOptions {
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  readonly token: BootstrapToken;
  /** `sha256:HEX` of the public keys of authorities that are believed; any if empty. */
  readonly caHashes: readonly string[];
  readonly clock: Clock;
  /** How long the cluster may take to sign with a new token, in ms. */
  readonly patience: number;
}

const lookEvery = 500;

/** What kubeadm calls the hash of an authority: SHA-256 of its public key (DER), as `sha256:HEX`. Takes PEM. */
export function caHash(ca: string): string {
  const key = new X509Certificate(ca).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/**
 * The certificate (PEM) of the cluster's authority, got from an unknown server: it counts because whoever signed it knows
 * the token, and because its key is among the believed ones. Throws Fault `invalid` when it does not count, `unavailable`, or `conflict`.
 */
export async function discoverAuthority(options: DiscoveryOptions): Promise<string> {
  for (const hash of options.caHashes) {
    if (!/^sha256:[0-9a-f]{64}$/.test(hash)) throw new Fault("invalid", `${hash} is not of the form sha256:HEX`);
  }
  const content = await signedContent(options);
  const ca = authorityIn(content);
  if (options.caHashes.length > 0 && !options.caHashes.includes(caHash(ca))) {
    throw new Fault(
      "invalid",
      `the authority of the cluster at ${options.server} has the hash ${caHash(ca)}, which is not the one that was given`,
    );
  }
  // Once more under that authority: what was read before came over a connection that anybody may have answered.
  if ((await read(options.server, { ca })).kubeconfig !== content) {
    throw new Fault("conflict", `${options.server} tells another cluster-info under its own authority`);
  }
  return ca;
}

async function signedContent({ server, token, clock, patience }: DiscoveryOptions): Promise<string> {
  const deadline = clock.monotonic() + patience;
  for (;;) {
    const data = await read(server, { insecure: true });
    const content = data.kubeconfig;
    const signature = data[`jws-kubeconfig-${token.id}`];
    if (content !== undefined && signature !== undefined) {
      if (!sameText(signature, detachedSignature(content, token))) {
        throw new Fault("invalid", `${server} does not know the secret of token ${token.id}`);
      }
      return content;
    }
    if (clock.monotonic() >= deadline) {
      throw new Fault(
        "invalid",
        `could not find a JWS signature in the cluster-info ConfigMap for token ID ${JSON.stringify(token.id)}`,
      );
    }
    await clock.sleep(lookEvery);
  }
}

async function read(
  server: string,
  trust: { readonly ca: string } | { readonly insecure: true },
): Promise<Readonly<Record<string, string>>> {
  await using transport = httpTransport({ server, ...trust, userAgent: "navarch-join" });
  try {
    const { data = {} } = await createClient(transport).get(ConfigMap, clusterInfo, {
      signal: AbortSignal.timeout(15_000),
    });
    return data;
  } catch (error) {
    throw new Fault("unavailable", `${server} does not tell of its cluster: ${errorMessage(error)}`, { cause: error });
  }
}

function authorityIn(content: string): string {
  const { clusters } = load(content) as Kubeconfig;
  const cluster = clusters?.[0]?.cluster as { readonly "certificate-authority-data"?: string } | undefined;
  const ca = Buffer.from(cluster?.["certificate-authority-data"] ?? "", "base64").toString("utf8");
  if (!ca.includes("BEGIN CERTIFICATE")) throw new Fault("invalid", "the cluster-info ConfigMap names no authority");
  return ca;
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** How another machine joins, to be typed there. */
export function joinCommand(server: string, token: BootstrapToken, ca: string): string {
  return `navarch join ${server} --token ${tokenText(token)} --discovery-token-ca-cert-hash ${caHash(ca)}`;
}
