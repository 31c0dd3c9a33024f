import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../client/api-client.ts";
import { httpTransport } from "../client/http-transport.ts";
import { signers } from "../controllers/certificates/signer.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { nodeConfiguration, nodeConfigurationFlags } from "../node/configuration.ts";
import { startAgentRole } from "./agent-role.ts";
import {
  type CertificateAuthority,
  CertificateFolder,
  type CertificateTools,
  type KeyPair,
  writeSafely,
} from "./certificates.ts";
import { type NodeCredentials, nodeIdentity } from "./credentials.ts";
import { withKubeletFile } from "./kubelet-flags.ts";
import { followCredentials, liveCredentials } from "./live-credentials.ts";
import { nodeAddresses } from "./local-nodes.ts";
import type { NodeAccess } from "./node-access.ts";
import type { NodeSettings } from "./node-settings.ts";
import { type Flags, knownFlags } from "./part-flags.ts";
import { requestCertificate } from "./requested-certificate.ts";
import type { Role } from "./role-process.ts";

/** A machine that is a node of a cluster elsewhere; kept as JSON in its folder. */
export interface JoinedNode {
  /** What it is called on this machine, as a cluster is. */
  readonly name: string;
  readonly dataDir: string;
  readonly runDir: string;
  readonly settings: NodeSettings;
}

const format = 1;
const patience = 60_000;
const clientName = "node";
const servingName = "kubelet";

const fileOf = (dataDir: string) => join(dataDir, "joined.json");
const folderOf = (dataDir: string) => new CertificateFolder(join(dataDir, "pki"));

/** The joined node kept in a folder; undefined if there is none. Throws `newer-format` and `corrupt`. */
export function readJoinedNode(dataDir: string): JoinedNode | undefined {
  const file = fileOf(dataDir);
  if (!existsSync(file)) return undefined;
  let stored: { readonly format?: number; readonly node?: JoinedNode };
  try {
    stored = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Fault("corrupt", `${file} is damaged (${errorMessage(error)}); forget it with: navarch down --wipe`);
  }
  if ((stored.format ?? 0) > format) {
    throw new Fault("newer-format", `${file} was written by a later Navarch; start it with that version`);
  }
  if (!stored.node) throw new Fault("corrupt", `${file} describes no node; forget it with: navarch down --wipe`);
  return { ...stored.node, dataDir };
}

/** All kubelet flags of a joined node, old and new. Throws Fault `invalid` for those that cannot be meant. */
export function joinedFlags(known: Flags | undefined, given: Flags | undefined): Flags | undefined {
  const flags = knownFlags("kubelet", nodeConfigurationFlags, [known, given]);
  if (flags) nodeConfiguration(withKubeletFile(flags).flags);
  return flags;
}

/** The node with kubelet flags added to those that it has; the same node if none are given. */
export function withKubeletFlags(node: JoinedNode, given: Flags | undefined): JoinedNode {
  const flags = given && joinedFlags(node.settings.kubeletFlags, given);
  return flags ? { ...node, settings: { ...node.settings, kubeletFlags: flags } } : node;
}

/** Keeps what the node is. */
export function writeJoinedNode(node: JoinedNode): void {
  writeSafely(fileOf(node.dataDir), `${JSON.stringify({ format, node }, undefined, 2)}\n`);
}

/** How the node calls its cluster, by what is in its folder. Throws Fault `missing`. */
export function joinedAccess({ dataDir }: Pick<JoinedNode, "dataDir">): KeyPair & { readonly ca: string } {
  const folder = folderOf(dataDir);
  const pair = folder.read(clientName);
  if (!pair) throw new Fault("missing", `${folder.path} has no certificate of the node; join once more`);
  return { ...pair, ca: readFileSync(folder.certPath("ca"), "utf8") };
}

/** Gets a node's first certificates from the cluster: the one it calls with by a token, the other by the first. */
export async function firstCertificates(
  { dataDir, settings }: Pick<JoinedNode, "dataDir" | "settings">,
  { ca, token }: { readonly ca: string; readonly token: string },
  tools: CertificateTools,
): Promise<void> {
  const { server } = settings;
  writeSafely(folderOf(dataDir).certPath("ca"), ca);
  await using joining = httpTransport({ server, ca, token: () => token, userAgent: "navarch-join" });
  const by = requesting(createClient(joining), ca, signers.kubeletClient, tools);
  folderOf(dataDir).write(clientName, await by.issue({ ...nodeIdentity(settings.name), usage: "client" }));
  await ensureJoinedCredentials({ dataDir, settings }, tools);
}

/** Runs the joined node in this process. */
export async function startJoinedNode(
  node: JoinedNode,
  tools: CertificateTools & { readonly log: Log },
  note: (text: string) => void,
): Promise<Role> {
  const { log } = tools;
  // What is good already is used though the cluster does not answer now.
  const live = liveCredentials(await ensureJoinedCredentials(node, { ...tools, renewWithin: 0 }));
  const following = followCredentials(live, () => ensureJoinedCredentials(node, tools), { clock: tools.clock, log });
  const access: NodeAccess = {
    credentials: live.credentials,
    [Symbol.dispose]: () => following[Symbol.dispose](),
  };
  return startAgentRole(node.settings, access, log, note);
}

/** Renews by the cluster what is about to end, and reads the rest. */
export async function ensureJoinedCredentials(
  { dataDir, settings }: Pick<JoinedNode, "dataDir" | "settings">,
  tools: CertificateTools,
): Promise<NodeCredentials> {
  const { server, name } = settings;
  const folder = folderOf(dataDir);
  const { ca, ...current } = joinedAccess({ dataDir });
  await using transport = httpTransport({ server, ca, ...current, userAgent: "navarch-join" });
  const client = createClient(transport);
  const identity = nodeIdentity(name);
  const ensure = (file: string, signerName: string, request: { usage: "client" | "server"; names?: string[] }) =>
    folder.ensure(file, requesting(client, ca, signerName, tools), { ...identity, ...request }, tools);
  const node: KeyPair = await ensure(clientName, signers.kubeletClient, { usage: "client" });
  const kubeletServing = await ensure(servingName, signers.kubeletServing, {
    usage: "server",
    names: [name, ...nodeAddresses(settings)],
  });
  // This node is all that it calls with: to be proxy, name server and Ingress controller, nodes have the rights themselves.
  return { ca, node, kubeletServing, proxy: node, dns: node, ingress: node };
}

/** Issues certificates by asking the cluster for them. */
function requesting(
  client: Parameters<typeof requestCertificate>[0],
  cert: string,
  signerName: string,
  tools: CertificateTools,
): CertificateAuthority {
  return { cert, issue: (request) => requestCertificate(client, { signerName, request, patience }, tools) };
}
