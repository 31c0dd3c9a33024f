import { describe, expect, test } from "vitest";
import { Lease } from "../../api/coordination/lease.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { NodeCondition, Taint, Toleration } from "../../api/generated/core-v1.ts";
import { microTimeOf, timeOf } from "../../machinery/times.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { nodeMonitor } from "./monitor.ts";
import { nodeRangeController } from "./node-ranges.ts";
import { nodeTaintController } from "./node-taints.ts";
import { podCollector } from "./pod-collector.ts";
import { leavesAt, taintEvictionController } from "./taint-eviction.ts";

const ready: NodeCondition = { type: "Ready", status: "True", reason: "KubeletReady" };
const start = Date.UTC(2026, 0, 1);
const addNode = (cluster: FakeCluster, name: string, conditions: readonly NodeCondition[] = [ready]) => {
  cluster.put(Node, { metadata: { name }, spec: {}, status: { conditions } });
  cluster.put(Lease, { metadata: { name, namespace: "kube-node-lease" }, spec: { renewTime: microTimeOf(start) } });
};
const addPod = (
  cluster: FakeCluster,
  name: string,
  nodeName: string | undefined,
  tolerations: readonly Toleration[] = [],
) =>
  cluster.put(Pod, {
    metadata: { name, namespace: "default" },
    spec: { ...(nodeName ? { nodeName } : {}), containers: [], tolerations },
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  });
const tolerate = (seconds?: number): readonly Toleration[] =>
  ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map((key) => ({
    key,
    operator: "Exists",
    effect: "NoExecute",
    ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
  }));
