import { ownerOf } from "../runtime/labels.ts";
import type { ContainerStats, InterfaceUsage, SandboxStats } from "../runtime/runtime.ts";
import { type Family, family, type Labels, metricsText, type Sample } from "./metrics-text.ts";
import type { MachineUsage } from "./node-figures.ts";

const perSecond = 1e9;

/** `/metrics/resource`: CPU and memory of containers, pods and the node, under the kubelet's names. */
export function resourceMetrics(stats: readonly ContainerStats[], machine: MachineUsage): string {
  const cpu = stats.flatMap((each) => sample(each, each.cpu?.usageCoreNanoSeconds, each.cpu?.timestamp, perSecond));
  const memory = stats.flatMap((each) => sample(each, each.memory?.workingSetBytes, each.memory?.timestamp));
  const node = { labels: {}, at: machine.timestamp };
  return metricsText([
    family("container_cpu_usage_seconds_total", "counter", "CPU time that the container has used", cpu),
    family("container_memory_working_set_bytes", "gauge", "Working set of the container", memory),
    family("node_cpu_usage_seconds_total", "counter", "CPU time that the node has used", [
      { ...node, value: machine.cpuNanoSeconds / perSecond },
    ]),
    family("node_memory_working_set_bytes", "gauge", "Working set of the node", [
      { ...node, value: machine.memory.workingSet },
    ]),
    family("pod_cpu_usage_seconds_total", "counter", "CPU time that the pod has used", byPod(cpu)),
    family("pod_memory_working_set_bytes", "gauge", "Working set of the pod", byPod(memory)),
    family("resource_scrape_error", "gauge", "1 if figures could not be read", [{ labels: {}, value: 0 }]),
  ]);
}

/** `/metrics/cadvisor`: the figures that dashboards know from cAdvisor, as far as the runtime tells them. */
export function cadvisorMetrics(
  stats: readonly ContainerStats[],
  sandboxes: readonly SandboxStats[],
  machine: MachineUsage,
): string {
  const of = (pick: (stats: ContainerStats) => number | undefined, extra: Labels = {}, divisor = 1) =>
    stats.flatMap((each) =>
      sample(each, pick(each), each.cpu?.timestamp ?? each.memory?.timestamp, divisor, { id: each.id, ...extra }),
    );
  return metricsText([
    family(
      "container_cpu_usage_seconds_total",
      "counter",
      "CPU time that the container has used",
      of(({ cpu }) => cpu?.usageCoreNanoSeconds, { cpu: "total" }, perSecond),
    ),
    family(
      "container_memory_usage_bytes",
      "gauge",
      "Memory of the container, caches included",
      of(({ memory }) => memory?.usageBytes),
    ),
    family(
      "container_memory_working_set_bytes",
      "gauge",
      "Working set of the container",
      of(({ memory }) => memory?.workingSetBytes),
    ),
    family(
      "container_memory_rss",
      "gauge",
      "Memory of the container without caches",
      of(({ memory }) => memory?.rssBytes),
    ),
    family(
      "container_fs_usage_bytes",
      "gauge",
      "Bytes of the container's writable layer",
      of(({ writableLayer }) => writableLayer?.usedBytes),
    ),
    family("container_memory_failures_total", "counter", "Page faults of the container", [
      ...of(({ memory }) => memory?.pageFaults, { failure_type: "pgfault", scope: "container" }),
      ...of(({ memory }) => memory?.majorPageFaults, { failure_type: "pgmajfault", scope: "container" }),
    ]),
    ...networkFamilies(sandboxes),
    family("container_processes", "gauge", "Processes of the pod", sandboxes.flatMap(processSample)),
    family("machine_cpu_cores", "gauge", "Cores of the machine", [{ labels: {}, value: machine.cores }]),
    family("machine_memory_bytes", "gauge", "Memory of the machine", [{ labels: {}, value: machine.memory.capacity }]),
  ]);
}

function sample(
  { labels }: ContainerStats,
  value: number | undefined,
  at: number | undefined,
  divisor = 1,
  extra: Labels = {},
): readonly Sample[] {
  if (value === undefined) return [];
  const { containerName: container, podNamespace: namespace, podName: pod } = ownerOf(labels);
  const own = { container, namespace, pod, ...extra };
  return [{ labels: own, value: value / divisor, ...(at === undefined ? {} : { at }) }];
}

function byPod(samples: readonly Sample[]): readonly Sample[] {
  const groups = Map.groupBy(samples, ({ labels }) => `${labels.namespace}/${labels.pod}`);
  return [...groups.values()].map((group) => ({
    labels: { namespace: group[0]!.labels.namespace!, pod: group[0]!.labels.pod! },
    value: group.reduce((total, { value }) => total + value, 0),
    at: Math.max(...group.map(({ at }) => at ?? 0)),
  }));
}

/** Traffic belongs to a pod as a whole, so it has no container's name. */
function networkFamilies(sandboxes: readonly SandboxStats[]): readonly Family[] {
  const of = (name: string, help: string, pick: (usage: InterfaceUsage) => number) => {
    const samples = sandboxes.flatMap(({ id, labels, network }) =>
      (network?.interfaces ?? []).map((each): Sample => {
        const own = { id, interface: each.name, ...podLabels(labels) };
        return { labels: own, value: pick(each), at: network!.timestamp };
      }),
    );
    return family(name, "counter", help, samples);
  };
  return [
    of("container_network_receive_bytes_total", "Bytes received by the pod", ({ rxBytes }) => rxBytes),
    of("container_network_receive_errors_total", "Errors while receiving", ({ rxErrors }) => rxErrors),
    of("container_network_transmit_bytes_total", "Bytes sent by the pod", ({ txBytes }) => txBytes),
    of("container_network_transmit_errors_total", "Errors while sending", ({ txErrors }) => txErrors),
  ];
}

function processSample({ id, labels, processCount }: SandboxStats): readonly Sample[] {
  return processCount === undefined ? [] : [{ labels: { id, ...podLabels(labels) }, value: processCount }];
}

function podLabels(labels: Labels): Labels {
  const { podNamespace: namespace, podName: pod } = ownerOf(labels);
  return { namespace, pod };
}
