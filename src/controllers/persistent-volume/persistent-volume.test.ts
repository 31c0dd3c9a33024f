import { describe, expect, test } from "vitest";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { StorageClass } from "../../api/storage/storage-class.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { volumeClaimController } from "./claims.ts";
import { claimProtectionController, volumeProtectionController } from "./protection.ts";
import { volumeController } from "./volumes.ts";

const all = [volumeClaimController, volumeController, claimProtectionController, volumeProtectionController];
const start = (given: (cluster: FakeCluster) => void = () => {}) => run(all, { given });
type VolumeSpec = Partial<PersistentVolume["spec"]>;
type ClaimSpec = Partial<PersistentVolumeClaim["spec"]>;
const volume = (cluster: FakeCluster, name: string, storage: string, spec: VolumeSpec = {}, more: object = {}) =>
  cluster.put(PersistentVolume, {
    metadata: { name, finalizers: ["kubernetes.io/pv-protection"], ...more },
    spec: { capacity: { storage }, accessModes: ["ReadWriteOnce"], storageClassName: "c", ...spec },
  });
const claim = (cluster: FakeCluster, name: string, storage: string, spec: ClaimSpec = {}) =>
  cluster.put(PersistentVolumeClaim, {
    metadata: { name, namespace: "default", finalizers: ["kubernetes.io/pvc-protection"] },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, storageClassName: "c", ...spec },
    status: { phase: "Pending" },
  });
const phases = ({ cluster }: Harness) =>
  Object.fromEntries(
    [...cluster.all(PersistentVolume), ...cluster.all(PersistentVolumeClaim)].map(({ metadata, status }) => [
      metadata.name,
      status?.phase,
    ]),
  );
const boundTo = ({ cluster }: Harness, name: string) => cluster.get(PersistentVolumeClaim, name)?.spec.volumeName;
const remove = ({ cluster }: Harness, name: string) =>
  cluster.client.delete(PersistentVolumeClaim, { namespace: "default", name });

