import { describe, expect, test } from "vitest";
import { ControllerRevision } from "../../api/apps/controller-revision.ts";
import { StatefulSet } from "../../api/apps/stateful-set.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { kubelet, podStatus, template } from "../framework/testing/samples.ts";
import { statefulSetController } from "./stateful-set.ts";

const start = () => run([statefulSetController]);
const draft = (spec: Partial<StatefulSet["spec"]> = {}) => ({
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas: 3,
    serviceName: "s",
    selector: { matchLabels: { app: "web" } },
    template: template(),
    updateStrategy: { type: "RollingUpdate" as const, rollingUpdate: { partition: 0 } },
    revisionHistoryLimit: 10,
    ...spec,
  },
});
const claims = {
  volumeClaimTemplates: [
    { metadata: { name: "data", labels: { x: "y" } }, spec: {} } as unknown as PersistentVolumeClaim,
  ],
};
const set = ({ cluster }: Harness) => cluster.get(StatefulSet, "web")!;
const change = (harness: Harness, spec: Partial<StatefulSet["spec"]>) =>
  harness.cluster.client.update(StatefulSet, { ...set(harness), spec: { ...set(harness).spec, ...spec } });
const pods = ({ cluster }: Harness) =>
  cluster
    .all(Pod)
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image}`)
    .sort();
const runs = (image: string) => (pod: Pod) => pod.spec.containers[0]?.image === image;
const named = (name: string) => (pod: Pod) => pod.metadata.name === name;
const never = () => false;
const unready = (harness: Harness, name: string) => {
  const pod = harness.cluster.get(Pod, name)!;
  harness.cluster.change(Pod, pod, { status: podStatus(false, harness.clock.now()) });
};

describe("an ordered set", () => {
  test("makes its pods one after the other, each when the one before is ready", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft());
    await kubelet(harness, never);
    expect(pods(harness)).toEqual(["web-0 img:1"]);
    await kubelet(harness, named("web-0"));
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1"]);
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:1"]);
    const [revision, ...others] = harness.cluster.all(ControllerRevision);
    expect(others).toEqual([]);
    const hash = revision?.metadata.labels?.["controller.kubernetes.io/hash"];
    expect(revision?.metadata.name).toBe(`web-${hash}`);
    expect(revision?.data).toEqual({ spec: { template: { ...template(), $patch: "replace" } } });
    expect(harness.cluster.get(Pod, "web-1")).toMatchObject({
      metadata: {
        labels: {
          app: "web",
          "controller-revision-hash": `web-${hash}`,
          "statefulset.kubernetes.io/pod-name": "web-1",
          "apps.kubernetes.io/pod-index": "1",
        },
      },
      spec: { hostname: "web-1", subdomain: "s" },
    });
    expect(set(harness).status).toEqual({
      observedGeneration: 1,
      replicas: 3,
      readyReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      availableReplicas: 3,
      currentRevision: `web-${hash}`,
      updateRevision: `web-${hash}`,
      collisionCount: 0,
    });
    expect(harness.events()).toContain("SuccessfulCreate: create Pod web-0 in StatefulSet web successful");
  });

  test("takes them away from the highest down, and waits while a lower one is not ready", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft());
    await kubelet(harness);
    unready(harness, "web-0");
    await harness.settle();
    await change(harness, { replicas: 1 });
    await kubelet(harness, (pod) => !named("web-0")(pod));
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:1"]);
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:1"]);
    expect(harness.events()).toContain("SuccessfulDelete: delete Pod web-2 in StatefulSet web successful");
  });

  test("replaces a failed pod only when it is gone", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ replicas: 1 }));
    await kubelet(harness);
    const pod = harness.cluster.get(Pod, "web-0")!;
    harness.cluster.change(Pod, pod, { status: { phase: "Failed" } });
    await harness.settle();
    expect(harness.cluster.get(Pod, "web-0")?.metadata.deletionTimestamp).toBeDefined();
    await kubelet(harness);
    expect(harness.cluster.get(Pod, "web-0")?.metadata.uid).not.toBe(pod.metadata.uid);
  });

  test("may begin to count elsewhere", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ replicas: 2, ordinals: { start: 5 } }));
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-5 img:1", "web-6 img:1"]);
    await change(harness, { ordinals: { start: 6 } });
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-6 img:1", "web-7 img:1"]);
  });

  test("waits for a pod to be available, not only ready, without anything else happening", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ minReadySeconds: 30 }));
    await kubelet(harness);
    expect(pods(harness)).toHaveLength(1);
    expect(set(harness).status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    await harness.pass(31_000);
    await kubelet(harness);
    expect(pods(harness)).toHaveLength(2);
  });
});

test("a parallel set makes and removes all its pods at once", async () => {
  await using harness = await start();
  await harness.cluster.client.create(StatefulSet, draft({ podManagementPolicy: "Parallel" }));
  await harness.settle();
  expect(pods(harness)).toHaveLength(3);
  await kubelet(harness, never);
  await change(harness, { replicas: 0 });
  await harness.settle();
  expect(pods(harness)).toEqual([]);
});

describe("an update", () => {
  test("goes from the highest ordinal down and stops while a new pod is not ready", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft());
    await kubelet(harness);
    const before = set(harness).status?.currentRevision;
    await change(harness, { template: template("img:2") });
    await kubelet(harness, runs("img:1"));
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:2"]);
    expect(set(harness).status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1, currentRevision: before });
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:2", "web-1 img:2", "web-2 img:2"]);
    const { status } = set(harness);
    expect(status?.currentRevision).toBe(status?.updateRevision);
    expect(status?.currentRevision).not.toBe(before);
    expect(harness.cluster.all(ControllerRevision).map(({ revision }) => revision)).toEqual([1, 2]);
  });

  test("stays above the partition, and a pod below it comes again as it was", async () => {
    await using harness = await start();
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 2 } } as const;
    await harness.cluster.client.create(StatefulSet, draft({ updateStrategy }));
    await kubelet(harness);
    await change(harness, { template: template("img:2") });
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:2"]);
    await harness.cluster.client.delete(Pod, { namespace: "default", name: "web-0" });
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:2"]);
  });

  test("with OnDelete waits for somebody to delete the pods", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ updateStrategy: { type: "OnDelete" } }));
    await kubelet(harness);
    await change(harness, { template: template("img:2") });
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:1"]);
    await harness.cluster.client.delete(Pod, { namespace: "default", name: "web-1" });
    await kubelet(harness);
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:2", "web-2 img:1"]);
  });

  test("takes as many pods at a time as may be unavailable, and no more", async () => {
    await using harness = await start();
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: 2 } } as const;
    await harness.cluster.client.create(
      StatefulSet,
      draft({ replicas: 5, updateStrategy, podManagementPolicy: "Parallel" }),
    );
    await kubelet(harness);
    await change(harness, { template: template("img:2") });
    await kubelet(harness, runs("img:1"));
    expect(pods(harness)).toEqual(["web-0 img:1", "web-1 img:1", "web-2 img:1", "web-3 img:2", "web-4 img:2"]);
    await kubelet(harness);
    expect(pods(harness).every((pod) => pod.endsWith("img:2"))).toBe(true);
  });

  test("mends a pod of the old template that never got ready", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ podManagementPolicy: "Parallel" }));
    await kubelet(harness, (pod) => !named("web-1")(pod));
    await change(harness, { template: template("img:2") });
    await kubelet(harness, (pod) => runs("img:2")(pod) || !named("web-1")(pod));
    expect(pods(harness)).toEqual(["web-0 img:2", "web-1 img:2", "web-2 img:2"]);
  });

  test("back to an earlier template gives its revision the highest number, and history is trimmed", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ replicas: 1, revisionHistoryLimit: 1 }));
    for (const image of ["img:1", "img:2", "img:3", "img:1"]) {
      await change(harness, { template: template(image) });
      await kubelet(harness);
    }
    const revisions = harness.cluster.all(ControllerRevision).map(({ revision }) => revision);
    expect(revisions.sort()).toEqual([3, 4]);
  });
});

describe("claims", () => {
  const names = ({ cluster }: Harness) => cluster.all(PersistentVolumeClaim).map(({ metadata }) => metadata.name);
  const owners = ({ cluster }: Harness, name: string) =>
    (cluster.get(PersistentVolumeClaim, name)?.metadata.ownerReferences ?? []).map(
      (each) => `${each.kind}/${each.name}`,
    );

  test("are made for each pod and outlive it", async () => {
    await using harness = await start();
    await harness.cluster.client.create(StatefulSet, draft({ replicas: 2, ...claims }));
    await kubelet(harness);
    expect(names(harness)).toEqual(["data-web-0", "data-web-1"]);
    expect(harness.cluster.get(PersistentVolumeClaim, "data-web-0")?.metadata.labels).toEqual({ x: "y", app: "web" });
    expect(harness.cluster.get(Pod, "web-1")?.spec.volumes).toEqual([
      { name: "data", persistentVolumeClaim: { claimName: "data-web-1" } },
    ]);
    expect(harness.events()).toContain(
      "SuccessfulCreate: create Claim data-web-1 Pod web-1 in StatefulSet web success",
    );
    await change(harness, { replicas: 1 });
    await kubelet(harness);
    expect(names(harness)).toEqual(["data-web-0", "data-web-1"]);
    expect(owners(harness, "data-web-1")).toEqual([]);
    await change(harness, { replicas: 2 });
    await kubelet(harness);
    expect(names(harness)).toEqual(["data-web-0", "data-web-1"]);
  });

  test("go with the set, or with a pod that is scaled away, as the policy says", async () => {
    await using harness = await start();
    const persistentVolumeClaimRetentionPolicy = { whenDeleted: "Delete", whenScaled: "Delete" } as const;
    await harness.cluster.client.create(
      StatefulSet,
      draft({ replicas: 2, ...claims, persistentVolumeClaimRetentionPolicy }),
    );
    await kubelet(harness);
    expect(owners(harness, "data-web-0")).toEqual(["StatefulSet/web"]);
    await change(harness, { replicas: 1 });
    await harness.settle();
    expect(owners(harness, "data-web-1")).toEqual(["Pod/web-1"]);
    await change(harness, { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" } });
    await harness.settle();
    expect(owners(harness, "data-web-0")).toEqual([]);
  });

  test("of an earlier pod are not used by the next: it waits until they are gone", async () => {
    await using harness = await start();
    harness.cluster.put(PersistentVolumeClaim, {
      metadata: {
        name: "data-web-0",
        namespace: "default",
        ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "web-0", uid: "earlier", controller: true }],
      },
      spec: {},
    });
    await harness.cluster.client.create(StatefulSet, draft({ replicas: 1, ...claims }));
    await harness.settle();
    expect(pods(harness)).toEqual([]);
    harness.cluster.remove(PersistentVolumeClaim, harness.cluster.get(PersistentVolumeClaim, "data-web-0")!);
    await harness.pass(2000);
    expect(pods(harness)).toEqual(["web-0 img:1"]);
  });
});

test("a refusal is told in an event and tried again", async () => {
  await using harness = await start();
  let refused = true;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (refused && verb === "create" && kind === "Pod") throw new StatusError("Forbidden", "exceeded quota");
  };
  await harness.cluster.client.create(StatefulSet, draft({ replicas: 1 }));
  await harness.settle();
  expect(harness.events()).toContain("FailedCreate: create Pod web-0 in StatefulSet web failed error: exceeded quota");
  refused = false;
  await harness.pass(10_000);
  expect(pods(harness)).toEqual(["web-0 img:1"]);
});

test("pods of the right name and labels without an owner are adopted, others are left alone", async () => {
  await using harness = await start();
  const orphan = (name: string) =>
    harness.cluster.put(Pod, {
      metadata: { name, namespace: "default", labels: { app: "web" } },
      spec: { containers: [] },
    });
  orphan("web-0");
  orphan("web-x");
  orphan("other-0");
  await harness.cluster.client.create(StatefulSet, draft({ replicas: 1, updateStrategy: { type: "OnDelete" } }));
  await harness.settle();
  const owned = harness.cluster.all(Pod).filter(({ metadata }) => metadata.ownerReferences?.length);
  expect(owned.map(({ metadata }) => metadata.name)).toEqual(["web-0"]);
  expect(owned[0]?.metadata.labels).toMatchObject({ "statefulset.kubernetes.io/pod-name": "web-0" });
});

test("an adopted pod beyond the last ordinal goes as it is", async () => {
  await using harness = await start();
  harness.cluster.put(Pod, {
    metadata: { name: "web-5", namespace: "default", labels: { app: "web" } },
    spec: { containers: [] },
  });
  await harness.cluster.client.create(StatefulSet, draft({ replicas: 1 }));
  await kubelet(harness);
  expect(pods(harness)).toEqual(["web-0 img:1"]);
  expect(harness.events()).not.toContain("SuccessfulUpdate: update Pod web-5 in StatefulSet web successful");
});

test("a set that is deleted and leaves its pods behind makes no further revision", async () => {
  await using harness = await start();
  await harness.cluster.client.create(StatefulSet, draft({ replicas: 1 }));
  await kubelet(harness);
  const { metadata } = set(harness);
  const dying = { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["orphan"] };
  harness.cluster.change(StatefulSet, set(harness), { metadata: dying });
  // As the garbage collector does: first what is left behind is let go, then the set.
  const [revision] = harness.cluster.all(ControllerRevision);
  harness.cluster.change(ControllerRevision, revision!, { metadata: { ...revision!.metadata, ownerReferences: [] } });
  harness.cluster.change(StatefulSet, set(harness), { metadata: { ...dying, labels: { touched: "yes" } } });
  await harness.settle();
  expect(harness.cluster.all(ControllerRevision)).toHaveLength(1);
});
