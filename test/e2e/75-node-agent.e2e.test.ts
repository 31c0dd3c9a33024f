import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "../../src/api/generated/core-v1.ts";
import { type KubeJson, newPlace, TestCluster } from "./tools/cluster.ts";
import { eventually } from "./tools/eventually.ts";
import { images, scriptPod } from "./tools/workloads.ts";

/* What a node does by itself: pods of files, pods that grow or take too much, and its own end. */

const cluster = new TestCluster(newPlace("agentry"));
const { kubectl } = cluster;
const folder = join(cluster.place.folder, "manifests");
const file = join(cluster.place.folder, "kubelet.yaml");
const waits = "trap 'exit 0' TERM; sleep 10000 & wait";

const manifest = (said: string) => JSON.stringify(scriptPod("fixed", `echo ${said}; ${waits}`));
const write = (said: string) => writeFileSync(join(folder, "fixed.json"), manifest(said));
const pod = (name: string) => cluster.get<KubeJson>("pod", name);
const node = async (): Promise<KubeJson> => (await cluster.get("nodes")).items[0]!;
const condition = ({ status }: KubeJson, type: string) =>
  status.conditions.find((each: KubeJson) => each.type === type) as KubeJson;
let fixed = "";

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => console.error(await cluster.diagnosis()));
});
beforeAll(async () => {
  mkdirSync(folder);
  const configuration = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    staticPodPath: folder,
    fileCheckFrequency: "1s",
    shutdownGracePeriod: "20s",
    shutdownGracePeriodCriticalPods: "5s",
    maxPods: 30,
    systemReserved: { cpu: "100m" },
  };
  writeFileSync(file, JSON.stringify(configuration));
  await cluster.up(
    ...["--kubelet-arg", `config=${file}`],
    ...["--kubelet-arg", "shutdown-grace-period-critical-pods=10s"],
  );
  const loaded = await cluster.navarch(["image", "load", images.busybox, "--name", cluster.place.name]);
  expect(loaded.code, loaded.stderr).toBe(0);
  fixed = `fixed-${(await node()).metadata.name}`;
});
afterAll(() => cluster.remove());

test("the kubelet's configuration file counts, flags before it, and is shown with what it leaves out", async () => {
  const { metadata, status } = await node();
  expect(status.allocatable.pods).toBe("30");
  expect(status.allocatable.cpu).toBe(`${Number(status.capacity.cpu) * 1000 - 100}m`);
  const { kubeletconfig } = JSON.parse(await kubectl("get", "--raw", `/api/v1/nodes/${metadata.name}/proxy/configz`));
  expect(kubeletconfig).toMatchObject({
    ...{ staticPodPath: folder, shutdownGracePeriodCriticalPods: "10s", imageGCHighThresholdPercent: 85 },
  });
});

describe("a static pod", () => {
  const logs = async () => (await kubectl("logs", fixed)).trim();

  test("runs from its file, and the API shows it", async () => {
    write("one");
    await eventually("the pod runs", async () => (await pod(fixed)).status.phase === "Running");
    const { metadata } = await cluster.get<Pod>("pod", fixed);
    const { annotations = {} } = metadata;
    expect(annotations["kubernetes.io/config.mirror"]).toBe(annotations["kubernetes.io/config.hash"]);
    expect(metadata.ownerReferences?.[0]).toMatchObject({ kind: "Node", controller: true });
    await eventually("it is heard", async () => (await logs()) === "one");
    expect((await kubectl("exec", fixed, "--", "hostname")).trim()).toBe(fixed);
  });

  test("runs on when its mirror is deleted, which comes back", async () => {
    const before = await pod(fixed);
    await kubectl("delete", "pod", fixed, "--wait=false");
    const after = await eventually("there is a new mirror", async () => {
      const now = await pod(fixed);
      return now.metadata.uid !== before.metadata.uid && now.status.phase === "Running" && now;
    });
    const container = ({ status }: KubeJson) => status.containerStatuses[0].containerID;
    expect(container(after)).toBe(container(before));
  });

  test("is another when its file changes, and ends when the file is gone", async () => {
    write("two");
    await eventually("the other one is heard", async () => (await logs()) === "two");
    rmSync(join(folder, "fixed.json"));
    await eventually("it is gone", async () => (await cluster.get("pods")).items.length === 0);
  });
});

