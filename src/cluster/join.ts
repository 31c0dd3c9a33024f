import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { isNodeReady, Node } from "../api/core/node.ts";
import { createClient } from "../client/api-client.ts";
import { httpTransport } from "../client/http-transport.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";
import { isStatus } from "../machinery/status-error.ts";
import { rangesIn } from "./address-ranges.ts";
import { type BootstrapToken, tokenText } from "./bootstrap-tokens.ts";
import { discoverAuthority } from "./discovery.ts";
import { firstCertificates, type JoinedNode, joinedAccess, joinedFlags, writeJoinedNode } from "./joined-node.ts";
import { nodeAddresses } from "./local-nodes.ts";
import { type NodeSettings, nodePortRanges, type SharedNodeSettings } from "./node-settings.ts";
import { readNodeSettings } from "./nodes-config-map.ts";
import type { Flags } from "./part-flags.ts";

export interface JoinOptions {
  /** What the node is called on this machine, as a cluster is. */
  readonly name: string;
  readonly dataDir: string;
  readonly runDir: string;
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  readonly token: BootstrapToken;
  readonly caHashes: readonly string[];
  /** The authority's certificate (PEM); then nothing is discovered. */
  readonly ca?: string;
  readonly nodeName?: string;
  /** Where others reach this machine, with a comma also by the other family; the address that it calls the server from if absent. */
  readonly address?: string;
  readonly zone?: string;
  readonly kubeletPort: number;
  readonly kubeletFlags?: Flags;
  readonly clock: Clock;
  readonly random: Random;
  readonly note: (text: string) => void;
}

/** A new token is signed with at once, or the cluster does not know it. */
const signingPatience = 10_000;

/** Makes this machine a node of a cluster elsewhere, but starts nothing. What was begun and failed can be done again. */
export async function joinCluster(options: JoinOptions): Promise<JoinedNode> {
  const { server, token, clock, dataDir, note } = options;
  const flags = joinedFlags(undefined, options.kubeletFlags);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  note("discovery");
  const ca =
    options.ca ??
    (await discoverAuthority({ server, token, caHashes: options.caHashes, clock, patience: signingPatience }));
  const settings = settingsOf(options, options.address ?? (await ownAddress(server)));
  note(`certificates for ${settings.name} at ${settings.address}`);
  await firstCertificates({ dataDir, settings }, { ca, token: tokenText(token) }, options);
  const shared = await asNode({ dataDir, settings });
  const joined: JoinedNode = {
    name: options.name,
    dataDir,
    runDir: options.runDir,
    settings: {
      ...settings,
      ...shared,
      ...(flags ? { kubeletFlags: flags } : {}),
      nodePortRanges: nodePortRanges([shared.podRange], nodeAddresses(settings)),
    },
  };
  writeJoinedNode(joined);
  return joined;
}

/** What a node is called unless somebody says otherwise: as its machine is. */
export const ownName = (): string => hostname().toLowerCase();

/** What the machine itself says; the rest is for the cluster to tell. */
function settingsOf(options: JoinOptions, addresses: string): NodeSettings {
  const [address = "", secondAddress] = rangesIn(addresses);
  return {
    title: options.name,
    folder: join(options.dataDir, "node"),
    name: options.nodeName ?? ownName(),
    address,
    ...(secondAddress ? { secondAddress } : {}),
    ...(options.zone ? { zone: options.zone } : {}),
    server: options.server,
    kubeletPort: options.kubeletPort,
    runtime: "cri",
    podRange: "",
    serviceRange: "",
    dnsAddress: "",
    clusterDomain: "",
    overlayId: 0,
    nodePortRanges: [],
  };
}

/** What the cluster tells its nodes; first looks whether another machine is the node of that name. */
async function asNode({ dataDir, settings }: Pick<JoinedNode, "dataDir" | "settings">): Promise<SharedNodeSettings> {
  const { name, server } = settings;
  await using transport = httpTransport({ server, ...joinedAccess({ dataDir }), userAgent: "navarch-join" });
  const client = createClient(transport);
  try {
    const node = await client.get(Node, { name });
    if (isNodeReady(node)) {
      throw new Fault(
        "in-use",
        `a Node with name ${JSON.stringify(name)} and status "Ready" already exists in the cluster; delete it, or choose another name with --node-name`,
      );
    }
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
  return await readNodeSettings(client);
}

/** The address by which this machine calls the server. Throws Fault `unavailable` when nobody answers. */
function ownAddress(server: string): Promise<string> {
  const { hostname: host, port } = new URL(server);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port || 443), timeout: 10_000 }, () => {
      const { localAddress = "" } = socket;
      socket.destroy();
      resolve(localAddress);
    });
    const fail = (error: Error) => {
      socket.destroy();
      reject(new Fault("unavailable", `${server} does not answer: ${errorMessage(error)}`, { cause: error }));
    };
    socket.once("error", fail);
    socket.once("timeout", () => fail(new Error("no answer within 10 s")));
  });
}
