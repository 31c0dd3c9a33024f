import { growingBounds as growing } from "../lib/growing-bounds.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { ClusterState } from "./framework/cluster-state.ts";
import type { Calls, FrameworkMeter, Status, Step, TellPlugin } from "./framework/meter.ts";
import type { Entrance, QueuedPod, SchedulingQueue } from "./framework/queue.ts";

const attemptBounds = growing(0.001, 2, 15);
const stepBounds = growing(0.0001, 2, 12);

/** The scheduler's metrics under upstream's names; `now` is in milliseconds. */
export function schedulerMetrics(metrics: Metrics, now: () => number) {
  const since = (began: number) => (now() - began) / 1000;
  const attempts = metrics.counter("scheduler_schedule_attempts_total", "Tries to place a pod, by result.", [
    "result",
    "profile",
  ]);
  const duration = metrics.histogram(
    "scheduler_scheduling_attempt_duration_seconds",
    "Seconds from taking a pod to its binding, or to the decision that it fits nowhere.",
    ["result", "profile"],
    attemptBounds,
  );
  const algorithm = metrics.histogram(
    "scheduler_scheduling_algorithm_duration_seconds",
    "Seconds that choosing a node took.",
    [],
    attemptBounds,
  );
  const tries = metrics.histogram(
    "scheduler_pod_scheduling_attempts",
    "Tries until a pod was placed.",
    [],
    growing(1, 2, 5),
  );
  const preemptions = metrics.counter("scheduler_preemption_attempts_total", "Times it was tried to make room.");
  const victims = metrics.histogram(
    "scheduler_preemption_victims",
    "Pods evicted at a time to make room.",
    [],
    growing(1, 2, 7),
  );
  const evictions = metrics.counter(
    "scheduler_preemption_goroutines_execution_total",
    "Times the pods that make room were told to go.",
    ["result"],
  );
  const evicting = metrics.histogram(
    "scheduler_preemption_goroutines_duration_seconds",
    "Seconds that telling pods to go took.",
    ["result"],
    growing(0.01, 2, 20),
  );
  const untilBound = metrics.histogram(
    "scheduler_pod_scheduling_sli_duration_seconds",
    "Seconds from a pod's coming to its binding, by how many tries it took.",
    ["attempts"],
    growing(0.01, 2, 20),
  );
  const afterSweep = metrics.counter(
    "scheduler_pod_scheduled_after_flush_total",
    "Pods placed that were tried again only because they had waited so long.",
  );
  const handling = metrics.histogram(
    "scheduler_event_handling_duration_seconds",
    "Seconds that taking note of a change took.",
    ["event"],
    stepBounds,
  );
  const incoming = metrics.counter(
    "scheduler_queue_incoming_pods_total",
    "Pods that entered a part of the queue, by why.",
    ["queue", "event"],
  );

  return {
    profile: (name: string) => profileMeter(metrics, name, now),
    plugin: pluginTimes(metrics),
    attempt(profile: string, result: "scheduled" | "unschedulable" | "error", began: number) {
      attempts.inc({ result, profile });
      duration.observe({ result, profile }, since(began));
    },
    chose: (began: number) => algorithm.observe(since(began)),
    bound({ attempts: before, arrived, swept }: QueuedPod) {
      const count = before + 1;
      tries.observe(count);
      untilBound.observe({ attempts: count < 15 ? String(count) : "15+" }, since(arrived));
      if (swept) afterSweep.inc();
    },
    /** Somebody was asked to make room. */
    preempting: () => preemptions.inc(),
    preempted: (count: number) => victims.observe(count),
    evicted(succeeded: boolean, began: number) {
      const result = succeeded ? "success" : "error";
      evictions.inc({ result });
      evicting.observe({ result }, since(began));
    },
    handled: (event: string, began: number) => handling.observe({ event }, since(began)),
    entered: (queue: string, why: Entrance) => incoming.inc({ queue, event: entranceLabel[why] }),
  };
}

/** Sets what nobody tells when it changes, each time that somebody looks; until disposed. */
export function watchScheduler(
  metrics: Metrics,
  state: { readonly queue: SchedulingQueue; readonly cluster: ClusterState; readonly binding: () => number },
): Disposable {
  const pending = metrics.gauge("scheduler_pending_pods", "Pods that want a node, by where they wait.", ["queue"]);
  const cached = metrics.gauge("scheduler_cache_size", "Nodes, pods and assumed pods that are known.", ["type"]);
  const workers = metrics.gauge("scheduler_goroutines", "Pieces of work under way beside the decisions.", [
    "operation",
  ]);
  const unschedulable = metrics.gauge("scheduler_unschedulable_pods", "Pods that wait, by the plugins that say no.", [
    "plugin",
    "profile",
  ]);
  const rejecting = new Map<string, { readonly plugin: string; readonly profile: string }>();
  return metrics.onRead(() => {
    const { ready, backingOff, waiting, gated } = state.queue.size;
    pending.set({ queue: "active" }, ready);
    pending.set({ queue: "backoff" }, backingOff);
    pending.set({ queue: "unschedulable" }, waiting);
    pending.set({ queue: "gated" }, gated);
    const { nodes, pods, assumed } = state.cluster.size;
    cached.set({ type: "nodes" }, nodes);
    cached.set({ type: "pods" }, pods);
    cached.set({ type: "assumed_pods" }, assumed);
    workers.set({ operation: "binding" }, state.binding());
    for (const labels of rejecting.values()) unschedulable.set(labels, 0);
    for (const { pod, plugins } of state.queue.rejections()) {
      const profile = pod.spec.schedulerName ?? "default-scheduler";
      for (const plugin of plugins) {
        rejecting.set(`${plugin} ${profile}`, { plugin, profile });
        unschedulable.inc({ plugin, profile });
      }
    }
  });
}

