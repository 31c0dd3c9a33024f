import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { containerLabels } from "../runtime/labels.ts";
import type { ContainerRuntime, ContainerStats, SandboxStats } from "../runtime/runtime.ts";
import { dawn, samplePod } from "../testing/samples.ts";
import { type MachineUsage, NodeFigures } from "./node-figures.ts";
import { cadvisorMetrics, resourceMetrics } from "./resource-metrics.ts";
import { statsSummary } from "./summary.ts";

const meminfo = "MemTotal: 1000 kB\nMemFree: 200 kB\nMemAvailable: 600 kB\nAnonPages: 100 kB\n";

test("the machine's figures are what the kernel counts, and a rate once there are two samples", () => {
  const clock = new VirtualClock(dawn);
  let ticks = 0;
  const read = (path: string) => (path === "/proc/stat" ? `cpu  ${ticks} 0 10 900 50 0 0 0 0 0\n` : meminfo);
  const figures = new NodeFigures({ clock, dataFolder: tmpdir(), read });
  expect(figures.read()).toMatchObject({
    cpuNanoSeconds: 100_000_000,
    memory: { capacity: 1_024_000, available: 614_400, usage: 819_200, workingSet: 409_600, rss: 102_400 },
  });
  expect(figures.read().cpuNanoCores).toBeUndefined();
  // Three seconds of work within two: one and a half cores.
  ticks = 300;
  clock.advance(2000);
  expect(figures.read().cpuNanoCores).toBe(1_500_000_000);
});

const machine: MachineUsage = {
  timestamp: 2000,
  cores: 2,
  cpuNanoSeconds: 5e9,
  memory: { capacity: 100, available: 60, usage: 80, workingSet: 40, rss: 10 },
  fs: { capacity: 1, available: 1, used: 0, inodes: 1, inodesFree: 1 },
};
const stats = (containerName: string, seconds: number): ContainerStats => ({
  id: `id-${containerName}`,
  metadata: { name: containerName, attempt: 0 },
  labels: containerLabels({ podName: "web", podNamespace: "default", podUid: "u", containerName }),
  annotations: {},
  cpu: { timestamp: 1000, usageCoreNanoSeconds: seconds * 1e9 },
  memory: { timestamp: 1000, workingSetBytes: 7 },
});

test("containers, pods and the node are told under the kubelet's names", () => {
  const lines = resourceMetrics([stats("a", 1), stats("b", 2)], machine).split("\n");
  expect(lines.filter((line) => !line.startsWith("#"))).toEqual([
    'container_cpu_usage_seconds_total{container="a",namespace="default",pod="web"} 1 1000',
    'container_cpu_usage_seconds_total{container="b",namespace="default",pod="web"} 2 1000',
    'container_memory_working_set_bytes{container="a",namespace="default",pod="web"} 7 1000',
    'container_memory_working_set_bytes{container="b",namespace="default",pod="web"} 7 1000',
    "node_cpu_usage_seconds_total 5 2000",
    "node_memory_working_set_bytes 40 2000",
    'pod_cpu_usage_seconds_total{namespace="default",pod="web"} 3 1000',
    'pod_memory_working_set_bytes{namespace="default",pod="web"} 14 1000',
    "resource_scrape_error 0",
    "",
  ]);
});

const traffic: SandboxStats = {
  id: "id-web",
  metadata: { name: "web", namespace: "default", uid: "u", attempt: 0 },
  labels: { ...containerLabels({ podName: "web", podNamespace: "default", podUid: "u", containerName: "" }) },
  annotations: {},
  network: {
    timestamp: 1000,
    interfaces: [{ name: "eth0", rxBytes: 5, rxErrors: 0, txBytes: 6, txErrors: 0 }],
  },
  processCount: 3,
  containers: [],
};

test("what the runtime does not tell is left out", () => {
  const text = cadvisorMetrics([stats("a", 1)], [traffic], machine);
  expect(text).toContain(
    'container_cpu_usage_seconds_total{container="a",namespace="default",pod="web",id="id-a",cpu="total"} 1 1000',
  );
  expect(text).not.toContain("container_memory_rss");
  const eth0 = '{id="id-web",interface="eth0",namespace="default",pod="web"}';
  expect(text).toContain(`container_network_receive_bytes_total${eth0} 5 1000`);
  expect(text).toContain(`container_network_transmit_bytes_total${eth0} 6 1000`);
  expect(text).toContain('container_processes{id="id-web",namespace="default",pod="web"} 3\n');
  expect(text).toContain("machine_cpu_cores 2\n");
});

test("the summary tells of pods what their sandboxes and containers tell", async () => {
  const runtime = {
    listContainerStats: async () => [stats("a", 1), { ...stats("ended", 0), cpu: undefined, memory: undefined }],
    listSandboxStats: async () => [traffic],
  } as unknown as ContainerRuntime;
  const clock = new VirtualClock(0);
  const figures = new NodeFigures({ clock, dataFolder: "/" });
  const pods = () => [samplePod({}, { metadata: { uid: "u" } })];
  const volumes = { claims: async () => [{ name: "data", claim: "disk", path: "/" }] };
  const { pods: told } = await statsSummary({ nodeName: "one", runtime, clock, figures, pods, volumes });
  expect(told[0]).toMatchObject({
    cpu: { time: "1970-01-01T00:00:01Z", usageCoreNanoSeconds: 1e9 },
    network: { name: "eth0", rxBytes: 5, txBytes: 6, interfaces: [{ name: "eth0" }] },
    process_stats: { process_count: 3 },
    volume: [{ name: "data", pvcRef: { name: "disk", namespace: "default" } }],
  });
  expect(told[0]?.volume?.[0]?.capacityBytes).toBeGreaterThan(0);
});
