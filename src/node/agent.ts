import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigMap } from "../api/core/config-map.ts";
import { Pod } from "../api/core/pod.ts";
import { Secret } from "../api/core/secret.ts";
import { Service } from "../api/core/service.ts";
import { ServiceAccount } from "../api/core/service-account.ts";
import type { TokenRequest } from "../api/generated/authentication-v1.ts";
import type { Client, Informers } from "../client/client.ts";
import { createEventRecorder } from "../client/event-recorder.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { Semaphore } from "../lib/semaphore.ts";
import type { KindRef } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import { type NodeCapacity, NodeReporter } from "./node-status.ts";
import type { EnvironmentSources } from "./pods/environment.ts";
import { ImagePulls } from "./pods/image-pulls.ts";
import type { PodServices, Volumes } from "./pods/pod-services.ts";
import { PodWorker } from "./pods/pod-worker.ts";
import { createHooks } from "./probes/hooks.ts";
import { Prober } from "./probes/prober.ts";
import type { Cgroups } from "./runtime/cgroups.ts";
import { ownerOf } from "./runtime/labels.ts";
import type { LogFiles } from "./runtime/log-files.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";
import type { DnsConfig } from "./runtime/sandbox.ts";
import { NodeAccess } from "./server/access.ts";
import { openNodeServer } from "./server/node-server.ts";
import type { ContentSources } from "./volumes/contents.ts";
import { PodVolumes } from "./volumes/pod-volumes.ts";
import { TokenCache } from "./volumes/tokens.ts";

export interface NodeAgentOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly runtime: ContainerRuntime;
  /** Absent where nothing is enforced, as for simulated containers. */
  readonly cgroups?: Cgroups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly nodeName: string;
  readonly address: string;
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
}

/** The node agent, running. Disposing it leaves containers running; `shutDown` ends them first. */
export interface NodeAgent extends AsyncDisposable {
  shutDown(): Promise<void>;
}

/** Sandboxes and containers being started at a time: more only take turns on the machine's cores. */
const startsAtATime = 6;
/** How often volumes are brought up to date. */
const refreshEvery = 60_000;
/** How often everything is looked at, in case that an event was lost. */
const resyncEvery = 60_000;

