import type { Pod } from "../api/core/pod.ts";
import { isPodTerminal } from "../api/core/pod-state.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { NodeConfiguration } from "./configuration.ts";
import { EvictionManager, type SignalSource } from "./eviction/eviction-manager.ts";
import { removeDead } from "./garbage/dead-containers.ts";
import { ImageCollector } from "./garbage/image-collector.ts";
import type { PodWorker } from "./pods/pod-worker.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";

export interface PressureOptions {
  readonly source: SignalSource;
  readonly configuration: NodeConfiguration;
  readonly workers: ReadonlyMap<string, PodWorker>;
  readonly runtime: ContainerRuntime;
  readonly nodeName: string;
  readonly onImages: (ids: ReadonlySet<string>) => void;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** How long the next look waits for an evicted pod to end, in ms (as upstream). */
const endsWithin = 30_000;

/** What keeps the machine from filling up: eviction of pods, and garbage collection of containers and images. */
export function pressureOf(options: PressureOptions) {
  const { source, configuration, workers, runtime, nodeName } = options;
  const pods = () => [...workers.values()].map(({ pod }) => pod);
  // Events about a node name it twice, as the kubelet's do.
  const metadata = { name: nodeName, uid: nodeName, resourceVersion: "", creationTimestamp: "" };
  const shared = { ...options, pods, node: { apiVersion: "v1", kind: "Node", metadata } };
  const images = new ImageCollector({
    ...shared,
    pods: () => pods().filter((pod) => !isPodTerminal(pod)),
    limits: configuration.images,
    disk: async () => (await source.observe())["imagefs.available"],
  });
  const isLive = (uid: string) => {
    const worker = workers.get(uid);
    return worker !== undefined && !isPodTerminal(worker.pod);
  };
  const eviction = new EvictionManager({
    ...shared,
    ...configuration.eviction,
    evict: async (pod: Pod, sentence) => await workers.get(pod.metadata.uid)?.end(sentence, endsWithin),
    reclaimDisk: async () => {
      await removeDead(runtime, isLive);
      await images.removeUnused();
    },
  });
  return { eviction, images };
}
