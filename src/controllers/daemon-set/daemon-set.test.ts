import { describe, expect, test } from "vitest";
import { ControllerRevision } from "../../api/apps/controller-revision.ts";
import { DaemonSet } from "../../api/apps/daemon-set.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { Taint } from "../../api/generated/core-v1.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { podStatus, template } from "../framework/testing/samples.ts";
import { daemonSetController } from "./daemon-set.ts";
import { targetNode } from "./placement.ts";

const addNode = (
  { cluster }: Pick<Harness, "cluster">,
  name: string,
  spec: object = {},
  labels: Record<string, string> = {},
) => cluster.put(Node, { metadata: { name, labels }, spec });
const start = (...nodes: readonly string[]) =>
  run([daemonSetController()], {
    given: (cluster) => {
      for (const name of nodes) addNode({ cluster }, name);
    },
  });
const draft = (spec: Partial<DaemonSet["spec"]> = {}) => ({
  metadata: {
    name: "ds",
    namespace: "default",
    annotations: { "deprecated.daemonset.template.generation": "1" },
  },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: template(),
    updateStrategy: { type: "RollingUpdate" as const, rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    revisionHistoryLimit: 10,
    ...spec,
  },
});
const set = ({ cluster }: Harness) => cluster.get(DaemonSet, "ds")!;
const change = (harness: Harness, spec: Partial<DaemonSet["spec"]>) =>
  harness.cluster.client.update(DaemonSet, { ...set(harness), spec: { ...set(harness).spec, ...spec } });
const alive = ({ cluster }: Harness) => cluster.all(Pod).filter(({ metadata }) => !metadata.deletionTimestamp);
const placed = (harness: Harness) =>
  alive(harness)
    .map((pod) => `${targetNode(pod)} ${pod.spec.containers[0]?.image}`)
    .sort();

/** Plays kubelets until nothing changes: pods run on the node they are meant for; `ready` says which are ready. */
async function kubelet(harness: Harness, ready: (pod: Pod) => boolean = () => true): Promise<void> {
  const { cluster, clock } = harness;
  for (let changed = true; changed; ) {
    changed = false;
    await harness.settle();
    for (const pod of cluster.all(Pod)) {
      const { phase } = pod.status ?? {};
      if (pod.metadata.deletionTimestamp) cluster.remove(Pod, pod);
      else if (phase === "Failed" || phase === "Succeeded") continue;
      else if (phase && (pod.status?.conditions?.[0]?.status === "True") === ready(pod)) continue;
      else
        cluster.change(Pod, pod, {
          spec: { ...pod.spec, nodeName: targetNode(pod) },
          status: podStatus(ready(pod), clock.now()),
        });
      changed = true;
    }
  }
}
const runs = (image: string) => (pod: Pod) => pod.spec.containers[0]?.image === image;
const taint = ({ cluster }: Harness, name: string, ...taints: readonly Taint[]) =>
  cluster.change(Node, cluster.get(Node, name)!, { spec: { taints } });

describe("nodes", () => {
  test("each get one pod, meant for them alone, which stands what others do not", async () => {
    await using harness = await start("n1", "n2");
    await harness.cluster.client.create(DaemonSet, draft());
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:1", "n2 img:1"]);
    const [pod] = alive(harness);
    expect(pod?.metadata.labels).toMatchObject({ app: "web", "pod-template-generation": "1" });
    expect(pod?.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual({
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [pod?.spec.nodeName] }] }],
    });
    expect(pod?.spec.tolerations?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
      "node.kubernetes.io/not-ready:NoExecute",
      "node.kubernetes.io/unreachable:NoExecute",
      "node.kubernetes.io/disk-pressure:NoSchedule",
      "node.kubernetes.io/memory-pressure:NoSchedule",
      "node.kubernetes.io/pid-pressure:NoSchedule",
      "node.kubernetes.io/unschedulable:NoSchedule",
    ]);
    expect(set(harness).status).toEqual({
      observedGeneration: 1,
      desiredNumberScheduled: 2,
      currentNumberScheduled: 2,
      numberReady: 2,
      numberAvailable: 2,
      numberMisscheduled: 0,
      updatedNumberScheduled: 2,
    });
    const [revision] = harness.cluster.all(ControllerRevision);
    expect(revision?.metadata.labels?.["controller-revision-hash"]).toBe(
      pod?.metadata.labels?.["controller-revision-hash"],
    );
  });

  test("that come get a pod, those that do not match lose it", async () => {
    await using harness = await start();
    addNode(harness, "n1", {}, { disk: "ssd" });
    addNode(harness, "n2");
    const spec = { ...template().spec!, nodeSelector: { disk: "ssd" } };
    await harness.cluster.client.create(DaemonSet, draft({ template: { ...template(), spec } }));
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:1"]);
    const relabel = (name: string, labels: Record<string, string>) => {
      const node = harness.cluster.get(Node, name)!;
      harness.cluster.change(Node, node, { metadata: { ...node.metadata, labels } });
    };
    relabel("n2", { disk: "ssd" });
    addNode(harness, "n3", {}, { disk: "ssd" });
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:1", "n2 img:1", "n3 img:1"]);
    relabel("n1", {});
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n2 img:1", "n3 img:1"]);
  });

  test("with a taint: NoSchedule keeps new pods away but not running ones, NoExecute removes them", async () => {
    await using harness = await start("n1", "n2");
    taint(harness, "n2", { key: "dedicated", value: "x", effect: "NoSchedule" });
    addNode(harness, "n3", { taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] });
    await harness.cluster.client.create(DaemonSet, draft());
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:1", "n3 img:1"]);
    taint(harness, "n1", { key: "dedicated", value: "x", effect: "NoSchedule" });
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:1", "n3 img:1"]);
    expect(set(harness).status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 1 });
    taint(harness, "n1", { key: "dedicated", value: "x", effect: "NoExecute" });
    taint(harness, "n2");
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n2 img:1", "n3 img:1"]);
  });

  test("hold no more than one pod: the oldest stays", async () => {
    await using harness = await start("n1");
    await harness.cluster.client.create(DaemonSet, draft());
    await kubelet(harness);
    const [first] = alive(harness);
    await harness.pass(5000);
    harness.cluster.put(Pod, {
      metadata: {
        name: "second",
        namespace: "default",
        labels: first!.metadata.labels!,
        ownerReferences: first!.metadata.ownerReferences!,
      },
      spec: first!.spec,
      status: first!.status!,
    });
    await kubelet(harness);
    expect(alive(harness).map(({ metadata }) => metadata.name)).toEqual([first!.metadata.name]);
  });

  test("that are gone leave no pod that was never bound", async () => {
    await using harness = await start("n1");
    await harness.cluster.client.create(DaemonSet, draft());
    await harness.settle();
    harness.cluster.remove(Node, harness.cluster.get(Node, "n1")!);
    await harness.settle();
    expect(alive(harness)).toEqual([]);
  });
});