test("CPU and memory of a running container change in place", async () => {
  const resources = (memory: string) => ({
    limits: { cpu: "200m", memory },
    requests: { cpu: "100m", memory: "16Mi" },
  });
  const containers = [
    { name: "main", image: images.busybox, command: ["sleep", "1000"], resources: resources("32Mi") },
  ];
  await cluster.apply("default", scriptPod("grows", "", { containers }));
  await kubectl("wait", "--for=condition=Ready", "pod/grows", "--timeout=60s");
  const patch = { spec: { containers: [{ name: "main", resources: resources("64Mi") }] } };
  await kubectl("patch", "pod", "grows", "--subresource", "resize", "-p", JSON.stringify(patch));
  const given = await eventually("it has what it is declared to have", async () => {
    const [status] = (await pod("grows")).status.containerStatuses;
    return status.resources.limits.memory === "64Mi" && status;
  });
  expect(given.restartCount).toBe(0);
  const files = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max";
  const limit = await kubectl("exec", "grows", "--", "sh", "-c", `cat ${files} 2>/dev/null || true`);
  expect(limit.trim()).toBe(String(64 * 2 ** 20));
});

test("a pod that the node has no room for is refused, and a resize that it can never give is infeasible", async () => {
  const { metadata, status: has } = await node();
  const asking = (cpu: number) => [
    { name: "main", image: images.busybox, command: ["sleep", "1000"], resources: { requests: { cpu } } },
  ];
  const cores = Number(has.capacity.cpu);
  const past = { nodeName: metadata.name, containers: asking(cores) };
  await cluster.apply("default", scriptPod("large", "", past), scriptPod("small", "", { containers: asking(0.01) }));
  const { status } = await eventually("it was refused", async () => {
    const now = await pod("large");
    return now.status.phase === "Failed" && now;
  });
  expect(status.reason).toBe("OutOfcpu");
  expect(status.message).toMatch(
    /^Pod was rejected: Node didn't have enough resource: cpu, requested: \d+, used: \d+, /,
  );
  expect((await kubectl("get", "pod", "large", "--no-headers")).split(/\s+/)[2]).toBe("OutOfcpu");

  await kubectl("wait", "--for=condition=Ready", "pod/small", "--timeout=60s");
  const patch = { spec: { containers: [{ name: "main", resources: { requests: { cpu: cores } } }] } };
  await kubectl("patch", "pod", "small", "--subresource", "resize", "-p", JSON.stringify(patch));
  const small = await eventually("it is told", async () => {
    const now = await pod("small");
    return condition(now, "PodResizePending") && now;
  });
  expect(condition(small, "PodResizePending")).toMatchObject({ status: "True", reason: "Infeasible" });
  expect(small.status.containerStatuses[0].allocatedResources).toEqual({ cpu: "10m" });
  await kubectl("delete", "pod", "small", "large", "--wait=false");
});

test("a pod that the system needs is given room that another had, and one for other nodes is refused", async () => {
  const { metadata, status: has } = await node();
  const asking = (cpu: string) => [
    { name: "main", image: images.busybox, command: ["sleep", "1000"], resources: { requests: { cpu } } },
  ];
  const most = `${Number(has.capacity.cpu) * 1000 - 300}m`;
  const here = { nodeName: metadata.name, terminationGracePeriodSeconds: 1 };
  await cluster.apply("default", scriptPod("usual", "", { ...here, containers: asking(most) }));
  await kubectl("wait", "--for=condition=Ready", "pod/usual", "--timeout=60s");
  const elsewhere = { ...here, nodeSelector: { disk: "none" }, containers: asking("1m") };
  await cluster.apply("default", scriptPod("elsewhere", "", elsewhere));
  const priorityClassName = "system-cluster-critical";
  await cluster.apply(
    "kube-system",
    scriptPod("urgent", "", { ...here, priorityClassName, containers: asking("500m") }),
  );
  await kubectl("wait", "-n", "kube-system", "--for=condition=Ready", "pod/urgent", "--timeout=60s");
  expect((await pod("usual")).status).toMatchObject({
    phase: "Failed",
    reason: "Preempting",
    message: "Preempted in order to admit critical pod",
  });
  await eventually("the other was refused", async () => (await pod("elsewhere")).status.reason === "NodeAffinity");
  await kubectl("delete", "pod", "usual", "elsewhere", "--wait=false");
  await kubectl("delete", "pod", "-n", "kube-system", "urgent", "--wait=false");
});

