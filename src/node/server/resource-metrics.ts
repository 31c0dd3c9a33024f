import { ownerOf } from "../runtime/labels.ts";
import type { ContainerStats } from "../runtime/runtime.ts";
import type { MachineUsage } from "./node-figures.ts";

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly Sample[];
}

const perSecond = 1e9;

/** `/metrics/resource`: CPU and memory of containers, pods and the node, under the kubelet's names. */
export function resourceMetrics(stats: readonly ContainerStats[], machine: MachineUsage): string {
  const cpu = stats.flatMap((each) => sample(each, each.cpu?.usageCoreNanoSeconds, each.cpu?.timestamp, perSecond));
  const memory = stats.flatMap((each) => sample(each, each.memory?.workingSetBytes, each.memory?.timestamp));
  const node = { labels: {}, at: machine.timestamp };
  return text([
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
export function cadvisorMetrics(stats: readonly ContainerStats[], machine: MachineUsage): string {
  const of = (pick: (stats: ContainerStats) => number | undefined, extra: Labels = {}, divisor = 1) =>
    stats.flatMap((each) =>
      sample(each, pick(each), each.cpu?.timestamp ?? each.memory?.timestamp, divisor, { id: each.id, ...extra }),
    );
  return text([
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
    family("machine_cpu_cores", "gauge", "Cores of the machine", [{ labels: {}, value: machine.cores }]),
    family("machine_memory_bytes", "gauge", "Memory of the machine", [{ labels: {}, value: machine.memory.capacity }]),
  ]);
}

function family(name: string, type: Family["type"], help: string, samples: readonly Sample[]): Family {
  return { name, type, help, samples };
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

/** The text form that scrapers read; families without samples are left out. */
function text(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value, at }) => {
        const shown = Object.entries(labels).map(([key, label]) => `${key}="${escaped(label)}"`);
        const braces = shown.length > 0 ? `{${shown.join(",")}}` : "";
        return `${name}${braces} ${value}${at ? ` ${Math.round(at)}` : ""}`;
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`;
    })
    .join("");
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
