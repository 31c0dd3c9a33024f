import { describe, expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { CSIDriver } from "../../api/storage/csi-driver.ts";
import { VolumeAttachment } from "../../api/storage/volume-attachment.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { attachDetachController } from "./attach-detach.ts";
import { attachmentName } from "./desired.ts";

const driver = "disk.example.com";
const inUse = `kubernetes.io/csi/${driver}^handle`;
const node = (cluster: FakeCluster, name: string, status: object = {}) =>
  cluster.put(Node, {
    metadata: { name, annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" } },
    spec: {},
    status: { conditions: [{ type: "Ready", status: "True" }], ...status },
  } as never);
const pod = (cluster: FakeCluster, name: string, nodeName: string) =>
  cluster.put(Pod, {
    metadata: { name, namespace: "default" },
    spec: { nodeName, containers: [], volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }] },
    status: { phase: "Pending" },
  } as never);
const storage = (cluster: FakeCluster, accessModes: readonly string[] = ["ReadWriteOnce"]) => {
  cluster.put(PersistentVolume, {
    metadata: { name: "pv" },
    spec: {
      accessModes,
      csi: { driver, volumeHandle: "handle" },
      claimRef: { namespace: "default", name: "data", uid: "c1" },
    },
  } as never);
  cluster.put(PersistentVolumeClaim, {
    metadata: { name: "data", namespace: "default", uid: "c1" },
    spec: { volumeName: "pv" },
    status: { phase: "Bound" },
  } as never);
};
const start = (given: (cluster: FakeCluster) => void) => run([attachDetachController()], { given });
const attachments = ({ cluster }: Harness) => cluster.all(VolumeAttachment).map(({ spec }) => spec.nodeName);
const attachedTo = ({ cluster }: Harness, name: string) =>
  cluster.get(Node, name)?.status?.volumesAttached?.map((volume) => volume.name);
/** What the driver's attacher does. */
const answer = async (harness: Harness, status: object) => {
  for (const each of harness.cluster.all(VolumeAttachment)) harness.cluster.change(VolumeAttachment, each, { status });
  await harness.settle();
};
const end = async (harness: Harness, name: string) => {
  harness.cluster.remove(Pod, harness.cluster.get(Pod, name)!);
  await harness.settle();
};
const ready = (cluster: FakeCluster) => {
  node(cluster, "n1");
  storage(cluster);
  pod(cluster, "web", "n1");
};

describe("a volume", () => {
  test("is attached to the node of its pod, and the node is told when the driver has done it", async () => {
    await using harness = await start(ready);
    const [attachment] = harness.cluster.all(VolumeAttachment);
    expect(attachment).toMatchObject({
      metadata: { name: attachmentName("handle", driver, "n1") },
      spec: { attacher: driver, nodeName: "n1", source: { persistentVolumeName: "pv" } },
    });
    expect(attachedTo(harness, "n1")).toBeUndefined();
    await answer(harness, { attached: true });
    expect(attachedTo(harness, "n1")).toEqual([inUse]);
    expect(harness.events()).toEqual(['SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "pv" ']);
  });

  test("that cannot be attached makes its pods say why", async () => {
    await using harness = await start(ready);
    await answer(harness, { attached: false, attachError: { message: "no such disk" } });
    expect(harness.events()).toEqual(['FailedAttachVolume: AttachVolume.Attach failed for volume "pv" : no such disk']);
  });

  test("of a driver that attaches nothing is left alone", async () => {
    await using harness = await start((cluster) => {
      cluster.put(CSIDriver, { metadata: { name: driver }, spec: { attachRequired: false } } as never);
      ready(cluster);
    });
    expect(attachments(harness)).toEqual([]);
  });

  test("is let go when its pod is gone: off the node's list, then detached", async () => {
    await using harness = await start(ready);
    await answer(harness, { attached: true });
    await end(harness, "web");
    expect(attachments(harness)).toEqual([]);
    expect(attachedTo(harness, "n1")).toEqual([]);
    const calls = harness.cluster.calls.filter(({ kind }) => kind === "Node" || kind === "VolumeAttachment");
    expect(calls.slice(-2).map(({ verb, kind }) => `${verb} ${kind}`)).toEqual([
      "patch Node",
      "delete VolumeAttachment",
    ]);
  });

  test("is kept while the node uses it, and reported", async () => {
    await using harness = await start(ready);
    await answer(harness, { attached: true });
    const n1 = harness.cluster.get(Node, "n1")!;
    harness.cluster.change(Node, n1, { status: { ...n1.status, volumesInUse: [inUse] } });
    await end(harness, "web");
    await harness.pass(3_600_000);
    expect(attachments(harness)).toEqual(["n1"]);
    expect(attachedTo(harness, "n1")).toEqual([inUse]);
    const used = harness.cluster.get(Node, "n1")!;
    harness.cluster.change(Node, used, { status: { ...used.status, volumesInUse: [] } });
    await harness.settle();
    expect(attachments(harness)).toEqual([]);
  });

  test.each([
    { name: "six minutes after its pod went, if the node is not ready", taints: [], kept: true },
    { name: "at once, if the node is out of service", taints: ["node.kubernetes.io/out-of-service"], kept: false },
  ])("is taken from a node that uses it $name", async ({ taints, kept }) => {
    await using harness = await start(ready);
    await answer(harness, { attached: true });
    const n1 = harness.cluster.get(Node, "n1")!;
    const status = { ...n1.status, volumesInUse: [inUse], conditions: [{ type: "Ready", status: "Unknown" }] };
    harness.cluster.change(Node, n1, { spec: { taints: taints.map((key) => ({ key, effect: "NoExecute" })) }, status });
    await end(harness, "web");
    expect(attachments(harness)).toEqual(kept ? ["n1"] : []);
    await harness.pass(361_000);
    expect(attachments(harness)).toEqual([]);
  });

  test.each([
    { modes: ["ReadWriteOnce"], nodes: ["n1"] },
    { modes: ["ReadWriteMany"], nodes: ["n1", "n2"] },
  ])("of modes $modes with pods on two nodes is attached to $nodes", async ({ modes, nodes }) => {
    await using harness = await start((cluster) => {
      node(cluster, "n1");
      node(cluster, "n2");
      storage(cluster, modes);
      pod(cluster, "one", "n1");
    });
    pod(harness.cluster, "two", "n2");
    await harness.settle();
    expect(attachments(harness).sort()).toEqual(nodes);
    const refused =
      'FailedAttachVolume: Multi-Attach error for volume "pv" Volume is already exclusively attached to one node and can\'t be attached to another';
    expect(harness.events()).toEqual(nodes.length > 1 ? [] : [refused]);
    await end(harness, "one");
    expect(attachments(harness)).toEqual(["n2"]);
  });

  test("is detached from a node that is gone", async () => {
    await using harness = await start(ready);
    harness.cluster.remove(Node, harness.cluster.get(Node, "n1")!);
    await end(harness, "web");
    expect(attachments(harness)).toEqual([]);
  });
});