/** Lets time pass while the nodes named renew their leases. */
const pass = async (harness: Harness, seconds: number, ...alive: readonly string[]) => {
  for (let second = 0; second < seconds; second += 5) {
    for (const name of alive) {
      const lease = harness.cluster.get(Lease, name, "kube-node-lease")!;
      harness.cluster.change(Lease, lease, { spec: { renewTime: microTimeOf(harness.clock.now()) } });
    }
    await harness.pass(5000);
  }
};
const node = ({ cluster }: Harness, name: string) => cluster.get(Node, name)!;
const taints = (harness: Harness, name: string) =>
  (node(harness, name).spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort();
const condition = (harness: Harness, name: string, type: string) =>
  node(harness, name).status?.conditions?.find((each) => each.type === type);
const report = (harness: Harness, name: string, ...conditions: readonly NodeCondition[]) => {
  const lastHeartbeatTime = timeOf(harness.clock.now());
  const status = { conditions: conditions.map((each) => ({ ...each, lastHeartbeatTime })) };
  harness.cluster.change(Node, node(harness, name), { status });
};

describe("a node that stops reporting", () => {
  const all = () => [nodeMonitor(), nodeTaintController, taintEvictionController()];
  const given = (cluster: FakeCluster) => {
    addNode(cluster, "n1");
    addNode(cluster, "n2");
    addPod(cluster, "quick", "n1", tolerate(30));
    addPod(cluster, "slow", "n1", tolerate(300));
    addPod(cluster, "forever", "n1", tolerate());
    addPod(cluster, "away", "n2");
  };

  test("is unknown after 50 seconds, tainted, and its pods are not ready", async () => {
    await using harness = await run(all(), { given });
    await pass(harness, 45, "n2");
    expect(condition(harness, "n1", "Ready")?.status).toBe("True");
    await pass(harness, 15, "n2");
    expect(condition(harness, "n1", "Ready")).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
    });
    expect(condition(harness, "n1", "MemoryPressure")).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusNeverUpdated",
      message: "Kubelet never posted node status.",
    });
    expect(taints(harness, "n1")).toEqual([
      "node.kubernetes.io/unreachable:NoExecute",
      "node.kubernetes.io/unreachable:NoSchedule",
    ]);
    expect(taints(harness, "n2")).toEqual([]);
    const readiness = harness.cluster
      .all(Pod)
      .map(({ metadata, status }) => [metadata.name, status?.conditions?.[0]?.status]);
    expect(Object.fromEntries(readiness)).toEqual({ quick: "False", slow: "False", forever: "False", away: "True" });
    expect(harness.events()).toEqual(
      expect.arrayContaining([
        "RegisteredNode: Node n1 event: Registered Node n1 in Controller",
        "NodeNotReady: Node n1 status is now: NodeNotReady",
        "NodeNotReady: Node is not ready",
      ]),
    );
  });

  test("but one that says itself that it is not ready still speaks for its pods", async () => {
    await using harness = await run(all(), { given });
    report(harness, "n1", { type: "Ready", status: "False", reason: "KubeletNotReady" });
    await pass(harness, 10, "n1", "n2");
    expect(taints(harness, "n1")).toContain("node.kubernetes.io/not-ready:NoExecute");
    expect(harness.cluster.get(Pod, "slow")?.status?.conditions?.[0]?.status).toBe("True");
    expect(harness.events()).not.toContain("NodeNotReady: Node is not ready");
  });

  test("loses its pods as their toleration ends, and keeps the others when it returns", async () => {
    await using harness = await run(all(), { given });
    await pass(harness, 100, "n2");
    const deleting = () =>
      harness.cluster
        .all(Pod)
        .filter(({ metadata }) => metadata.deletionTimestamp)
        .map(({ metadata }) => metadata.name);
    expect(deleting()).toEqual(["quick"]);
    const quick = harness.cluster.get(Pod, "quick");
    expect(quick?.status?.conditions?.find(({ type }) => type === "DisruptionTarget")).toMatchObject({
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    });
    expect(harness.events()).toContain("TaintManagerEviction: Marking for deletion Pod default/quick");
    report(harness, "n1", ready);
    await pass(harness, 400, "n1", "n2");
    expect(taints(harness, "n1")).toEqual([]);
    expect(deleting()).toEqual(["quick"]);
    expect(harness.events()).toContain("TaintManagerEviction: Cancelling deletion of Pod default/slow");
  });

  test("is not emptied when all nodes are gone at once: the watcher is cut off rather than they", async () => {
    await using harness = await run(all(), { given });
    await pass(harness, 200);
    expect(condition(harness, "n1", "Ready")?.status).toBe("Unknown");
    expect(taints(harness, "n1")).toEqual(["node.kubernetes.io/unreachable:NoSchedule"]);
    expect(taints(harness, "n2")).toEqual(["node.kubernetes.io/unreachable:NoSchedule"]);
    expect(harness.cluster.all(Pod).filter(({ metadata }) => metadata.deletionTimestamp)).toEqual([]);
  });

  test("nodes are emptied one in ten seconds", async () => {
    await using harness = await run(all(), {
      given: (cluster) => {
        for (const name of ["a", "b", "c", "d", "e", "f"]) addNode(cluster, name);
      },
    });
    const emptied = () => ["a", "b"].filter((name) => taints(harness, name).length === 2);
    await pass(harness, 55, "c", "d", "e", "f");
    expect(emptied()).toHaveLength(1);
    await pass(harness, 15, "c", "d", "e", "f");
    expect(emptied()).toHaveLength(2);
  });

  test("that never reported is given 60 seconds from its creation", async () => {
    await using harness = await run(all(), {
      given: (cluster) => {
        addNode(cluster, "n1", []);
        addNode(cluster, "n2");
      },
    });
    await pass(harness, 50, "n2");
    expect(condition(harness, "n1", "Ready")).toBeUndefined();
    await pass(harness, 20, "n2");
    expect(condition(harness, "n1", "Ready")).toMatchObject({ status: "Unknown", reason: "NodeStatusNeverUpdated" });
  });

  test("that is removed is forgotten with an event", async () => {
    await using harness = await run(all(), { given });
    harness.cluster.remove(Node, node(harness, "n2"));
    await pass(harness, 5, "n1");
    expect(harness.events()).toContain("RemovingNode: Node n2 event: Removing Node n2 from Controller");
  });
});

