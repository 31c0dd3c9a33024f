import type { Metrics } from "../lib/metrics.ts";

/** What a look at a pod was: its first one, one that found it running, or one at its end. */
export type LookKind = "create" | "sync" | "terminating";

const usual = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const startup = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const statusSync = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];

/** What the agent counts of its own work, under the kubelet's names. Times are given in ms. */
export type NodeMeters = ReturnType<typeof nodeMeters>;

/** Puts the kubelet's metrics of pods among an agent's. */
export function nodeMeters(metrics: Metrics) {
  const seconds = (name: string, help: string, buckets: readonly number[]) => {
    const histogram = metrics.histogram(`kubelet_${name}`, help, [], buckets);
    return (ms: number) => histogram.observe(Math.max(0, ms) / 1000);
  };
  const counter = <L extends string>(name: string, help: string, labels: readonly L[] = []) =>
    metrics.counter(`kubelet_${name}`, help, labels);
  const looks = metrics.histogram(
    "kubelet_pod_worker_duration_seconds",
    "How long one look at a pod took, with what was done.",
    ["operation_type"],
    usual,
  );
  const perPod = metrics.histogram("kubelet_containers_per_pod_count", "Containers of pods.", [], [1, 2, 4, 8, 16]);
  const pods = counter("started_pods_total", "Sandboxes that were begun.");
  const podErrors = counter("started_pods_errors_total", "Sandboxes that could not be made.");
  const containers = counter("started_containers_total", "Containers that were begun.", ["container_type"]);
  const containerErrors = counter("started_containers_errors_total", "Containers that could not be started.", [
    "container_type",
    "code",
  ]);
  const preemptions = counter("preemptions", "Pods ended for critical ones, by what was short.", ["preemption_signal"]);
  return {
    preempted: (resource: string) => preemptions.inc({ preemption_signal: resource }),
    /** From the first sight of a pod to its first look. */
    workerStarted: seconds("pod_worker_start_duration_seconds", "From seeing a pod to its worker's start.", usual),
    looked: (kind: LookKind, ms: number) => looks.observe({ operation_type: kind }, ms / 1000),
    podSeen: (containerCount: number) => perPod.observe(containerCount),
    /** From the first sight of a pod until it runs. */
    podRuns: seconds("pod_start_duration_seconds", "From seeing a pod to its containers' running.", startup),
    podRunsSinceCreated: seconds(
      "pod_start_total_duration_seconds",
      "From a pod's creation to its containers' running, image pulls included.",
      startup,
    ),
    statusTold: seconds(
      "pod_status_sync_duration_seconds",
      "From a change of a pod's status to its storing.",
      statusSync,
    ),
    sandboxBegun: () => pods.inc(),
    sandboxFailed: () => podErrors.inc(),
    containerBegun: (type: string) => containers.inc({ container_type: type }),
    containerFailed: (type: string, code: string) => containerErrors.inc({ container_type: type, code }),
  };
}

/** How the relists of a runtime are told, as the kubelet's pod life-cycle event generator does. */
export function relistMeter(metrics: Metrics, now: () => number): (ms: number) => void {
  const [prefix, help] = ["kubelet_pleg_relist", "lists of everything that the runtime has"];
  const durations = metrics.histogram(`${prefix}_duration_seconds`, `How long ${help} took.`, [], usual);
  const intervals = metrics.histogram(
    `${prefix}_interval_seconds`,
    `How far apart ${help} began.`,
    [],
    [...usual, 20, 60],
  );
  const seen = metrics.gauge("kubelet_pleg_last_seen_seconds", "When everything was listed last.");
  let last: number | undefined;
  return (ms) => {
    const began = now() - ms;
    durations.observe(ms / 1000);
    if (last !== undefined) intervals.observe((began - last) / 1000);
    last = began;
    seen.set(Math.round(now() / 1000));
  };
}

/** How the work on control groups is told. */
export function cgroupMeter(metrics: Metrics): (operation: string, ms: number) => void {
  const name = "kubelet_cgroup_manager_duration_seconds";
  const durations = metrics.histogram(name, "How long work on control groups took.", ["operation_type"], usual);
  return (operation, ms) => durations.observe({ operation_type: operation }, ms / 1000);
}