test("a pod that breaks its own limit on disk space is evicted", async () => {
  const volumes = [{ name: "cache", emptyDir: { sizeLimit: "1Mi" } }];
  const containers = [
    {
      name: "main",
      image: images.busybox,
      command: ["sh", "-c", `dd if=/dev/zero of=/cache/file bs=1M count=3; ${waits}`],
      volumeMounts: [{ name: "cache", mountPath: "/cache" }],
    },
  ];
  await cluster.apply("default", scriptPod("greedy", "", { volumes, containers }));
  const { status } = await eventually("it has failed", async () => {
    const now = await pod("greedy");
    return now.status.phase === "Failed" && now;
  });
  expect(status.reason).toBe("Evicted");
  expect(status.message).toBe('Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ');
});

test("when the node goes down its pods end, those that the system needs last", async () => {
  const critical = { priorityClassName: "system-node-critical", terminationGracePeriodSeconds: 5 };
  const main = (script: string) => [{ name: "main", image: images.busybox, command: ["sh", "-c", script] }];
  await cluster.apply(
    "default",
    scriptPod("ordinary", "", {
      containers: main("trap 'sleep 2; exit 0' TERM; sleep 10000 & wait"),
      terminationGracePeriodSeconds: 5,
    }),
  );
  await cluster.apply("kube-system", scriptPod("needed", "", { ...critical, containers: main(waits) }));
  await kubectl("wait", "--for=condition=Ready", "pod/ordinary", "--timeout=60s");
  await kubectl("wait", "-n", "kube-system", "--for=condition=Ready", "pod/needed", "--timeout=60s");
  process.kill(cluster.pid("agent"), "SIGTERM");
  const told = await eventually("the node says so", async () => {
    const ready = condition(await node(), "Ready");
    return ready.status === "False" && ready;
  });
  expect(told).toMatchObject({ reason: "KubeletNotReady", message: "node is shutting down" });
  const ended = async (...name: readonly string[]) =>
    await eventually(`${name.at(-1)} has ended`, async () => {
      const now = await cluster.get<KubeJson>("pod", ...name);
      return now.status.phase === "Failed" && now;
    });
  const [ordinary, needed] = [await ended("ordinary"), await ended("-n", "kube-system", "needed")];
  expect(ordinary.status).toMatchObject({
    reason: "Terminated",
    message: "Pod was terminated in response to imminent node shutdown.",
  });
  const at = ({ status }: KubeJson) => Date.parse(status.containerStatuses[0].state.terminated.finishedAt);
  expect(at(needed)).toBeGreaterThanOrEqual(at(ordinary));
  await eventually("the node is back", async () => condition(await node(), "Ready").status === "True");
});

test("a node that is short of disk says so, gives up images that nobody uses, and begins no pods", async () => {
  await cluster.interrupt();
  await cluster.up("--kubelet-arg", "eviction-hard=nodefs.available<99.99%");
  await eventually("the node says so", async () => condition(await node(), "DiskPressure").status === "True");
  await eventually(
    "the taint is there",
    async () =>
      (await node()).spec.taints?.some(({ key }: { key: string }) => key === "node.kubernetes.io/disk-pressure") ===
      true,
  );
  // Bound past the scheduler, which would leave it pending.
  const { name } = (await node()).metadata;
  await cluster.apply("default", scriptPod("late", waits, { nodeName: name, tolerations: [{ operator: "Exists" }] }));
  const { status } = await eventually("it was refused", async () => {
    const now = await pod("late");
    return now.status.phase === "Failed" && now;
  });
  expect(status).toMatchObject({
    reason: "Evicted",
    message: "Pod was rejected: The node had condition: [DiskPressure]. ",
  });
  await eventually("the image is gone", async () => !JSON.stringify((await node()).status.images).includes("busybox"));
});