test("conditions become taints, and go with them; others' taints stay", async () => {
  await using harness = await run([nodeTaintController], {
    given: (cluster) => {
      addNode(cluster, "n1");
      cluster.change(Node, cluster.get(Node, "n1")!, {
        metadata: { ...cluster.get(Node, "n1")!.metadata, labels: { "kubernetes.io/os": "linux" } },
        spec: { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }], unschedulable: true },
      });
    },
  });
  expect(taints(harness, "n1")).toEqual(["dedicated:NoSchedule", "node.kubernetes.io/unschedulable:NoSchedule"]);
  expect(node(harness, "n1").metadata.labels?.["beta.kubernetes.io/os"]).toBe("linux");
  const pressed = (["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"] as const).map((type) => ({
    type,
    status: "True" as const,
  }));
  report(harness, "n1", { type: "Ready", status: "False" }, ...pressed);
  await harness.settle();
  expect(taints(harness, "n1")).toEqual([
    "dedicated:NoSchedule",
    "node.kubernetes.io/disk-pressure:NoSchedule",
    "node.kubernetes.io/memory-pressure:NoSchedule",
    "node.kubernetes.io/network-unavailable:NoSchedule",
    "node.kubernetes.io/not-ready:NoSchedule",
    "node.kubernetes.io/pid-pressure:NoSchedule",
    "node.kubernetes.io/unschedulable:NoSchedule",
  ]);
  harness.cluster.change(Node, node(harness, "n1"), {
    spec: { taints: node(harness, "n1").spec.taints },
    status: { conditions: [ready] },
  });
  await harness.settle();
  expect(taints(harness, "n1")).toEqual(["dedicated:NoSchedule"]);
});

describe("a pod on a tainted node", () => {
  const now = start + 1_000_000;
  const seconds = (count: number) => timeOf(now + count * 1000);
  const unreachable: Taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded: seconds(-10) };
  const pod = (tolerations: readonly Toleration[], created = -100): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: seconds(created) },
    spec: { containers: [], tolerations },
  });
  test.each([
    { name: "stays without a taint that evicts", pod: pod([]), taints: [], leaves: undefined },
    { name: "leaves at once if it tolerates nothing", pod: pod([]), taints: [unreachable], leaves: 0 },
    { name: "leaves when its patience ends", pod: pod(tolerate(30)), taints: [unreachable], leaves: 20 },
    { name: "stays if its patience has no end", pod: pod(tolerate()), taints: [unreachable], leaves: undefined },
    {
      name: "is as patient as its least patient toleration",
      pod: pod([...tolerate(30), { operator: "Exists", tolerationSeconds: 15 }]),
      taints: [unreachable],
      leaves: 5,
    },
    {
      name: "counts from when it came, if the taint was there first",
      pod: pod(tolerate(30), -5),
      taints: [unreachable],
      leaves: 25,
    },
    {
      name: "must tolerate every one of the taints",
      pod: pod(tolerate()),
      taints: [unreachable, { key: "other", effect: "NoExecute" } as const],
      leaves: 0,
    },
  ])("$name", ({ pod, taints, leaves }) => {
    expect(leavesAt(pod, taints, now)).toBe(leaves === undefined ? undefined : now + leaves * 1000);
  });
});