/** Starts the agent: registers the node, serves its API, and keeps its pods as they are declared. */
export async function openNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { client, informers, runtime, clock, random, log, nodeName } = options;
  const podsFolder = join(options.dataFolder, "pods");
  mkdirSync(podsFolder, { recursive: true, mode: 0o711 });
  mkdirSync(options.logRoot, { recursive: true, mode: 0o755 });
  await using opened = new AsyncDisposableStack();
  const stop = new AbortController();
  opened.defer(() => stop.abort());

  const events = createEventRecorder({ client, clock, random, log, source: { component: "kubelet", host: nodeName } });
  const pods = informers.of(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  const services = informers.of(Service);
  const workers = new Map<string, PodWorker>();

  const prober = opened.use(
    new Prober({ runtime, clock, random, events, onChange: (uid) => workers.get(uid)?.wake() }),
  );
  const tokens = new TokenCache({
    clock,
    request: (namespace, name, spec) => requestToken(client, namespace, name, spec),
  });
  const fetched = fetchers(client);
  const environment = (podIPs: readonly string[]): EnvironmentSources => ({
    ...fetched,
    services: (namespace) =>
      services.list().filter(({ metadata }) => metadata.namespace === namespace || metadata.namespace === "default"),
    podIPs,
    hostIP: options.address,
    nodeName,
    allocatable: options.capacity,
  });
  const contents = (pod: Pod): ContentSources => ({
    ...environment((pod.status?.podIPs ?? []).map(({ ip }) => ip)),
    token: (of, request) => tokens.get(of, request),
  });
  const volumes = new PodVolumes({ folder: podsFolder, sources: contents, clock });
  const shared: PodServices = {
    client,
    runtime,
    volumes,
    probes: prober,
    hooks: createHooks({ runtime, clock }),
    images: new ImagePulls({ runtime, clock, events, secrets: (pod) => pullSecrets(pod, fetched.secret) }),
    cgroups: options.cgroups,
    events,
    clock,
    log,
    startTurns: new Semaphore(startsAtATime),
    nodeName,
    hostIP: options.address,
    clusterDomain: options.clusterDomain,
    podsFolder,
    logRoot: options.logRoot,
    capacityMemory: options.capacity.memory,
    dnsFor: options.dnsFor,
    environment,
  };

  await options.cgroups?.ensureRoot({});
  const reporter = opened.use(new NodeReporter(options));
  await reporter.start();
  await Promise.all([pods.synced(), services.synced()]);

  const look = (pod: Pod) => {
    const known = workers.get(pod.metadata.uid);
    if (known) known.update(pod);
    else {
      const worker = new PodWorker(pod, shared, () => workers.delete(pod.metadata.uid));
      workers.set(pod.metadata.uid, worker);
      worker.wake();
    }
  };
  await removeStrangers(pods.list(), volumes, options);
  opened.use(pods.on({ added: look, updated: look, deleted: (pod) => workers.get(pod.metadata.uid)?.remove() }));
  opened.defer(async () => {
    await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
  });
  const following = followRuntime(runtime, workers, stop.signal, log);
  opened.defer(() => following);
  const timers = [
    every(clock, resyncEvery, stop.signal, async () => {
      for (const worker of workers.values()) worker.wake();
    }),
    every(clock, refreshEvery, stop.signal, async () => {
      for (const worker of workers.values()) {
        if (worker.pod.metadata.deletionTimestamp) continue;
        await volumes
          .refresh(worker.pod)
          .catch((error) => log.debug(`volumes of ${worker.pod.metadata.name}: ${errorMessage(error)}`));
      }
    }),
  ];
  opened.defer(async () => {
    await Promise.all(timers);
  });
  opened.use(
    await openNodeServer({
      ...options,
      hosts: options.listenOn,
      port: options.kubeletPort,
      access: new NodeAccess(client, clock),
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
    async shutDown() {
      const all = [...workers.values()];
      await Promise.all(
        all.map((worker) =>
          worker
            .shutDown()
            .catch((error) => log.warn(`cannot end pod ${worker.pod.metadata.name}: ${errorMessage(error)}`)),
        ),
      );
      await dispose();
      await volumes.detachAll();
      await options.cgroups?.removeAll();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Ends what the runtime has of pods that the API does not know on this node any more. */
async function removeStrangers(
  known: readonly Pod[],
  volumes: Volumes,
  { runtime, log }: NodeAgentOptions,
): Promise<void> {
  const uids = new Set(known.map(({ metadata }) => metadata.uid));
  for (const sandbox of await runtime.listSandboxes()) {
    const { podUid, podName } = ownerOf(sandbox.labels);
    if (podUid === "" || uids.has(podUid)) continue;
    log.info(`ending what is left of pod ${podName}`, { podUid });
    await runtime.stopSandbox(sandbox.id);
    await runtime.removeSandbox(sandbox.id);
  }
  for (const uid of await volumes.list()) if (!uids.has(uid)) await volumes.unmount(uid);
}

async function followRuntime(
  runtime: ContainerRuntime,
  workers: ReadonlyMap<string, PodWorker>,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  try {
    for await (const event of runtime.events(signal)) workers.get(event.podUid)?.wake();
  } catch (error) {
    if (!signal.aborted) log.error(`the runtime's events ended: ${errorMessage(error)}`, { error });
  }
}

async function every(clock: Clock, ms: number, signal: AbortSignal, task: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal).catch(() => {});
    if (!signal.aborted) await task();
  }
}

function fetchers(client: Client): Pick<EnvironmentSources, "configMap" | "secret"> {
  const fetch = async <T>(kind: KindRef<T>, namespace: string, name: string): Promise<T | undefined> => {
    try {
      return await client.get(kind, { namespace, name });
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  };
  return {
    configMap: (namespace, name) => fetch(ConfigMap, namespace, name),
    secret: (namespace, name) => fetch(Secret, namespace, name),
  };
}

async function pullSecrets(pod: Pod, secret: EnvironmentSources["secret"]): Promise<readonly Secret[]> {
  const found = await Promise.all(
    (pod.spec.imagePullSecrets ?? []).map(({ name }) => (name ? secret(pod.metadata.namespace, name) : undefined)),
  );
  return found.filter((each) => each !== undefined);
}

async function requestToken(
  client: Client,
  namespace: string,
  name: string,
  spec: TokenRequest["spec"],
): Promise<TokenRequest> {
  return await client.createSubresource<TokenRequest>(ServiceAccount, { namespace, name }, "token", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec,
  });
}
