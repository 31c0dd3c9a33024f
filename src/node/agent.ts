import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { Service } from "../api/core/service.ts";
import type { Client, Informers } from "../client/client.ts";
import { createEventRecorder } from "../client/event-recorder.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { PodAdmission } from "./admission/admission.ts";
import { hasAppArmor } from "./admission/app-armor.ts";
import { apiSources, remembering } from "./api-sources.ts";
import { burstableShares } from "./burstable-shares.ts";
import { type NodeConfiguration, nodeConfiguration } from "./configuration.ts";
import { machineSignals } from "./eviction/machine-signals.ts";
import { keptBack } from "./eviction/thresholds.ts";
import { followRuntime } from "./follow-runtime.ts";
import { nodeMeters } from "./node-meters.ts";
import { allocatableOf, extendedOf, type NodeCapacity, NodeReporter } from "./node-status.ts";
import type { EnvironmentSources } from "./pods/environment.ts";
import { ImageAccess } from "./pods/image-access.ts";
import { ImagePulls } from "./pods/image-pulls.ts";
import { NodeRoom, type NodeRoomOptions } from "./pods/node-room.ts";
import type { PodServices } from "./pods/pod-services.ts";
import { apiPods } from "./pods/pod-store.ts";
import { PodWorker } from "./pods/pod-worker.ts";
import { StartTurns } from "./pods/start-turns.ts";
import { pressureOf } from "./pressure.ts";
import { createHooks } from "./probes/hooks.ts";
import { ProbeCounts } from "./probes/probe-counts.ts";
import { Prober } from "./probes/prober.ts";
import { rotateLogs } from "./rotate-logs.ts";
import { cpuSharesOf } from "./runtime/cgroup-math.ts";
import type { Cgroups } from "./runtime/cgroups.ts";
import type { LogFiles } from "./runtime/log-files.ts";
import { meteredRuntime } from "./runtime/metered.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";
import type { DnsConfig } from "./runtime/sandbox.ts";
import { NodeAccess } from "./server/access.ts";
import { NodeFigures } from "./server/node-figures.ts";
import { openNodeServer } from "./server/node-server.ts";
import { endedByShutdown, shutdownPhases } from "./shutdown.ts";
import { isMirror, isStatic } from "./static-pods/static-pod.ts";
import { staticPodsOf } from "./static-pods/static-pods.ts";
import { removeStrangers } from "./strangers.ts";
import { timeLimited } from "./time-limit.ts";
import { LocalFolders } from "./volumes/local-folders.ts";
import { PodVolumes } from "./volumes/pod-volumes.ts";
import { TokenCache } from "./volumes/tokens.ts";

export interface NodeAgentOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly runtime: ContainerRuntime;
  /** Absent where nothing is enforced and nothing has files, as for simulated containers. */
  readonly cgroups?: Cgroups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly nodeName: string;
  /** The node's addresses, the primary one first; at most one of each family. */
  readonly addresses: readonly string[];
  readonly listenOn: readonly string[];
  readonly kubeletPort: number;
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  readonly dataFolder: string;
  readonly logRoot: string;
  readonly logFiles: LogFiles;
  readonly clusterDomain: string;
  readonly capacity: NodeCapacity;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly dnsFor: (pod: Pod) => DnsConfig;
  /** Upstream's values if absent. */
  readonly configuration?: NodeConfiguration;
}

/** The node agent, running. Disposing it leaves containers running; `shutDown` ends them first. */
export interface NodeAgent extends AsyncDisposable {
  shutDown(): Promise<void>;
  /** The machine goes down: ends all pods for good in the time that is configured for it; without such a time does nothing. */
  endPods(): Promise<void>;
}

