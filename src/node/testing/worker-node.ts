import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { ContainerStatus, PodSpec, PodStatus } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { seededRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { PodAdmission } from "../admission/admission.ts";
import { nodeMeters } from "../node-meters.ts";
import { extendedOf } from "../node-status.ts";
import { ImageAccess } from "../pods/image-access.ts";
import { ImagePulls } from "../pods/image-pulls.ts";
import { NodeRoom, type Refusal } from "../pods/node-room.ts";
import type { Hooks, PodServices, Probes } from "../pods/pod-services.ts";
import { apiPods } from "../pods/pod-store.ts";
import { PodWorker } from "../pods/pod-worker.ts";
import { StartTurns } from "../pods/start-turns.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { SimulatedRuntime, type SimulatedRuntimeOptions } from "../runtime/simulated.ts";
import type { SimulatedBehaviour } from "../runtime/simulated-behaviour.ts";
import { MemoryLogs } from "../runtime/simulated-logs.ts";
import { FakeApi } from "./fake-api.ts";
import { dawn, samplePod } from "./samples.ts";

export interface Given {
  readonly behaviour?: Readonly<Record<string, SimulatedBehaviour>>;
  readonly pull?: SimulatedRuntimeOptions["pull"];
  readonly probes?: Partial<Probes>;
  readonly hooks?: Hooks;
  readonly mount?: PodServices["volumes"]["mount"];
  readonly appArmor?: boolean;
  /** Why a pod must not begin for now. */
  readonly refusal?: (pod: Pod) => Refusal | undefined;
  /** What the agent has heard of its node; all that the API knows if absent. */
  readonly staleNode?: () => Node;
}

/** A node with a simulated runtime, a make-believe API and virtual time, and what happens on it. Closes with the test that opened it. */
export function openNode(given: Given = {}) {
  const directory = mkdtempSync(join(tmpdir(), "nvagt-worker-"));
  const clock = new VirtualClock(dawn);
  const api = new FakeApi({ clock });
  const images = ["registry.test/app:1", "registry.test/app:2"];
  const runtime = new SimulatedRuntime({
    clock,
    random: seededRandom(2),
    images,
    logs: new MemoryLogs(),
    behaviour: ({ metadata }) => given.behaviour?.[metadata.name] ?? {},
    ...(given.pull ? { pull: given.pull } : {}),
  });
  const metrics = new Metrics();
  const calls: string[] = [];
  const counted = new Proxy(runtime, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  }) as ContainerRuntime;
  const events: string[] = [];
  const recorder: EventRecorder = {
    record: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
    flush: async () => {},
  };
  const unmounted: string[] = [];
  const podsFolder = join(directory, "pods");
  mkdirSync(podsFolder);
  api.put(Node, { metadata: { name: "node-1", namespace: "" }, spec: {}, status: {} });
  const node = () => api.get(Node, "node-1");
  const room = new NodeRoom({
    allocatable: { cpu: 2, memory: 1e9, ephemeralStorage: 1e9, pods: 110 },
    extended: () => extendedOf(node()),
    onGranted: (uid) => workers.get(uid)?.wake(),
  });
  const meters = nodeMeters(metrics);
  const services: PodServices = {
    pods: apiPods(api.client),
    runtime: counted,
    volumes: {
      mount: given.mount ?? (async () => new Map()),
      refresh: async () => {},
      unmount: async (uid) => void unmounted.push(uid),
      list: async () => [],
      subPath: (volume) => volume.path,
    },
    probes: {
      update: () => {},
      verdict: () => ({ started: true, ready: true }),
      forget: () => {},
      ...given.probes,
    },
    hooks: given.hooks ?? { run: async () => {} },
    images: new ImagePulls({
      ...{ runtime: counted, clock, events: recorder, secrets: async () => [] },
      access: new ImageAccess(),
    }),
    room,
    admission: new PodAdmission({
      room,
      node: given.staleNode ?? node,
      readNode: async () => node()!,
      unsafeSysctls: [],
      appArmor: given.appArmor ?? false,
      refusals: given.refusal ? [given.refusal] : [],
      end: async ({ metadata }, sentence, ms) => await workers.get(metadata.uid)?.end(sentence, ms),
      events: recorder,
      onPreempted: meters.preempted,
    }),
    meters,
    cgroups: undefined,
    events: recorder,
    clock,
    log: silentLog,
    startTurns: new StartTurns(2),
    logFiles: new MemoryLogs(),
    runtimeName: "simulated",
    hostIPs: ["192.0.2.1"],
    clusterDomain: "cluster.local",
    podsFolder,
    logRoot: join(directory, "logs"),
    capacityMemory: 1e9,
    dnsFor: () => ({ servers: [], searches: [], options: [] }),
    environment: () => ({
      configMap: async () => undefined,
      secret: async () => undefined,
      services: () => [],
      podIPs: [],
      hostIPs: ["192.0.2.1"],
      nodeName: "node-1",
      allocatable: { cpu: 2, memory: 1e9, ephemeralStorage: 1e9 },
    }),
    handlerFor: async () => undefined,
  };
  const stop = new AbortController();
  const workers = new Map<string, PodWorker>();
  void (async () => {
    for await (const event of runtime.events(stop.signal)) workers.get(event.podUid)?.wake();
  })();
  const gone: string[] = [];
  const told: PodStatus[] = [];
  const follow = async () => {
    for await (const { type, object } of api.client.watch(Pod, { resourceVersion: "0", signal: stop.signal })) {
      const { uid, name } = object.metadata;
      if (object.status) told.push(object.status);
      if (type === "DELETED") workers.get(uid)?.remove();
      else if (workers.has(uid)) workers.get(uid)?.update(object);
      else {
        const worker = new PodWorker(object, services, () => {
          workers.delete(uid);
          gone.push(name);
        });
        workers.set(uid, worker);
        worker.wake();
      }
    }
  };
  void follow();
  onTestFinished(async () => {
    stop.abort();
    await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
    rmSync(directory, { recursive: true, force: true });
  });
  // Nothing here waits for real time; some rounds of the event loop let every chain of promises come to its end.
  const settled = async () => {
    for (let round = 0; round < 60; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = (seconds: number) => clock.pass(seconds * 1000, settled);
  return {
    api,
    runtime,
    calls,
    events,
    gone,
    /** Every status that pods have had. */
    told,
    unmounted,
    services,
    metrics,
    podsFolder,
    clock,
    pass,
    workers,
    /** A pod is bound to the node; `web` if it is not given another name. */
    async create(spec: Partial<PodSpec> = {}, status?: PodStatus, more: Partial<Pod["metadata"]> = {}): Promise<void> {
      const { metadata, ...pod } = samplePod(spec, status ? { status } : {});
      const { name = metadata.name } = more;
      api.put(Pod, { ...pod, metadata: { ...more, name, uid: `uid-${name}` } });
      await pass(0);
    },
    /** The agent goes and another comes; containers go on. */
    async restartAgent(): Promise<void> {
      const pods = [...workers.values()].map(({ pod }) => pod);
      await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
      workers.clear();
      for (const { metadata } of pods) {
        const pod = api.get(Pod, metadata.name);
        if (!pod) continue;
        const worker = new PodWorker(pod, services, () => gone.push(metadata.name));
        workers.set(metadata.uid, worker);
        worker.wake();
      }
      await pass(0);
    },
    pod: () => api.get(Pod, "web"),
    status: (name = "web") => api.get(Pod, name)?.status,
    container: (name = "main") => statusOf(api.get(Pod, "web"), name),
    ready: () => api.get(Pod, "web")?.status?.conditions?.find(({ type }) => type === "Ready")?.status,
    condition: (named: string) => api.get(Pod, "web")?.status?.conditions?.find(({ type }) => type === named),
    /** The simulated container of a name that was made last. */
    async live(name = "main") {
      const all = await runtime.listContainers();
      const last = all.filter(({ metadata }) => metadata.name === name).at(-1);
      return runtime.container(last!.id)!;
    },
  };
}

function statusOf(pod: Pod | undefined, name: string): ContainerStatus | undefined {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod?.status ?? {};
  const all = [...(containerStatuses ?? []), ...(initContainerStatuses ?? []), ...(ephemeralContainerStatuses ?? [])];
  return all.find((status) => status.name === name);
}
