import type { Clock } from "../../lib/clock.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** The kubelet's names for what it asks of a runtime. */
const operations: Partial<Record<keyof ContainerRuntime, string>> = {
  version: "version",
  status: "status",
  runSandbox: "run_podsandbox",
  stopSandbox: "stop_podsandbox",
  removeSandbox: "remove_podsandbox",
  sandboxStatus: "podsandbox_status",
  listSandboxes: "list_podsandbox",
  createContainer: "create_container",
  startContainer: "start_container",
  stopContainer: "stop_container",
  removeContainer: "remove_container",
  containerStatus: "container_status",
  listContainers: "list_containers",
  updateContainerResources: "update_container",
  reopenContainerLog: "reopen_container_log",
  execSync: "exec_sync",
  execUrl: "exec",
  attachUrl: "attach",
  portForwardUrl: "port_forward",
  listImages: "list_images",
  imageStatus: "image_status",
  pullImage: "pull_image",
  removeImage: "remove_image",
  imageFsInfo: "image_fs_info",
  containerStats: "container_stats",
  listContainerStats: "list_container_stats",
  listSandboxStats: "list_podsandbox_stats",
};
/** From 5 ms on, each 2.5 times the one before (as upstream). */
const buckets = Array.from({ length: 14 }, (_, index) => 0.005 * 2.5 ** index);

/** The same runtime, whose calls are counted and timed under the kubelet's names. */
export function meteredRuntime(runtime: ContainerRuntime, metrics: Metrics, clock: Clock): ContainerRuntime {
  const total = metrics.counter("kubelet_runtime_operations_total", "Calls to the container runtime.", [
    "operation_type",
  ]);
  const errors = metrics.counter(
    "kubelet_runtime_operations_errors_total",
    "Calls to the container runtime that failed.",
    ["operation_type"],
  );
  const durations = metrics.histogram(
    "kubelet_runtime_operations_duration_seconds",
    "How long calls to the container runtime took.",
    ["operation_type"],
    buckets,
  );
  const metered = async (operation: string, call: () => Promise<unknown>) => {
    const labels = { operation_type: operation };
    const began = clock.monotonic();
    total.inc(labels);
    try {
      const result = await call();
      // A pull that fails is a result.
      if (typeof result === "object" && result !== null && "ok" in result && result.ok === false) errors.inc(labels);
      return result;
    } catch (error) {
      errors.inc(labels);
      throw error;
    } finally {
      durations.observe(labels, (clock.monotonic() - began) / 1000);
    }
  };
  return new Proxy(runtime, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const operation = operations[name as keyof ContainerRuntime];
      const call = (...args: unknown[]) => Reflect.apply(value, target, args) as unknown;
      if (!operation) return call;
      return (...args: unknown[]) => metered(operation, async () => await call(...args));
    },
  });
}
