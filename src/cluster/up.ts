import { rmSync } from "node:fs";
import { createClient } from "../client/api-client.ts";
import type { Client } from "../client/client.ts";
import { httpTransport } from "../client/http-transport.ts";
import type { Transport } from "../client/transport.ts";
import { unlessAborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { type ClusterConfig, writeCluster } from "./config.ts";
import { type Credentials, ensureCredentials } from "./credentials.ts";
import { contextName, installKubeconfig } from "./kubeconfig.ts";
import { ensureLink, removeLink } from "./machine-link.ts";
import { claimProcess } from "./process-lock.ts";
import { roleProcess } from "./supervised-role.ts";
import { startNodes } from "./up-nodes.ts";

/** Runs one phase of a long command under its name; `note` says what it is at. */
export type Phase = <T>(name: string, work: (note: (text: string) => void) => Promise<T>) => Promise<T>;

export interface UpOptions {
  readonly config: ClusterConfig;
  /** The kubeconfig that gets the cluster's context. */
  readonly kubeconfig: string;
  /** The program that starts a role: `main.ts`. */
  readonly program: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly phase: Phase;
  /** Told when a process died and was started again. */
  readonly warn: (text: string) => void;
  /** Aborted by whoever does not want to wait any more: what had been started is ended again. */
  readonly signal: AbortSignal;
}

export interface RunningCluster {
  readonly config: ClusterConfig;
  readonly credentials: Credentials;
  readonly server: string;
  /** Both under the admin's identity. */
  readonly transport: Transport;
  readonly client: Client;
  /** Ends everything and leaves nothing behind but the data. */
  stop(): Promise<void>;
}

/** Starts a cluster's processes in order; on failure, what had been started is ended again. */
export async function startCluster(options: UpOptions): Promise<RunningCluster> {
  const { config, phase, signal } = options;
  await using opened = new AsyncDisposableStack();
  opened.use(claimProcess(config.runDir, "up"));
  opened.defer(() => rmSync(config.runDir, { recursive: true, force: true }));

  const credentials = await phase("certificates", async (note) => {
    writeCluster(config);
    const made = await ensureCredentials(config, options);
    installKubeconfig(options.kubeconfig, accessTo(config, made));
    note(`context ${contextName(config.name)} in ${options.kubeconfig}`);
    return made;
  });
  if (config.runtime === "cri") {
    ensureLink(config);
    opened.defer(() => removeLink(config));
  }

  await phase("control plane", async (note) => {
    const child = roleProcess({ part: "server", args: ["server"] }, { ...options, dataDir: config.dataDir }, note);
    opened.defer(() => child.stop(true));
    await unlessAborted(child.start(), signal);
    note(`https://127.0.0.1:${config.apiPort}`);
  });
  const { cert, key } = credentials.admin;
  const address = `https://127.0.0.1:${config.apiPort}`;
  const transport = opened.use(httpTransport({ server: address, ca: credentials.ca, cert, key }));
  const client = createClient(transport, { fieldManager: "navarch" });

  await startNodes(client, options, opened);
  const running = opened.move();
  return { config, credentials, server: address, transport, client, stop: () => running.disposeAsync() };
}

/** What a kubeconfig needs to reach the cluster as its admin. */
export function accessTo(config: ClusterConfig, credentials: Credentials) {
  return {
    context: contextName(config.name),
    server: `https://127.0.0.1:${config.apiPort}`,
    ca: credentials.ca,
    client: credentials.admin,
  };
}