/** Sandboxes and containers being started at a time: more only take turns on the machine's cores. */
const startsAtATime = 4;
/** How often volumes are brought up to date. */
const refreshEvery = 15_000;
/** How often logs are looked at for their size (as upstream). */
const rotateEvery = 10_000;
/** How long a node that goes down waits to be heard, in ms. */
const lastWordsMs = 2000;
/** How often what belongs to no pod is looked for. */
const strangersEvery = 10_000;
/** How often everything is looked at, in case that an event was lost. */
const resyncEvery = 60_000;

/** Starts the agent on a registered node: serves its API, reports how it is, and keeps its pods as they are declared. */
export async function openNodeAgent(given: NodeAgentOptions): Promise<NodeAgent> {
  const options = {
    ...given,
    client: timeLimited(given.client, given.clock),
    runtime: meteredRuntime(given.runtime, given.metrics, given.clock),
  };
  const { client, informers, clock, random, log, nodeName } = options;
  const { configuration = nodeConfiguration({}) } = options;
  const {
    eviction: { thresholds },
    reserved,
  } = configuration;
  const capacity = { ...options.capacity, pods: configuration.maxPods };
  const allocatable = allocatableOf(capacity, {
    cpu: reserved.cpu,
    memory: reserved.memory + keptBack(thresholds, "memory.available", capacity.memory),
    ephemeralStorage: reserved.ephemeralStorage + keptBack(thresholds, "nodefs.available", capacity.ephemeralStorage),
  });
  await using opened = new AsyncDisposableStack();
  const stop = new AbortController();
  opened.defer(() => stop.abort());
  const events = createEventRecorder({ client, clock, random, log, source: { component: "kubelet", host: nodeName } });
  const workers = new Map<string, PodWorker>();
  const nodes = informers.of(Node, { fieldSelector: `metadata.name=${nodeName}` });
  const node = () => nodes.get({ name: nodeName });
  const { services, volumes, refresh, probeCounts, access } = await servicesOf(
    options,
    configuration,
    { allocatable, extended: () => extendedOf(node()) },
    events,
    workers,
    opened,
  );

  await options.cgroups?.ensureRoot({ cpuShares: cpuSharesOf(allocatable.cpu * 1000) });
  const pods = informers.of(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  const pressure = await pressureOn(options, configuration, events, workers, { ...services, access });
  let closing = false;
  let goingDown = false;
  const admission = new PodAdmission({
    ...services,
    node,
    readNode: () => client.get(Node, { name: nodeName }),
    unsafeSysctls: configuration.unsafeSysctls,
    // Simulated containers are not confined by anything.
    appArmor: options.cgroups === undefined || hasAppArmor(),
    refusals: [
      (pod) => pressure?.eviction.admit(pod),
      () =>
        goingDown ? { reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down." } : undefined,
    ],
    end: async ({ metadata }, sentence, ms) => await workers.get(metadata.uid)?.end(sentence, ms),
    onPreempted: services.meters.preempted,
  });
  const look = (pod: Pod) => {
    if (closing) return;
    const { uid } = pod.metadata;
    const known = workers.get(uid);
    if (known) return known.update(pod);
    const own = { ...services, admission, ...(isStatic(pod) ? { pods: statics.store } : {}) };
    const worker = new PodWorker(pod, own, () => {
      workers.delete(uid);
      // Wanted again while it ended.
      const again = statics.list().find(({ metadata }) => metadata.uid === uid);
      if (again) look(again);
    });
    workers.set(uid, worker);
    worker.wake();
  };
  const gone = ({ metadata }: Pod) => workers.get(metadata.uid)?.remove();
  opened.defer(async () => {
    await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
  });
  const { manifests: settings } = configuration;
  await nodes.synced();
  const statics = opened.use(staticPodsOf({ ...options, settings, pods, changed: look, gone }));
  await statics.start();
  const reporter = opened.use(
    new NodeReporter({
      ...options,
      capacity,
      ...(configuration.statusEvery ? { statusEvery: configuration.statusEvery } : {}),
      pressure: () => pressure?.eviction.conditions ?? [],
      allocatable,
      isClosing: () => goingDown,
    }),
  );
  await reporter.start();
  await Promise.all([pods.synced(), informers.of(Service).synced()]);
  const isKnown = (uid: string) => workers.has(uid) || pods.list().some(({ metadata }) => metadata.uid === uid);
  const clear = () => removeStrangers(isKnown, { ...services, volumes });
  // What a URL that does not answer yet may want must not be ended.
  if (settings.url === undefined) await clear();
  // What the runtime was asked for by an agent that was killed may come up later.
  const keepHouse = async () => {
    if (settings.url !== undefined && !(await untilAborted(statics.complete, stop.signal))) return;
    await every(clock, strangersEvery, stop.signal, () =>
      clear().catch((error) => log.warn(`pods of old are left: ${errorMessage(error)}`)),
    );
  };
  const fromApi = (pod: Pod) => {
    if (!isMirror(pod)) look(pod);
  };
  opened.use(pods.on({ added: fromApi, updated: fromApi, deleted: gone }));
  const tasks = [
    keepHouse(),
    followRuntime(options, (uid) => workers.get(uid)?.wake(), stop.signal),
    pressure?.eviction.run(stop.signal),
    pressure?.images.run(stop.signal),
    every(clock, resyncEvery, stop.signal, async () => {
      for (const worker of workers.values()) worker.wake();
    }),
    every(clock, refreshEvery, stop.signal, () => refresh(workers.values())),
    every(clock, rotateEvery, stop.signal, async () => {
      await rotateLogs({ ...options, policy: configuration.logs }).catch((error) =>
        log.debug(`logs not rotated: ${errorMessage(error)}`),
      );
    }),
  ];
  opened.defer(async () => {
    await Promise.all(tasks);
  });
  opened.use(
    await openNodeServer({
      ...options,
      hosts: options.listenOn,
      port: options.kubeletPort,
      access: new NodeAccess(client, clock),
      probeCounts,
      volumes,
      shownConfiguration: configuration.shown,
      figures: new NodeFigures({ clock, dataFolder: options.dataFolder }),
      localFolders: new LocalFolders(join(options.dataFolder, "local-path")),
      pods: () => [...workers.values()].map(({ pod }) => pod),
    }),
  );

  const running = opened.move();
  const dispose = async () => {
    stop.abort();
    await running.disposeAsync();
    await events.flush();
  };
  return {
    async endPods() {
      const times = configuration.shutdown;
      if (times.all === 0) return;
      goingDown = true;
      const told = reporter.report().catch((error) => log.warn(`shutdown not told: ${errorMessage(error)}`));
      await Promise.race([told, clock.sleep(lastWordsMs)]);
      const pods = [...workers.values()].map(({ pod }) => pod);
      for (const phase of shutdownPhases(pods, times)) {
        const ending = phase.pods.map((pod) =>
          workers.get(pod.metadata.uid)?.end(endedByShutdown(pod, phase.within), phase.within),
        );
        await Promise.all(ending);
      }
    },
    async shutDown() {
      closing = true;
      const ending = [...workers.values()].map((worker) =>
        worker
          .shutDown()
          .catch((error) => log.warn(`cannot end pod ${worker.pod.metadata.name}: ${errorMessage(error)}`)),
      );
      await Promise.all(ending);
      await dispose();
      await volumes.detachAll();
      await options.cgroups?.removeAll();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Who keeps this machine from filling up, after a first look at it; nobody where nothing of it is used. */
async function pressureOn(
  options: NodeAgentOptions,
  configuration: NodeConfiguration,
  events: PodServices["events"],
  workers: ReadonlyMap<string, PodWorker>,
  { podsFolder, access }: Pick<PodServices, "podsFolder"> & { readonly access: ImageAccess },
) {
  const { cgroups, log } = options;
  if (!cgroups) return undefined;
  const source = machineSignals({ ...options, cgroups, podsFolder });
  const pressure = pressureOf({
    ...options,
    source,
    configuration,
    events,
    workers,
    onImages: (ids) => access.keepOnly(ids),
  });
  await pressure.eviction.observe().catch((error) => log.warn(`eviction: ${errorMessage(error)}`));
  return pressure;
}

/** What pod workers share, put together. */
async function servicesOf(
  options: NodeAgentOptions,
  configuration: NodeConfiguration,
  { allocatable, extended }: Pick<NodeRoomOptions, "allocatable" | "extended">,
  events: PodServices["events"],
  workers: ReadonlyMap<string, PodWorker>,
  opened: AsyncDisposableStack,
) {
  const { client, informers, runtime, clock, log, nodeName, dataFolder, logRoot } = options;
  const podsFolder = join(dataFolder, "pods");
  mkdirSync(podsFolder, { recursive: true, mode: 0o711 });
  mkdirSync(logRoot, { recursive: true, mode: 0o755 });
  const api = apiSources(client);
  const remembered = remembering(api);
  const all = informers.of(Service);
  const environment = (podIPs: readonly string[]): EnvironmentSources => ({
    ...api,
    services: (namespace) => [...all.list(namespace), ...(namespace === "default" ? [] : all.list("default"))],
    podIPs,
    hostIPs: options.addresses,
    nodeName,
    allocatable,
  });
  const probeCounts = new ProbeCounts();
  const tokens = new TokenCache({ clock, request: api.token });
  const volumes = new PodVolumes({
    folder: podsFolder,
    memoryFolder: join(dataFolder, "memory"),
    sources: (pod, { fresh }) => ({
      ...environment((pod.status?.podIPs ?? []).map(({ ip }) => ip)),
      ...(fresh ? {} : remembered),
      token: (of, request) => tokens.get(of, request),
      trustBundles: api.trustBundles,
    }),
    claimed: api.claimed,
    clock,
    dry: options.cgroups === undefined,
  });
  const shares = options.cgroups && burstableShares(options.cgroups, () => room.cpuOf("Burstable"), log);
  const room: NodeRoom = new NodeRoom({
    allocatable,
    ...(extended ? { extended } : {}),
    onGranted: (uid) => workers.get(uid)?.wake(),
    ...(shares ? { onChanged: shares } : {}),
  });
  const access = new ImageAccess({
    file: join(dataFolder, "image-access.json"),
    verification: configuration.imageVerification,
  });
  const services: Omit<PodServices, "admission"> = {
    pods: apiPods(client),
    runtime,
    volumes,
    probes: opened.use(
      new Prober({ runtime, clock, events, counts: probeCounts, onChange: (uid) => workers.get(uid)?.wake() }),
    ),
    hooks: createHooks({ runtime, clock, events }),
    images: new ImagePulls({
      ...{ runtime, clock, events, access, secrets: api.pullSecrets },
      parallel: configuration.parallelPulls,
    }),
    room,
    meters: nodeMeters(options.metrics),
    cgroups: options.cgroups,
    ...(configuration.podPids ? { podPids: configuration.podPids } : {}),
    events,
    clock,
    log,
    startTurns: new StartTurns(startsAtATime),
    logFiles: options.logFiles,
    runtimeName: (await runtime.version()).name,
    hostIPs: options.addresses,
    clusterDomain: options.clusterDomain,
    podsFolder,
    logRoot,
    capacityMemory: options.capacity.memory,
    dnsFor: options.dnsFor,
    environment,
    handlerFor: api.handler,
  };
  const refresh = async (each: Iterable<PodWorker>) => {
    remembered.forget();
    for (const worker of each) {
      await worker
        .refreshVolumes()
        .catch((error) => log.debug(`volumes of ${worker.pod.metadata.name}: ${errorMessage(error)}`));
    }
  };
  return { services, volumes, refresh, probeCounts, access };
}

/** Resolves with whether the promise was kept before the signal. */
function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(false), { once: true });
    void promise.then(() => resolve(true));
  });
}

async function every(clock: Clock, ms: number, signal: AbortSignal, task: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal).catch(() => {});
    if (!signal.aborted) await task();
  }
}
