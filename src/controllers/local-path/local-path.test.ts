import { describe, expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { StorageClass } from "../../api/storage/storage-class.ts";
import { Fault } from "../../lib/fault.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { volumeClaimController } from "../persistent-volume/claims.ts";
import { claimProtectionController, volumeProtectionController } from "../persistent-volume/protection.ts";
import { volumeController } from "../persistent-volume/volumes.ts";
import { folderFinalizer, localPathProvisioner, type NodeFolders, provisionedBy } from "./node-folders.ts";
import { localPathProvisionerController, refusal } from "./provision.ts";
import { localPathReclaimController } from "./reclaim.ts";

/** Nodes that remember their folders; `broken` makes every call fail. */
class FakeNodes implements NodeFolders {
  readonly folders = new Set<string>();
  broken = false;

  async make(node: string, volume: string): Promise<string> {
    if (this.broken) throw new Fault("unavailable", `node ${node} is away`);
    this.folders.add(`${node}:${volume}`);
    return `/data/${volume}`;
  }

  async remove(node: string, volume: string): Promise<void> {
    if (this.broken) throw new Fault("unavailable", `node ${node} is away`);
    this.folders.delete(`${node}:${volume}`);
  }
}

const chosen = { "volume.kubernetes.io/selected-node": "n1" };
const claim = (cluster: FakeCluster, annotations: Readonly<Record<string, string>> = chosen, spec: object = {}) =>
  cluster.put(PersistentVolumeClaim, {
    metadata: { name: "data", namespace: "default", annotations, finalizers: ["kubernetes.io/pvc-protection"] },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "local-path",
      ...spec,
    },
    status: { phase: "Pending" },
  });

async function start(given: (cluster: FakeCluster) => void, reclaimPolicy = "Delete") {
  const nodes = new FakeNodes();
  const controllers = [
    volumeClaimController,
    volumeController,
    claimProtectionController,
    volumeProtectionController,
    localPathProvisionerController(nodes),
    localPathReclaimController(nodes),
  ];
  const harness = await run(controllers, {
    given: (cluster) => {
      cluster.put(StorageClass, {
        metadata: { name: "local-path" },
        provisioner: localPathProvisioner,
        reclaimPolicy,
        volumeBindingMode: "WaitForFirstConsumer",
        allowVolumeExpansion: true,
      } as never);
      cluster.put(Node, { metadata: { name: "n1", labels: { "kubernetes.io/hostname": "host-1" } }, spec: {} });
      given(cluster);
    },
  });
  return { harness, nodes };
}

const claimOf = ({ cluster }: Harness) => cluster.get(PersistentVolumeClaim, "data");
const volumeOf = ({ cluster }: Harness) => cluster.all(PersistentVolume)[0];
const removeClaim = async (harness: Harness) => {
  await harness.cluster.client.delete(PersistentVolumeClaim, { namespace: "default", name: "data" });
  await harness.settle();
};

