import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyPair } from "../../../src/cluster/certificates.ts";
import { type ClusterConfig, type ConfigWishes, planCluster } from "../../../src/cluster/config.ts";
import { type ControlPlane, openControlPlane } from "../../../src/cluster/control-plane.ts";
import { ensureCredentials } from "../../../src/cluster/credentials.ts";
import { installKubeconfig } from "../../../src/cluster/kubeconfig.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { type Log, silentLog } from "../../../src/lib/log.ts";
import { systemRandom } from "../../../src/lib/random.ts";
import type { ServerOptions } from "../../../src/server/api-server.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";

/** A whole control plane without nodes, served over TLS on a free loopback port of this process. */
export interface LiveServer extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly store: Store;
  readonly config: ClusterConfig;
  readonly port: number;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly ca: string;
  readonly admin: KeyPair;
  /** A kubeconfig file of the administrator. */
  readonly kubeconfig: string;
  /** A folder of the test's own, gone when the server is disposed. */
  readonly folder: string;
}

export interface LiveServerOptions {
  /** Stays the caller's to close. Default: a memory store. */
  readonly store?: Store;
  readonly log?: Log;
  /** What the cluster is to be like. */
  readonly wishes?: Partial<ConfigWishes>;
  /** Paths beside the API, as of the store's history. */
  readonly paths?: ServerOptions["paths"];
}

/** Starts a control plane that strangers can talk to; dispose it with `await using`. */
export async function startLiveServer(options: LiveServerOptions = {}): Promise<LiveServer> {
  const clock = systemClock;
  const random = systemRandom;
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "navarch-api-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const planned = planCluster(
    {
      name: "api",
      dataDir: join(folder, "data"),
      apiPort: port,
      runtime: "simulated",
      nodeName: "nowhere",
      ...options.wishes,
    },
    { NAVARCH_DATA: join(folder, "clusters") },
  );
  const config = { ...planned, runDir: join(folder, "run") };
  mkdirSync(config.dataDir, { recursive: true });
  const credentials = await ensureCredentials(config, { clock, random });
  const store = options.store ?? opened.use(openMemoryStore({ clock }));
  const log = options.log ?? silentLog;
  const { paths } = options;
  const plane = opened.use(
    await openControlPlane({ config, credentials, store, clock, random, log, ...(paths ? { paths } : {}) }),
  );
  const { key, cert } = credentials.apiServer;
  opened.use(await plane.server.listen({ host: "127.0.0.1", port, tls: { key, cert, clientCa: credentials.ca } }));
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(folder, "kubeconfig");
  installKubeconfig(kubeconfig, { context: "navarch", server: url, ca: credentials.ca, client: credentials.admin });
  const running = opened.move();
  return {
    plane,
    store,
    config,
    port,
    url,
    ca: credentials.ca,
    admin: credentials.admin,
    kubeconfig,
    folder,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A loopback port that nobody listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