describe("pods that end", () => {
  test("are replaced, each time after a longer pause", async () => {
    await using harness = await start("n1");
    await harness.cluster.client.create(DaemonSet, draft());
    await kubelet(harness);
    const fail = async () => {
      harness.cluster.change(Pod, alive(harness)[0]!, { status: { phase: "Failed" } });
      await kubelet(harness);
    };
    const failed = () => alive(harness).filter(({ status }) => status?.phase === "Failed").length;
    await fail();
    expect(failed()).toBe(0);
    expect(harness.events().join()).toContain("FailedDaemonPod: Found failed daemon pod default/ds-");
    await fail();
    expect(failed()).toBe(1);
    await harness.pass(1100);
    await kubelet(harness);
    expect(failed()).toBe(0);
    await fail();
    await harness.pass(1100);
    expect(failed()).toBe(1);
    await harness.pass(1000);
    await kubelet(harness);
    expect(failed()).toBe(0);
  });
});

describe("an update", () => {
  test("replaces one pod at a time and stops while a new one is not ready", async () => {
    await using harness = await start("n1", "n2", "n3");
    await harness.cluster.client.create(DaemonSet, draft());
    await kubelet(harness);
    await change(harness, { template: template("img:2") });
    await kubelet(harness, runs("img:1"));
    expect(placed(harness).filter((pod) => pod.endsWith("img:2"))).toHaveLength(1);
    expect(set(harness).status).toMatchObject({ numberAvailable: 2, numberUnavailable: 1, updatedNumberScheduled: 1 });
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:2", "n2 img:2", "n3 img:2"]);
  });

  test("replaces pods that are not available without counting them", async () => {
    await using harness = await start("n1", "n2", "n3");
    await harness.cluster.client.create(DaemonSet, draft());
    await kubelet(harness, () => false);
    await change(harness, { template: template("img:2") });
    await kubelet(harness, runs("img:2"));
    expect(placed(harness)).toEqual(["n1 img:2", "n2 img:2", "n3 img:2"]);
  });

  test("with a surge makes the new pod first, and removes the old one when it is available", async () => {
    await using harness = await start("n1", "n2", "n3");
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } as const;
    await harness.cluster.client.create(DaemonSet, draft({ updateStrategy }));
    await kubelet(harness);
    await change(harness, { template: template("img:2") });
    await kubelet(harness, runs("img:1"));
    const old = placed(harness).filter((pod) => pod.endsWith("img:1"));
    expect(old).toHaveLength(3);
    expect(placed(harness)).toHaveLength(4);
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:2", "n2 img:2", "n3 img:2"]);
  });

  test("with OnDelete waits for somebody to delete the pods", async () => {
    await using harness = await start("n1", "n2");
    await harness.cluster.client.create(DaemonSet, draft({ updateStrategy: { type: "OnDelete" } }));
    await kubelet(harness);
    await change(harness, { template: template("img:2") });
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:1", "n2 img:1"]);
    const first = alive(harness).find((pod) => targetNode(pod) === "n1")!;
    await harness.cluster.client.delete(Pod, { namespace: "default", name: first.metadata.name });
    await kubelet(harness);
    expect(placed(harness)).toEqual(["n1 img:2", "n2 img:1"]);
  });
});

test("pods left by an orphaned set are adopted by the next of equal template, not replaced", async () => {
  await using harness = await start("n1");
  await harness.cluster.client.create(DaemonSet, draft());
  await kubelet(harness);
  const [pod] = alive(harness);
  const [revision] = harness.cluster.all(ControllerRevision);
  harness.cluster.remove(DaemonSet, set(harness));
  harness.cluster.change(Pod, pod!, { metadata: { ...pod!.metadata, ownerReferences: [] } });
  harness.cluster.change(ControllerRevision, revision!, { metadata: { ...revision!.metadata, ownerReferences: [] } });
  await harness.cluster.client.create(DaemonSet, draft());
  await kubelet(harness);
  expect(alive(harness).map(({ metadata }) => metadata.uid)).toEqual([pod?.metadata.uid]);
  expect(harness.cluster.all(ControllerRevision)).toHaveLength(1);
});