describe("a claim for a folder", () => {
  test("waits until the scheduler has chosen a node", async () => {
    const { harness, nodes } = await start((cluster) => claim(cluster, {}));
    await using running = harness;
    expect(nodes.folders.size).toBe(0);
    expect(volumeOf(running)).toBeUndefined();
  });

  test("gets one on the chosen node, and is bound to it", async () => {
    const { harness, nodes } = await start(claim);
    await using running = harness;
    const bound = claimOf(running);
    const name = `pvc-${bound?.metadata.uid}`;
    expect([...nodes.folders]).toEqual([`n1:${name}`]);
    expect(bound?.status).toMatchObject({ phase: "Bound", capacity: { storage: "1Gi" } });
    const volume = volumeOf(running);
    expect(volume?.metadata).toMatchObject({ name, annotations: { [provisionedBy]: localPathProvisioner } });
    expect(volume?.metadata.finalizers).toContain(folderFinalizer);
    expect(volume?.spec).toMatchObject({
      local: { path: `/data/${name}` },
      persistentVolumeReclaimPolicy: "Delete",
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["host-1"] }] },
          ],
        },
      },
    });
    expect(running.events()).toEqual(
      expect.arrayContaining([
        'Provisioning: External provisioner is provisioning volume for claim "default/data"',
        `ProvisioningSucceeded: Successfully provisioned volume ${name}`,
      ]),
    );
  });

  test("goes back to the scheduler when its node is gone", async () => {
    const { harness } = await start((cluster) => claim(cluster, { "volume.kubernetes.io/selected-node": "lost" }));
    await using running = harness;
    expect(claimOf(running)?.metadata.annotations).not.toHaveProperty("volume.kubernetes.io/selected-node");
    expect(running.events()).toContain(
      'ProvisioningFailed: failed to provision volume with StorageClass "local-path": error getting selected node "lost": node "lost" not found',
    );
  });

  test("is tried again while its node is away", async () => {
    const { harness, nodes } = await start(() => {});
    await using running = harness;
    nodes.broken = true;
    claim(running.cluster);
    await running.settle();
    expect(running.events()).toContain(
      'ProvisioningFailed: failed to provision volume with StorageClass "local-path": node n1 is away',
    );
    nodes.broken = false;
    await running.pass(60_000);
    expect(claimOf(running)?.status?.phase).toBe("Bound");
  });

  test.each([
    { name: "several nodes", spec: { accessModes: ["ReadWriteMany"] }, why: "NodePath only supports" },
    { name: "a block device", spec: { volumeMode: "Block" }, why: "block volume provisioning is not supported" },
    { name: "labels", spec: { selector: { matchLabels: { a: "b" } } }, why: "claim Selector is not supported" },
  ])("is refused when it asks for $name", async ({ spec, why }) => {
    const { harness, nodes } = await start((cluster) => claim(cluster, chosen, spec));
    await using running = harness;
    expect(nodes.folders.size).toBe(0);
    expect(refusal(claimOf(running)!)).toContain(why);
    expect(running.events().some((event) => event.startsWith("ProvisioningFailed:") && event.includes(why))).toBe(true);
  });

  test("grows in place", async () => {
    const { harness } = await start(claim);
    await using running = harness;
    const small = claimOf(running)!;
    running.cluster.change(PersistentVolumeClaim, small, {
      spec: { ...small.spec, resources: { requests: { storage: "3Gi" } } },
    });
    await running.settle();
    expect(volumeOf(running)?.spec.capacity).toEqual({ storage: "3Gi" });
    expect(claimOf(running)?.status).toMatchObject({
      capacity: { storage: "3Gi" },
      allocatedResources: { storage: "3Gi" },
    });
    expect(running.events()).toContain("VolumeResizeSuccessful: Resize volume succeeded");
  });
});

describe("when the claim is gone", () => {
  test("the folder goes, then the volume", async () => {
    const { harness, nodes } = await start(claim);
    await using running = harness;
    await removeClaim(running);
    expect(nodes.folders.size).toBe(0);
    expect(running.cluster.all(PersistentVolume)).toEqual([]);
  });

  test("the volume stays while its folder cannot be removed", async () => {
    const { harness, nodes } = await start(claim);
    await using running = harness;
    nodes.broken = true;
    await removeClaim(running);
    expect(volumeOf(running)?.status?.phase).toBe("Released");
    expect(running.events()).toContain("VolumeFailedDelete: node n1 is away");
    nodes.broken = false;
    await running.pass(60_000);
    expect(nodes.folders.size).toBe(0);
    expect(running.cluster.all(PersistentVolume)).toEqual([]);
  });

  test("a volume whose node is gone goes without it", async () => {
    const { harness, nodes } = await start(claim);
    await using running = harness;
    running.cluster.remove(Node, running.cluster.get(Node, "n1")!);
    nodes.broken = true;
    await removeClaim(running);
    expect(running.cluster.all(PersistentVolume)).toEqual([]);
  });

  test("both stay if the class says Retain", async () => {
    const { harness, nodes } = await start(claim, "Retain");
    await using running = harness;
    await removeClaim(running);
    expect(volumeOf(running)?.status?.phase).toBe("Released");
    await running.cluster.client.delete(PersistentVolume, { name: volumeOf(running)!.metadata.name });
    await running.settle();
    expect(running.cluster.all(PersistentVolume)).toEqual([]);
    expect(nodes.folders.size).toBe(1);
  });

  test("the folder goes too when somebody deleted the volume first", async () => {
    const { harness, nodes } = await start(claim);
    await using running = harness;
    await running.cluster.client.delete(PersistentVolume, { name: volumeOf(running)!.metadata.name });
    await running.settle();
    expect(nodes.folders.size).toBe(1);
    await removeClaim(running);
    expect(nodes.folders.size).toBe(0);
    expect(running.cluster.all(PersistentVolume)).toEqual([]);
  });
});
