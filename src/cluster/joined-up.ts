import { rmSync } from "node:fs";
import { createClient } from "../client/api-client.ts";
import { httpTransport } from "../client/http-transport.ts";
import { unlessAborted } from "../lib/abort.ts";
import { restingFlags } from "./heap-rest.ts";
import { type JoinedNode, joinedAccess } from "./joined-node.ts";
import { claimProcess } from "./process-lock.ts";
import { roleProcess, type Supervisor } from "./supervised-role.ts";
import type { Phase } from "./up.ts";
import { nodeReady } from "./up-nodes.ts";

export interface JoinedRunOptions extends Omit<Supervisor, "dataDir"> {
  readonly phase: Phase;
  /** Aborted by whoever does not want to wait any more. */
  readonly signal: AbortSignal;
}

/** Runs a node that has joined, until stopped; then its containers are gone too, and its data stays. */
export async function runJoinedNode(
  node: JoinedNode,
  options: JoinedRunOptions,
): Promise<{ readonly stop: () => Promise<void> }> {
  const { dataDir, runDir, settings } = node;
  await using opened = new AsyncDisposableStack();
  opened.use(claimProcess(runDir, "up"));
  opened.defer(() => rmSync(runDir, { recursive: true, force: true }));
  await options.phase("node", async (note) => {
    const role = { part: "agent", args: ["agent", "--joined"], flags: restingFlags };
    const child = roleProcess(role, { ...options, dataDir }, note);
    opened.defer(() => child.stop(true));
    await unlessAborted(child.start(), options.signal);
    await using transport = httpTransport({ server: settings.server, ...joinedAccess(node), userAgent: "navarch" });
    await nodeReady(createClient(transport), settings.name, options);
    note(`${settings.name} at ${settings.address}`);
  });
  const running = opened.move();
  return { stop: () => running.disposeAsync() };
}