describe("a claim", () => {
  test("takes the smallest volume that is large enough and of its class", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "v10", "10Gi");
      volume(cluster, "v5", "5Gi");
      volume(cluster, "v2", "2Gi");
      volume(cluster, "other", "3Gi", { storageClassName: "other" });
      claim(cluster, "three", "3Gi");
    });
    expect(phases(harness)).toEqual({
      v10: "Available",
      v5: "Bound",
      v2: "Available",
      other: "Available",
      three: "Bound",
    });
    const bound = harness.cluster.get(PersistentVolumeClaim, "three")!;
    expect(bound.metadata.annotations).toEqual({
      "pv.kubernetes.io/bind-completed": "yes",
      "pv.kubernetes.io/bound-by-controller": "yes",
    });
    expect(bound.status).toEqual({ phase: "Bound", capacity: { storage: "5Gi" }, accessModes: ["ReadWriteOnce"] });
    expect(harness.cluster.get(PersistentVolume, "v5")?.spec.claimRef).toMatchObject({
      kind: "PersistentVolumeClaim",
      namespace: "default",
      name: "three",
      uid: bound.metadata.uid,
    });
  });

  test("asks for access modes, labels and a volume mode", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "rwx", "5Gi", { accessModes: ["ReadWriteOnce", "ReadWriteMany"] });
      volume(cluster, "gold", "6Gi", {}, { labels: { tier: "gold" } });
      volume(cluster, "block", "7Gi", { volumeMode: "Block" });
      claim(cluster, "many", "1Gi", { accessModes: ["ReadWriteMany"] });
      claim(cluster, "golden", "1Gi", { selector: { matchLabels: { tier: "gold" } } });
      claim(cluster, "raw", "1Gi", { volumeMode: "Block" });
      claim(cluster, "silver", "1Gi", { selector: { matchLabels: { tier: "silver" } } });
    });
    expect(["many", "golden", "raw", "silver"].map((name) => boundTo(harness, name))).toEqual([
      "rwx",
      "gold",
      "block",
      undefined,
    ]);
  });

  test("gets a volume to itself, however many ask at once", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "v1", "1Gi");
      volume(cluster, "v2", "1Gi");
      for (const name of ["a", "b", "c"]) claim(cluster, name, "1Gi");
    });
    const bound = ["a", "b", "c"].map((name) => boundTo(harness, name));
    expect(new Set(bound)).toEqual(new Set(["v1", "v2", undefined]));
    volume(harness.cluster, "v3", "1Gi");
    await harness.settle();
    expect(Object.values(phases(harness))).not.toContain("Pending");
  });

  test("may name its volume, and says why that cannot be", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "small", "1Gi");
      claim(cluster, "big", "5Gi", { volumeName: "small" });
      claim(cluster, "fits", "1Gi", { volumeName: "small" });
      claim(cluster, "absent", "1Gi", { volumeName: "absent" });
    });
    expect(phases(harness)).toMatchObject({ big: "Pending", fits: "Bound", absent: "Pending" });
    expect(harness.events()).toContain(
      'VolumeMismatch: Cannot bind to requested volume "small": requested PV is too small',
    );
    await harness.pass(15_000);
    expect(harness.events()).toContain('FailedBinding: volume "small" already bound to a different claim.');
  });

  test("that a volume is promised to gets it, wherever the class says otherwise", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "promised", "9Gi", { storageClassName: "c", claimRef: { namespace: "default", name: "mine" } });
      volume(cluster, "smaller", "1Gi");
      claim(cluster, "mine", "1Gi");
    });
    expect(boundTo(harness, "mine")).toBe("promised");
    expect(harness.cluster.get(PersistentVolume, "promised")?.metadata.annotations).toEqual({});
  });

  test.each([
    {
      name: "no class",
      spec: { storageClassName: "" },
      event: "FailedBinding: no persistent volumes available for this claim and no storage class is set",
    },
    { name: "an unknown class", spec: {}, event: 'ProvisioningFailed: storageclass.storage.k8s.io "c" not found' },
  ])("with $name and no volume is told what is missing", async ({ spec, event }) => {
    await using harness = await start((cluster) => claim(cluster, "c", "1Gi", spec));
    expect(harness.events()).toContain(event);
  });

  test("of a class with a provisioner is handed to it", async () => {
    await using harness = await start((cluster) => {
      cluster.put(StorageClass, { metadata: { name: "c" }, provisioner: "example.com/disks" });
      claim(cluster, "c", "1Gi");
    });
    expect(harness.cluster.get(PersistentVolumeClaim, "c")?.metadata.annotations).toEqual({
      "volume.beta.kubernetes.io/storage-provisioner": "example.com/disks",
      "volume.kubernetes.io/storage-provisioner": "example.com/disks",
    });
    expect(harness.events().join()).toContain("ExternalProvisioning: Waiting for a volume to be created either by");
  });

  test("of a class that waits for a pod waits for it", async () => {
    await using harness = await start((cluster) => {
      const provisioner = "example.com/disks";
      cluster.put(StorageClass, { metadata: { name: "c" }, provisioner, volumeBindingMode: "WaitForFirstConsumer" });
      volume(cluster, "v", "1Gi");
      claim(cluster, "c", "1Gi");
    });
    expect(boundTo(harness, "c")).toBeUndefined();
    expect(harness.events()).toContain("WaitForFirstConsumer: waiting for first consumer to be created before binding");
  });

  test("whose volume is gone is lost", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "v", "1Gi");
      claim(cluster, "c", "1Gi");
    });
    harness.cluster.remove(PersistentVolume, harness.cluster.get(PersistentVolume, "v")!);
    await harness.settle();
    expect(phases(harness)).toEqual({ c: "Lost" });
    expect(harness.events()).toContain(
      "ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!",
    );
  });

  test("is bound in the end even if the controller is killed between any two of its writes", async () => {
    for (let crash = 1; crash <= 5; crash += 1) {
      await using harness = await start((cluster) => {
        let writes = 0;
        cluster.refuse = () => {
          writes += 1;
          if (writes === crash) throw new Error("the controller was killed");
        };
        volume(cluster, "v", "1Gi");
        volume(cluster, "w", "1Gi");
        claim(cluster, "c", "1Gi");
      });
      await harness.pass(20_000);
      const bound = boundTo(harness, "c") ?? "";
      expect(phases(harness)).toEqual({ v: "Available", w: "Available", c: "Bound", [bound]: "Bound" });
    }
  });
});

