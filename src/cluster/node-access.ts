import type { Log } from "../lib/log.ts";
import type { CertificateTools } from "./certificates.ts";
import type { ClusterConfig } from "./config.ts";
import { certificateFolder, ensureNodeCredentials, type NodeCredentials } from "./credentials.ts";
import { followCredentials, liveCredentials } from "./live-credentials.ts";
import type { LocalNode } from "./local-nodes.ts";

/** A node's credentials, always the newest, until disposed. */
export interface NodeAccess extends Disposable {
  readonly credentials: NodeCredentials;
}

/** The credentials of a node on the control plane's machine: they are made by the authority in the cluster's folder. */
export async function localNodeAccess(
  config: ClusterConfig,
  node: LocalNode,
  { clock, random, log }: CertificateTools & { readonly log: Log },
): Promise<NodeAccess> {
  const live = liveCredentials(await ensureNodeCredentials(config, node, { clock, random }));
  // It is the control plane that renews what is common; here that is written only when it is a day late.
  const tools = { clock, random, renewWithin: 29 * 86_400_000 };
  const read = async () =>
    certificateFolder(config).whole ? await ensureNodeCredentials(config, node, tools) : undefined;
  const following = followCredentials(live, read, { clock, log });
  return { credentials: live.credentials, [Symbol.dispose]: () => following[Symbol.dispose]() };
}