function profileMeter(metrics: Metrics, profile: string, now: () => number): FrameworkMeter & Disposable {
  const steps = metrics.histogram(
    "scheduler_framework_extension_point_duration_seconds",
    "Seconds that all plugins of an extension point took for a pod.",
    ["extension_point", "status", "profile"],
    stepBounds,
  );
  const held = metrics.histogram(
    "scheduler_permit_wait_duration_seconds",
    "Seconds that pods were held before their binding.",
    ["result"],
    attemptBounds,
  );
  const asked = metrics.counter(
    "scheduler_plugin_evaluation_total",
    "Times a plugin was asked at an extension point.",
    ["plugin", "extension_point", "profile"],
  );
  const series = new Map<string, { observe(value: number): void }>();
  const cells = new Map<
    string,
    Calls & { readonly labels: Record<"plugin" | "extension_point" | "profile", string> }
  >();
  const tell = () => {
    for (const cell of cells.values()) {
      asked.inc(cell.labels, cell.count);
      cell.count = 0;
    }
  };
  const look = metrics.onRead(tell);
  return {
    now,
    ran(step: Step, status: Status, began: number) {
      const key = `${step} ${status}`;
      let one = series.get(key);
      if (!one) {
        one = steps.with({ extension_point: step, status, profile });
        series.set(key, one);
      }
      one.observe((now() - began) / 1000);
    },
    held: (status, began) => held.observe({ result: status }, (now() - began) / 1000),
    calls(step, plugin) {
      const key = `${step} ${plugin}`;
      let cell = cells.get(key);
      if (!cell) {
        cell = { count: 0, labels: { plugin, extension_point: step, profile } };
        cells.set(key, cell);
      }
      return cell;
    },
    [Symbol.dispose]() {
      look[Symbol.dispose]();
      tell();
    },
  };
}

function pluginTimes(metrics: Metrics): TellPlugin {
  const times = metrics.histogram(
    "scheduler_plugin_execution_duration_seconds",
    "Seconds of one call of a plugin, in one of ten attempts.",
    ["plugin", "extension_point", "status"],
    growing(0.00001, 1.5, 20),
  );
  return (plugin, step, status, seconds) => times.observe({ plugin, extension_point: step, status }, seconds);
}

/** Upstream's names of what makes pods enter the queue. */
const entranceLabel: Readonly<Record<Entrance, string>> = {
  "Node/add": "NodeAdd",
  "Node/labels": "NodeUpdateNodeLabel",
  "Node/taints": "NodeUpdateNodeTaint",
  "Node/allocatable": "NodeUpdateNodeAllocatable",
  // A node that takes no pods is one with a taint there.
  "Node/unschedulable": "NodeUpdateNodeTaint",
  "AssignedPod/add": "AssignedPodAdd",
  "AssignedPod/labels": "AssignedPodUpdatePodLabel",
  "AssignedPod/resources": "AssignedPodUpdatePodScaleDown",
  "AssignedPod/delete": "AssignedPodDelete",
  "Pod/add": "UnschedulablePodAdd",
  "Pod/update": "UnschedulablePodUpdate",
  "Pod/delete": "UnschedulablePodDelete",
  "Namespace/labels": "NamespaceUpdate",
  "PersistentVolume/change": "PersistentVolumeUpdate",
  "PersistentVolumeClaim/change": "PersistentVolumeClaimUpdate",
  "StorageClass/change": "StorageClassUpdate",
  "CSINode/change": "CSINodeUpdate",
  "CSIDriver/change": "CSIDriverUpdate",
  "CSIStorageCapacity/change": "CSIStorageCapacityUpdate",
  "VolumeAttachment/delete": "VolumeAttachmentDelete",
  ScheduleAttemptFailure: "ScheduleAttemptFailure",
  BackoffComplete: "BackoffComplete",
  PopFromBackoffQ: "PopFromBackoffQ",
  UnschedulableTimeout: "UnschedulableTimeout",
  ForceActivate: "ForceActivate",
};
