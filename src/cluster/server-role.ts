import { createServer } from "node:net";
import { systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { openLmdbStore } from "../store/lmdb.ts";
import type { ClusterConfig } from "./config.ts";
import { openControlPlane, storeFolder } from "./control-plane.ts";
import { ensureCredentials } from "./credentials.ts";
import { soleElection } from "./election.ts";
import { openEncryption } from "./encryption.ts";
import { followCredentials, liveCredentials, withLivePair } from "./live-credentials.ts";
import type { Role } from "./role-process.ts";
import { readSchedulerFiles } from "./scheduler-files.ts";

/** Runs the control plane in this process, on the cluster's LMDB store. */
export async function startServerRole(config: ClusterConfig, log: Log, note: (text: string) => void): Promise<Role> {
  const clock = systemClock;
  const random = systemRandom;
  await using opened = new AsyncDisposableStack();
  note("store");
  const files = opened.use(await openLmdbStore({ path: storeFolder(config), clock }));
  const metrics = new Metrics();
  const store = opened.use(openEncryption({ config, store: files, clock, random, log, metrics }));
  const live = liveCredentials(await ensureCredentials(config, { clock, random }));
  const { credentials } = live;
  opened.use(followCredentials(live, config, { clock, random, log }));
  note("API server");
  const scheduling = await readSchedulerFiles(config);
  const election = soleElection(credentials.serviceAccountKey);
  const plane = opened.use(
    await openControlPlane({ config, credentials, store, clock, random, log, metrics, scheduling, election }),
  );
  for (const host of await listenAddresses(config)) {
    try {
      opened.use(
        await plane.server.listen({
          host,
          port: config.apiPort,
          tls: withLivePair({ clientCa: credentials.ca }, () => credentials.apiServer),
        }),
      );
    } catch (error) {
      throw new Fault(
        "in-use",
        `cannot listen on ${host}:${config.apiPort}: ${errorMessage(error)}; choose another port with --api-port`,
        { cause: error },
      );
    }
  }
  log.info("serving", { port: config.apiPort });
  const running = opened.move();
  return { stop: () => running.disposeAsync() };
}

/** Loopback, and the node's own address where this machine has it: pods reach the server there. */
async function listenAddresses(config: ClusterConfig): Promise<readonly string[]> {
  return (await canBind(config.nodeAddress)) ? ["127.0.0.1", config.nodeAddress] : ["127.0.0.1"];
}

function canBind(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host, port: 0 }, () => probe.close(() => resolve(true)));
  });
}
