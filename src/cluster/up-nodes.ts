import { rmSync } from "node:fs";
import { Node } from "../api/core/node.ts";
import type { Client } from "../client/client.ts";
import { unlessAborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { isStatus } from "../machinery/status-error.ts";
import { ensureNodeCredentials } from "./credentials.ts";
import { restingFlags } from "./heap-rest.ts";
import { cleanNode } from "./leftovers.ts";
import { keptNodes, type LocalNode, localNodes } from "./local-nodes.ts";
import { ensureNodeNamespace, openNodesToWorld, removeNodeNamespace } from "./node-namespaces.ts";
import { roleProcess } from "./supervised-role.ts";
import type { UpOptions } from "./up.ts";

const readyPatience = 120_000;

/** Starts the nodes of this machine, the first alone and the others side by side; `opened` ends them. */
export async function startNodes(client: Client, options: UpOptions, opened: AsyncDisposableStack): Promise<void> {
  const { config, phase } = options;
  const [first, ...further] = localNodes(config);
  const endFirst = await phase("node", async (note) => {
    const end = await startNode(first, client, options, note);
    opened.defer(end);
    note(`${first.name} at ${first.address}`);
    return end;
  });
  const surplus = keptNodes(config).filter(({ number }) => number > further.length + 1);
  if (further.length === 0 && surplus.length === 0) return;
  await phase("more nodes", async (note) => {
    for (const node of surplus) await forgetNode(client, node, options);
    if (further.length === 0) return;
    opened.use(await openNodesToWorld(config));
    for (const node of further) {
      opened.defer(() => removeNodeNamespace(config, node));
      ensureNodeNamespace(config, node);
    }
    const started = await Promise.allSettled(further.map((node) => startNode(node, client, options, note)));
    opened.defer(async () => {
      // Together with the first: each may have to wait for its pods' grace.
      const ends = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      await Promise.all([endFirst, ...ends].map((end) => end()));
    });
    const failed = started.find((each) => each.status === "rejected");
    if (failed) throw failed.reason;
    note(further.map(({ name, address }) => `${name} at ${address}`).join(", "));
  });
}

/** Resolves when the node is ready, to what ends it; on failure it is ended already. */
async function startNode(
  node: LocalNode,
  client: Client,
  options: UpOptions,
  note: (text: string) => void,
): Promise<() => Promise<void>> {
  const role =
    node.number === 1
      ? { part: "agent", args: ["agent"], flags: restingFlags }
      : {
          part: `agent-${node.number}`,
          args: ["agent", "--node", String(node.number)],
          flags: restingFlags,
          namespace: node.namespace!,
        };
  // The library that makes them is in this process already; the node's would carry it for as long as it lives.
  await ensureNodeCredentials(options.config, node, options);
  const child = roleProcess(role, { ...options, dataDir: options.config.dataDir }, note);
  try {
    await unlessAborted(child.start(), options.signal);
    await nodeReady(client, node.name, options);
  } catch (error) {
    await child.stop(true);
    throw error;
  }
  return () => child.stop(true);
}

/** A node that the cluster had once and is to have no more. */
async function forgetNode(client: Client, node: LocalNode, { config }: UpOptions): Promise<void> {
  await client.delete(Node, { name: node.name }).catch((error) => {
    if (!isStatus(error, "NotFound")) throw error;
  });
  await cleanNode(node);
  removeNodeNamespace(config, node);
  rmSync(node.folder, { recursive: true, force: true });
}

/** Resolves when the node says that it is ready. */
export async function nodeReady(
  client: Client,
  name: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = clock.monotonic() + readyPatience;
  let seen = "it has not registered";
  while (clock.monotonic() < deadline) {
    try {
      const node = await client.get(Node, { name });
      const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
      const fresh = ready?.lastHeartbeatTime && Date.parse(ready.lastHeartbeatTime) > clock.now() - 30_000;
      if (ready?.status === "True" && fresh) return;
      seen = ready?.message ?? seen;
    } catch (error) {
      if (!isStatus(error, "NotFound")) seen = errorMessage(error);
    }
    await clock.sleep(50, signal);
  }
  throw new Fault("timeout", `node ${name} did not become ready within ${readyPatience / 1000} s: ${seen}`);
}
