import { describe, expect, test } from "vitest";
import { ConfigMap } from "../api/core/config-map.ts";
import { Node } from "../api/core/node.ts";
import { PersistentVolume } from "../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../api/core/persistent-volume-claim.ts";
import { Pod } from "../api/core/pod.ts";
import { Secret } from "../api/core/secret.ts";
import { VolumeAttachment } from "../api/storage/volume-attachment.ts";
import { ensureAddOns } from "../cluster/add-ons.ts";
import { allControllers } from "../controllers/all.ts";
import type { NodeFolders } from "../controllers/local-path/node-folders.ts";
import { Fault } from "../lib/fault.ts";
import { seededRandom } from "../lib/random.ts";
import { unreliable } from "./faults.ts";
import { addNodes, playKubelets, renewLeases } from "./scripted-kubelet.ts";
import { openTestCluster } from "./test-cluster.ts";

const seeds = Array.from({ length: Number(process.env.FAULT_SEEDS ?? 10) }, (_, index) => index + 1);
const rates = { conflict: 0.05, lostRequest: 0.05, lostAnswer: 0.05, brokenWatch: 0.02 };
const nodes = ["n1", "n2"];
const storage: PersistentVolumeClaim["spec"] = {
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage: "1Gi" } },
};

/** A cluster with local-path storage; while it is stormy, calls of controllers and to nodes may fail. */
async function open(seed: number) {
  const random = seededRandom(seed * 7919);
  const weather = { stormy: false };
  const kept = new Set<string>();
  const perhaps = () => {
    if (weather.stormy && random.next() < 0.1) throw new Fault("unavailable", "the node is away");
  };
  const folders: NodeFolders = {
    async make(node, volume) {
      perhaps();
      kept.add(`${node}:${volume}`);
      perhaps();
      return `/data/${volume}`;
    },
    async remove(node, volume) {
      perhaps();
      kept.delete(`${node}:${volume}`);
      perhaps();
    },
  };
  const settings = {
    rootCa: "CA",
    nodeRanges: { podRange: "10.244.0.0/16" },
    nodeAddresses: ["192.0.2.1"],
    nodeFolders: folders,
  };
  const cluster = await openTestCluster({
    seed,
    scheduler: true,
    controllers: allControllers(settings),
    disturb: (client) => unreliable(client, random, rates, () => weather.stormy),
  });
  await ensureAddOns(cluster.client, ["local-path"]);
  await addNodes(cluster, ...nodes);
  const live = async (rounds: number) => {
    for (let round = 0; round < rounds; round += 1) {
      await renewLeases(cluster, nodes);
      await cluster.pass(5000);
      await playKubelets(cluster, nodes, (pod) => ({ hold: !pod.spec.nodeName }));
    }
  };
  return { cluster, kept, weather, live };
}

describe.each(seeds)("whatever fails (seed %i)", (seed) => {
  test("claims get folders where their pod is, and nothing is left of them", async () => {
    const { cluster: opened, kept, weather, live } = await open(seed);
    await using cluster = opened;
    const { client } = cluster;
    weather.stormy = true;
    const namespace = "default";
    await client.create(PersistentVolumeClaim, { metadata: { name: "data", namespace }, spec: storage });
    await client.create(Pod, {
      metadata: { name: "web", namespace },
      spec: {
        containers: [{ name: "c", image: "i" }],
        volumes: [
          { name: "data", persistentVolumeClaim: { claimName: "data" } },
          { name: "scratch", ephemeral: { volumeClaimTemplate: { spec: storage } } },
        ],
      },
    });
    await live(6);
    weather.stormy = false;
    await live(12);
    const pod = await client.get(Pod, { namespace, name: "web" });
    const claims = (await client.list(PersistentVolumeClaim, { namespace })).items;
    expect(claims.map(({ metadata, status }) => `${metadata.name} ${status?.phase}`)).toEqual([
      "data Bound",
      "web-scratch Bound",
    ]);
    expect([...kept].sort()).toEqual(claims.map(({ spec }) => `${pod.spec.nodeName}:${spec.volumeName}`).sort());

    weather.stormy = true;
    await client.delete(Pod, { namespace, name: "web" });
    await client.delete(PersistentVolumeClaim, { namespace, name: "data" });
    await live(6);
    weather.stormy = false;
    await live(24);
    expect((await client.list(PersistentVolumeClaim, { namespace })).items).toEqual([]);
    expect((await client.list(PersistentVolume)).items).toEqual([]);
    expect([...kept]).toEqual([]);
  });
});

test("volumes of CSI drivers are attached, under the controller's own rights", async () => {
  const { cluster: opened, live } = await open(1);
  await using cluster = opened;
  const { client } = cluster;
  const namespace = "default";
  const node = await client.get(Node, { name: "n1" });
  const annotations = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
  await client.update(Node, { ...node, metadata: { ...node.metadata, annotations } });
  await client.create(PersistentVolume, {
    metadata: { name: "disk" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "slow",
      csi: { driver: "disk.example.com", volumeHandle: "h" },
    },
  });
  const spec = { ...storage, storageClassName: "slow", volumeName: "disk" };
  await client.create(PersistentVolumeClaim, { metadata: { name: "data", namespace }, spec });
  await client.create(Pod, {
    metadata: { name: "web", namespace },
    spec: {
      nodeName: "n1",
      containers: [{ name: "c", image: "i" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
    },
  });
  await live(2);
  const [attachment] = (await client.list(VolumeAttachment)).items;
  expect(attachment?.spec).toMatchObject({ attacher: "disk.example.com", nodeName: "n1" });
  await client.updateStatus(VolumeAttachment, { ...attachment!, status: { attached: true } });
  await live(1);
  expect((await client.get(Node, { name: "n1" })).status?.volumesAttached).toEqual([
    { name: "kubernetes.io/csi/disk.example.com^h", devicePath: "" },
  ]);
  await client.delete(Pod, { namespace, name: "web" });
  await live(2);
  expect((await client.list(VolumeAttachment)).items).toEqual([]);
});

test("cluster-info is signed under the signer's own rights", async () => {
  const { cluster: opened } = await open(1);
  await using cluster = opened;
  const text = (value: string) => Buffer.from(value).toString("base64");
  const metadata = { name: "cluster-info", namespace: "kube-public" };
  await cluster.client.create(ConfigMap, { metadata, data: { kubeconfig: "K" } });
  await cluster.client.create(Secret, {
    metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system" },
    type: "bootstrap.kubernetes.io/token",
    data: {
      "token-id": text("abcdef"),
      "token-secret": text("0123456789abcdef"),
      "usage-bootstrap-signing": text("true"),
    },
  });
  await cluster.pass(1000);
  expect(Object.keys((await cluster.client.get(ConfigMap, metadata)).data ?? {})).toContain("jws-kubeconfig-abcdef");
});
