import { isPodTerminal } from "../../api/core/pod-state.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { isStatic } from "../static-pods/static-pod.ts";
import { family, metricsText, type Sample } from "./metrics-text.ts";
import { type ClaimedVolumes, type VolumeFigures, volumeFigures } from "./volume-figures.ts";

export interface AgentGaugesOptions {
  readonly metrics: Metrics;
  readonly nodeName: string;
  readonly runtime: ContainerRuntime;
  readonly pods: () => readonly Pod[];
  readonly volumes: ClaimedVolumes;
}

/** The agent's `/metrics`: what was counted, and how many pods, containers and volumes there are now, under the kubelet's names. */
export async function agentMetrics({ metrics, nodeName, runtime, pods, volumes }: AgentGaugesOptions): Promise<string> {
  const own = pods();
  const [counted, sandboxes, containers, claimed] = await Promise.all([
    metrics.text(),
    runtime.listSandboxes(),
    runtime.listContainers(),
    volumeFamilies(own, volumes),
  ]);
  const isActive = (pod: Pod) => !isPodTerminal(pod);
  const byOrigin = (chosen: readonly Pod[]): readonly Sample[] =>
    [true, false].map((origin) => ({
      labels: { static: origin ? "true" : "" },
      value: chosen.filter((pod) => isStatic(pod) === origin).length,
    }));
  const states = Map.groupBy(containers, ({ state }) => state);
  const gauge = (name: string, help: string, samples: readonly Sample[] | number) =>
    family(`kubelet_${name}`, "gauge", help, typeof samples === "number" ? [{ labels: {}, value: samples }] : samples);
  const now = metricsText([
    gauge("node_name", "The node's name; always 1", [{ labels: { node: nodeName }, value: 1 }]),
    gauge("running_pods", "Pods with a running sandbox", sandboxes.filter(({ state }) => state === "ready").length),
    gauge(
      "running_containers",
      "Containers by their state",
      [...states].map(([state, each]) => ({ labels: { container_state: state }, value: each.length })),
    ),
    gauge("desired_pods", "Pods that the node is to run", byOrigin(own)),
    gauge("active_pods", "Pods that take room on the node", byOrigin(own.filter(isActive))),
    gauge("mirror_pods", "Static pods that the API shows", own.filter(isStatic).length),
    gauge(
      "managed_ephemeral_containers",
      "Ephemeral containers of the node's pods",
      own.reduce((total, { spec }) => total + (spec.ephemeralContainers?.length ?? 0), 0),
    ),
    ...claimed,
  ]);
  return counted + now;
}

const volumeNumbers: readonly (readonly [string, string, keyof VolumeFigures])[] = [
  ["capacity_bytes", "Bytes that the volume has", "capacityBytes"],
  ["available_bytes", "Bytes that are free in the volume", "availableBytes"],
  ["used_bytes", "Bytes that are used in the volume", "usedBytes"],
  ["inodes", "Inodes that the volume has", "inodes"],
  ["inodes_free", "Inodes that are free in the volume", "inodesFree"],
  ["inodes_used", "Inodes that are used in the volume", "inodesUsed"],
];

/** Claims are told once, whichever pods use them. */
async function volumeFamilies(pods: readonly Pod[], volumes: ClaimedVolumes) {
  const known = new Map<string, { readonly labels: Sample["labels"]; readonly figures: VolumeFigures }>();
  for (const pod of pods.filter((each) => !isPodTerminal(each))) {
    const { namespace } = pod.metadata;
    for (const { claim, figures } of await volumeFigures(pod, volumes))
      known.set(`${namespace}/${claim}`, { labels: { namespace, persistentvolumeclaim: claim }, figures });
  }
  return volumeNumbers.map(([name, help, key]) =>
    family(
      `kubelet_volume_stats_${name}`,
      "gauge",
      help,
      [...known.values()].map(({ labels, figures }) => ({ labels, value: figures[key] })),
    ),
  );
}
