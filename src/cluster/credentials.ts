import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { addressIn } from "./address-ranges.ts";
import {
  type CertificateAuthority,
  CertificateFolder,
  type CertificateRequest,
  type CertificateTools,
  createAuthority,
  type KeyPair,
  openAuthority,
  writeSafely,
} from "./certificates.ts";
import type { ClusterConfig } from "./config.ts";
import { type LocalNode, nodeAddresses } from "./local-nodes.ts";

/** Every certificate and key of one cluster, as they lie in its `pki` folder. */
export interface Credentials {
  readonly ca: string;
  /** The authority itself, by which the control plane signs requests. */
  readonly authority: KeyPair;
  /** The authority of proxies in front of API servers, which vouches for nobody else. */
  readonly frontProxyCa: string;
  /** How this API server shows itself to those behind it. */
  readonly frontProxyClient: KeyPair;
  readonly apiServer: KeyPair;
  /** How the API server calls the nodes. */
  readonly kubeletClient: KeyPair;
  /** How the proxies and the name servers of nodes call the API. */
  readonly proxy: KeyPair;
  readonly dns: KeyPair;
  /** How the nodes' own Ingress controllers do. */
  readonly ingress: KeyPair;
  readonly admin: KeyPair;
  /** PEM key that signs service-account tokens. */
  readonly serviceAccountKey: string;
}

/** What one node has of certificates and keys. */
export interface NodeCredentials extends Pick<Credentials, "ca" | "proxy" | "dns" | "ingress"> {
  /** What the node's own HTTPS server shows. */
  readonly kubeletServing: KeyPair;
  /** How the node agent calls the API. */
  readonly node: KeyPair;
}

/** Whom servers behind this one believe about who is asking. */
export const frontProxyName = "front-proxy-client";

/** Where a cluster's certificates lie. */
export function certificateFolder(config: ClusterConfig): CertificateFolder {
  return new CertificateFolder(join(config.dataDir, "pki"));
}

/** The authorities, which stay for the cluster's life, by their names in the folder. */
export const authorityNames: readonly string[] = ["ca", "front-proxy-ca"];

/**
 * Makes what is missing or about to end, and what `renew` names though it is good, and reads the rest. Authorities stay
 * the same for the cluster's life.
 */
export async function ensureCredentials(
  config: ClusterConfig,
  tools: CertificateTools,
  renew: (name: string) => boolean = () => false,
): Promise<Credentials> {
  const folder = certificateFolder(config);
  const pair = await ensureAuthority(folder, "ca", `${config.name}-ca`, tools);
  const frontProxy = await ensureAuthority(folder, "front-proxy-ca", `${config.name}-front-proxy-ca`, tools);
  const authority = openAuthority(pair, tools);
  const make = maker(folder, tools, renew);
  const ensure = (name: string, request: CertificateRequest) => make(name, authority, request);
  const client = (name: string, commonName: string, ...organizations: string[]) =>
    ensure(name, { commonName, organizations, usage: "client" });
  const domain = config.clusterDomain;
  const services = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", `kubernetes.default.svc.${domain}`];
  return {
    ca: pair.cert,
    authority: pair,
    frontProxyCa: frontProxy.cert,
    frontProxyClient: await make("front-proxy-client", openAuthority(frontProxy, tools), {
      commonName: frontProxyName,
      usage: "client",
    }),
    apiServer: await ensure("apiserver", {
      commonName: "kube-apiserver",
      usage: "server",
      names: [
        ...["localhost", ...services, "127.0.0.1", "::1", addressIn(config.serviceRange, 1)],
        ...new Set([config.nodeAddress, addressIn(config.nodeRange, 1)]),
      ],
    }),
    kubeletClient: await client(
      "apiserver-kubelet-client",
      "kube-apiserver-kubelet-client",
      "kubeadm:cluster-admins",
      "system:masters",
    ),
    proxy: await client("kube-proxy", "system:kube-proxy"),
    dns: await client("dns", "system:kube-dns"),
    ingress: await client("ingress", "system:ingress"),
    admin: await client("admin", "kubernetes-admin", "system:masters"),
    serviceAccountKey: ensureSigningKey(join(config.dataDir, "pki", "sa.key")),
  };
}

/** The same for one node of this machine. */
export async function ensureNodeCredentials(
  config: ClusterConfig,
  node: Pick<LocalNode, "name" | "address" | "secondAddress">,
  tools: CertificateTools,
  renew: (name: string) => boolean = () => false,
): Promise<NodeCredentials> {
  const { ca, authority, proxy, dns, ingress } = await ensureCredentials(config, tools);
  const make = maker(certificateFolder(config), tools, renew);
  const by = openAuthority(authority, tools);
  const identity = nodeIdentity(node.name);
  return {
    ca,
    proxy,
    dns,
    ingress,
    kubeletServing: await make(`kubelet-${node.name}`, by, {
      ...identity,
      usage: "server",
      names: [node.name, "localhost", "127.0.0.1", ...nodeAddresses(node)],
    }),
    node: await make(`node-${node.name}`, by, { ...identity, usage: "client" }),
  };
}

/** Who a node is in its certificates. */
export function nodeIdentity(name: string): Pick<CertificateRequest, "commonName" | "organizations"> {
  return { commonName: `system:node:${name}`, organizations: ["system:nodes"] };
}

function maker(folder: CertificateFolder, tools: CertificateTools, renew: (name: string) => boolean) {
  return async (name: string, by: CertificateAuthority, request: CertificateRequest): Promise<KeyPair> => {
    if (!renew(name)) return folder.ensure(name, by, request, tools);
    const issued = await by.issue(request);
    folder.write(name, issued);
    return issued;
  };
}

async function ensureAuthority(
  folder: CertificateFolder,
  name: string,
  commonName: string,
  tools: CertificateTools,
): Promise<KeyPair> {
  const known = folder.read(name);
  if (known) return known;
  const made = await createAuthority(commonName, tools);
  folder.write(name, made);
  return made;
}

function ensureSigningKey(path: string): string {
  if (existsSync(path)) return readFileSync(path, "utf8");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  writeSafely(path, pem, true);
  return pem;
}
