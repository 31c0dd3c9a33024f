import { expect, test } from "vitest";
import { PersistentVolume } from "../../src/api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../src/api/core/persistent-volume-claim.ts";
import { StorageClass } from "../../src/api/storage/storage-class.ts";
import { openSchedulerCluster, type SchedulerCluster } from "./scheduler-cluster.ts";

const using = (claimName: string, more: object = {}) => ({
  spec: { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }], ...more },
});
const notHelpful = "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";

async function withWaitingClaim(it: SchedulerCluster, provisioner = "kubernetes.io/no-provisioner"): Promise<void> {
  for (const name of ["n1", "n2"]) await it.addNode(name);
  await it.client.create(StorageClass, {
    metadata: { name: "wait" },
    provisioner,
    volumeBindingMode: "WaitForFirstConsumer",
  });
  await it.client.create(PersistentVolumeClaim, {
    metadata: { name: "later", namespace: "default" },
    spec: { storageClassName: "wait", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
  await it.cluster.settle();
}

async function createVolume(it: SchedulerCluster, name: string, node: string): Promise<void> {
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In" as const, values: [node] }];
  const volume = await it.client.create(PersistentVolume, {
    metadata: { name },
    spec: {
      storageClassName: "wait",
      capacity: { storage: "2Gi" },
      accessModes: ["ReadWriteOnce"],
      local: { path: "/d" },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
    },
  });
  // As the volume controller says of a new one.
  await it.client.updateStatus(PersistentVolume, { ...volume, status: { phase: "Available" } });
  await it.cluster.settle();
}

/** What the volume controller does once a volume points to the claim, or a provisioner has made one. */
async function bindClaim(it: SchedulerCluster, volumeName: string): Promise<void> {
  const body = { metadata: { annotations: { "pv.kubernetes.io/bind-completed": "yes" } }, spec: { volumeName } };
  await it.client.patch(PersistentVolumeClaim, { namespace: "default", name: "later" }, { type: "merge", body });
  await it.cluster.settle();
}

test("a missing claim and one that is not bound keep a pod waiting, with upstream's words", async () => {
  await using it = await openSchedulerCluster();
  for (const name of ["n1", "n2"]) await it.addNode(name);
  await it.createPod("missing", using("nope"));
  expect(await it.whyNot("missing")).toBe(
    `0/2 nodes are available: persistentvolumeclaim "nope" not found. ${notHelpful}`,
  );
  await it.client.create(PersistentVolumeClaim, {
    metadata: { name: "now", namespace: "default" },
    spec: { storageClassName: "none", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
  await it.createPod("unbound", using("now"));
  expect(await it.whyNot("unbound")).toBe(
    `0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. ${notHelpful}`,
  );
});

test("a claim that waits for its pod is bound to a volume where the pod can go, and only then is the pod bound", async () => {
  await using it = await openSchedulerCluster();
  await withWaitingClaim(it);
  await it.createPod("waits", using("later"));
  expect(await it.whyNot("waits")).toBe(
    `0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. ${notHelpful}`,
  );
  await createVolume(it, "pv", "n2");
  await it.cluster.pass(2000);
  const { spec } = await it.client.get(PersistentVolume, { name: "pv" });
  expect(spec?.claimRef).toMatchObject({ namespace: "default", name: "later" });
  expect(await it.places()).toEqual({ waits: "" });
  await bindClaim(it, "pv");
  expect(await it.places()).toEqual({ waits: "n2" });
  await it.createPod("other-node", using("later", { nodeSelector: { "kubernetes.io/hostname": "n1" } }));
  expect(await it.whyNot("other-node")).toBe(
    `0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) didn't match Pod's node affinity/selector. ${notHelpful}`,
  );
});

test("a provisioner is told the node, and when it cannot provide there the pod is tried again", async () => {
  await using it = await openSchedulerCluster();
  await withWaitingClaim(it, "x.io");
  await it.createPod("p", using("later"));
  const selected = async () => {
    const claim = await it.client.get(PersistentVolumeClaim, { namespace: "default", name: "later" });
    return claim.metadata.annotations?.["volume.kubernetes.io/selected-node"];
  };
  expect(await selected()).toMatch(/^n[12]$/);
  const body = { metadata: { annotations: { "volume.kubernetes.io/selected-node": null } } };
  await it.client.patch(PersistentVolumeClaim, { namespace: "default", name: "later" }, { type: "merge", body });
  await it.cluster.settle();
  expect(await it.eventsOf("p")).toContain('FailedScheduling: provisioning failed for PVC "later"');
  await it.cluster.pass(2000);
  const node = await selected();
  expect(node).toMatch(/^n[12]$/);
  await createVolume(it, "made", node ?? "");
  await bindClaim(it, "made");
  expect(await it.places()).toEqual({ p: node });
});