describe("a volume whose claim is gone", () => {
  const bound = (policy: "Retain" | "Delete" | "Recycle", annotations: Record<string, string> = {}) =>
    start((cluster) => {
      volume(cluster, "v", "1Gi", { persistentVolumeReclaimPolicy: policy }, { annotations });
      claim(cluster, "c", "1Gi");
    });

  test("is kept for somebody to look at, and free when its reference is taken away", async () => {
    await using harness = await bound("Retain");
    await remove(harness, "c");
    await harness.settle();
    expect(phases(harness)).toEqual({ v: "Released" });
    claim(harness.cluster, "next", "1Gi");
    await harness.settle();
    expect(boundTo(harness, "next")).toBeUndefined();
    const { claimRef: _, ...spec } = harness.cluster.get(PersistentVolume, "v")!.spec;
    harness.cluster.change(PersistentVolume, harness.cluster.get(PersistentVolume, "v")!, { spec });
    await harness.settle();
    expect(phases(harness)).toEqual({ v: "Bound", next: "Bound" });
  });

  test("is left to its provisioner to delete", async () => {
    await using harness = await bound("Delete", { "pv.kubernetes.io/provisioned-by": "example.com/disks" });
    await remove(harness, "c");
    await harness.settle();
    expect(phases(harness)).toEqual({ v: "Released" });
  });

  test("says so when nobody can delete it", async () => {
    await using harness = await bound("Delete");
    await remove(harness, "c");
    await harness.settle();
    expect(phases(harness)).toEqual({ v: "Failed" });
    expect(harness.events()).toContain("VolumeFailedDelete: no deletable volume plugin matched");
  });
});

describe("protection", () => {
  test("a claim that is deleted stays while a pod on a node uses it", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "v", "1Gi");
      claim(cluster, "c", "1Gi");
      const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "c" } }];
      cluster.put(Pod, {
        metadata: { name: "p", namespace: "default" },
        spec: { nodeName: "n1", containers: [], volumes },
      });
    });
    await remove(harness, "c");
    await harness.settle();
    expect(harness.cluster.get(PersistentVolumeClaim, "c")?.metadata.deletionTimestamp).toBeDefined();
    harness.cluster.remove(Pod, harness.cluster.get(Pod, "p")!);
    await harness.settle();
    expect(harness.cluster.get(PersistentVolumeClaim, "c")).toBeUndefined();
  });

  test("a volume that is deleted stays while a claim is bound to it", async () => {
    await using harness = await start((cluster) => {
      volume(cluster, "v", "1Gi");
      claim(cluster, "c", "1Gi");
    });
    await harness.cluster.client.delete(PersistentVolume, { name: "v" });
    await harness.settle();
    expect(harness.cluster.get(PersistentVolume, "v")).toBeDefined();
    await remove(harness, "c");
    await harness.settle();
    expect(harness.cluster.get(PersistentVolume, "v")).toBeUndefined();
  });

  test("what came without its finalizer gets it", async () => {
    await using harness = await start((cluster) => volume(cluster, "v", "1Gi", {}, { finalizers: [] }));
    expect(harness.cluster.get(PersistentVolume, "v")?.metadata.finalizers).toEqual(["kubernetes.io/pv-protection"]);
  });
});
