import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "../../src/client/api-client.ts";
import type { Client } from "../../src/client/client.ts";
import { type ClusterConfig, readCluster } from "../../src/cluster/config.ts";
import { containerdAddress } from "../../src/cluster/images.ts";
import { localNodes } from "../../src/cluster/local-nodes.ts";
import { buildImage, busyboxImage } from "../../src/images/build.ts";
import { ensureImported } from "../../src/images/import.ts";
import { Fault } from "../../src/lib/fault.ts";
import { adminTransport } from "../e2e/tools/admin-transport.ts";

const program = fileURLToPath(new URL("../../bin/navarch.js", import.meta.url));
const name = "bench";

/** A cluster with real containers, run by `navarch up` as a person would; forgotten when disposed. */
export interface RealCluster extends AsyncDisposable {
  readonly config: ClusterConfig;
  readonly client: Client;
  /** An image that containerd holds already. */
  readonly image: string;
  /** Milliseconds until `navarch up` said that it is ready. */
  readonly upAfter: number;
}

/** Throws Fault `unavailable` with what the command said when it does not come up. */
export async function startRealCluster(folder: string): Promise<RealCluster> {
  const place = mkdtempSync(join(folder, "navarch-bench-real-"));
  const environment = { ...process.env, NAVARCH_DATA: join(place, "data"), KUBECONFIG: join(place, "kubeconfig") };
  mkdirSync(environment.NAVARCH_DATA, { recursive: true });
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rmSync(place, { recursive: true, force: true }));
  opened.defer(() => ended(navarch(["down", "--wipe", "--name", name], environment)));
  const began = performance.now();
  const up = navarch(["up", "--yes", "--name", name], environment);
  opened.defer(() => {
    up.kill("SIGTERM");
    return ended(up);
  });
  await saysReady(up);
  const upAfter = performance.now() - began;

  const config = readCluster(join(environment.NAVARCH_DATA, name));
  if (!config) throw new Fault("internal", "navarch up left no description of its cluster");
  const busybox = await buildImage(busyboxImage, { cacheDir: join(place, "images") });
  await ensureImported({ address: containerdAddress(localNodes(config)[0]) }, busybox);
  const transport = opened.use(await adminTransport(config));
  const running = opened.move();
  return {
    config,
    client: createClient(transport, { fieldManager: "bench" }),
    image: busybox.name,
    upAfter,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function navarch(args: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [program, ...args], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
}

function saysReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-8000);
      if (said.includes("Ready in")) resolve();
    });
    child.once("exit", (code) => reject(new Fault("unavailable", `navarch up ended with ${code}:\n${said}`)));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.stderr?.resume();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
