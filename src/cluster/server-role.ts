import { createServer } from "node:net";
import { systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { addProcessMetrics } from "../lib/process-metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { measuredStore } from "../store/measured.ts";
import { addressIn } from "./address-ranges.ts";
import type { ClusterConfig } from "./config.ts";
import { openControlPlane } from "./control-plane.ts";
import { certificateFolder, ensureCredentials } from "./credentials.ts";
import { electionOf } from "./election.ts";
import { openEncryption } from "./encryption.ts";
import { openClusterStore, usesEtcd } from "./history/cluster-store.ts";
import { HistoryPaths } from "./history/history-paths.ts";
import { followCredentials, liveCredentials, withLivePair } from "./live-credentials.ts";
import type { Role } from "./role-process.ts";
import { readSchedulerFiles } from "./scheduler-files.ts";

/** Runs the control plane in this process, on the cluster's store. */
export async function startServerRole(config: ClusterConfig, log: Log, note: (text: string) => void): Promise<Role> {
  const clock = systemClock;
  const random = systemRandom;
  await using opened = new AsyncDisposableStack();
  note("store");
  const files = opened.use(await openClusterStore(config, { clock, random, log }));
  const metrics = new Metrics();
  addProcessMetrics(metrics, () => clock.now());
  const store = opened.use(openEncryption({ config, store: files, clock, random, log, metrics }));
  const { paths } = opened.use(new HistoryPaths({ config, store: files, clock, random, log }));
  const live = liveCredentials(await ensureCredentials(config, { clock, random }));
  const { credentials } = live;
  const read = async () =>
    certificateFolder(config).whole ? await ensureCredentials(config, { clock, random }) : undefined;
  opened.use(followCredentials(live, read, { clock, log }));
  note("API server");
  const scheduling = await readSchedulerFiles(config);
  const election = electionOf(
    config.controllerFlags ?? {},
    usesEtcd(config) ? undefined : credentials.serviceAccountKey,
  );
  const plane = opened.use(
    await openControlPlane({
      config,
      credentials,
      store: measuredStore(store, { clock, metrics }),
      clock,
      random,
      log,
      metrics,
      scheduling,
      election,
      paths,
    }),
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

/** Loopback, our own address where this machine has it, as pods and nodes here reach the server there, and the advertised one. */
async function listenAddresses({ nodeRange, nodeAddress }: ClusterConfig): Promise<readonly string[]> {
  const own = addressIn(nodeRange, 1);
  const known = new Set(["127.0.0.1", ...((await canBind(own)) ? [own] : [])]);
  return [...known, ...(nodeAddress === own ? [] : [nodeAddress])];
}

function canBind(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host, port: 0 }, () => probe.close(() => resolve(true)));
  });
}