describe("pods that nobody else can remove", () => {
  test("go when their node has been gone for 40 seconds", async () => {
    await using harness = await run([podCollector()], {
      given: (cluster) => {
        addNode(cluster, "n1");
        addPod(cluster, "stays", "n1");
        addPod(cluster, "lost", "gone");
        addPod(cluster, "waiting", undefined);
      },
    });
    await harness.pass(39_000);
    expect(harness.cluster.get(Pod, "lost")).toBeDefined();
    await harness.pass(2000);
    expect(harness.cluster.all(Pod).map(({ metadata }) => metadata.name)).toEqual(["stays", "waiting"]);
  });

  test("go when they are being deleted and were never bound", async () => {
    await using harness = await run([podCollector()], {
      given: (cluster) => {
        const metadata = { name: "p", namespace: "default", deletionTimestamp: timeOf(start) };
        cluster.put(Pod, { metadata, spec: { containers: [] } });
      },
    });
    expect(harness.cluster.all(Pod)).toEqual([]);
  });

  test("go when they are finished and too many, the evicted and the oldest first", async () => {
    await using harness = await run([podCollector({ finishedKept: 2 })], {
      given: (cluster) => {
        const ended = (name: string, age: number, status: NonNullable<Pod["status"]>) =>
          cluster.put(Pod, {
            metadata: { name, namespace: "default", creationTimestamp: timeOf(start - age * 1000) },
            spec: { containers: [] },
            status,
          });
        ended("oldest", 90, { phase: "Succeeded" });
        ended("old", 80, { phase: "Failed" });
        ended("evicted", 10, { phase: "Failed", reason: "Evicted" });
        ended("young", 20, { phase: "Succeeded" });
        addPod(cluster, "running", "n1");
        addNode(cluster, "n1");
      },
    });
    expect(harness.cluster.all(Pod).map(({ metadata }) => metadata.name)).toEqual(["old", "young", "running"]);
  });
});

describe("pod subnets", () => {
  const rangeOf = (harness: Harness, name: string) => node(harness, name).spec.podCIDRs;

  test("every node has its own, and one that a node brought is respected", async () => {
    await using harness = await run([nodeRangeController({ podRange: "10.244.0.0/16" })], {
      given: (cluster) => {
        cluster.put(Node, {
          metadata: { name: "n0" },
          spec: { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] },
        });
      },
    });
    for (let index = 1; index <= 5; index += 1) addNode(harness.cluster, `n${index}`);
    await harness.settle();
    const ranges = ["n1", "n2", "n3", "n4", "n5"].map((name) => rangeOf(harness, name)?.[0]);
    expect(new Set(ranges)).toEqual(
      new Set(["10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24", "10.244.5.0/24"]),
    );
    expect(node(harness, "n1").spec.podCIDR).toBe(ranges[0]);
  });

  test("the local copy may lag: no subnet is given twice", async () => {
    await using harness = await run([nodeRangeController({ podRange: "10.244.0.0/16" })]);
    for (const name of ["a", "b", "c"]) addNode(harness.cluster, name);
    await new Promise((resolve) => setImmediate(resolve));
    harness.cluster.hold();
    await harness.settle();
    harness.cluster.release();
    await harness.settle();
    expect(new Set(["a", "b", "c"].map((name) => rangeOf(harness, name)?.[0])).size).toBe(3);
  });

  test("a node that finds none is told, and gets one when another node goes", async () => {
    await using harness = await run([nodeRangeController({ podRange: "10.244.0.0/23" })]);
    for (const name of ["a", "b", "c"]) addNode(harness.cluster, name);
    await harness.settle();
    expect(rangeOf(harness, "c")).toBeUndefined();
    expect(harness.events()).toContain("CIDRNotAvailable: Node c status is now: CIDRNotAvailable");
    harness.cluster.remove(Node, node(harness, "a"));
    await harness.pass(30_000);
    expect(rangeOf(harness, "c")).toEqual(["10.244.0.0/24"]);
  });

  test("two families give two subnets", async () => {
    await using harness = await run([nodeRangeController({ podRange: "10.244.0.0/16, fd00:10:244::/56" })]);
    addNode(harness.cluster, "a");
    await harness.settle();
    expect(rangeOf(harness, "a")).toEqual(["10.244.0.0/24", "fd00:10:244::/64"]);
  });
});
