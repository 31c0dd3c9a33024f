import { expect, test } from "vitest";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { run } from "../framework/testing/harness.ts";
import { ephemeralVolumeController } from "./ephemeral.ts";

const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const pod = (cluster: FakeCluster, metadata: object = {}) =>
  cluster.put(Pod, {
    metadata: { name: "web", namespace: "default", ...metadata },
    spec: {
      containers: [],
      volumes: [
        { name: "scratch", ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: "b" } }, spec } } },
        { name: "other", emptyDir: {} },
      ],
    },
  } as never);

test("a pod gets a claim of its own for each ephemeral volume", async () => {
  await using harness = await run([ephemeralVolumeController], { given: pod });
  const claims = harness.cluster.all(PersistentVolumeClaim);
  expect(claims.map(({ metadata }) => metadata.name)).toEqual(["web-scratch"]);
  expect(claims[0]).toMatchObject({
    metadata: {
      labels: { a: "b" },
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Pod",
          name: "web",
          uid: harness.cluster.get(Pod, "web")?.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec,
  });
});

test("a claim that is taken away comes back", async () => {
  await using harness = await run([ephemeralVolumeController], { given: pod });
  harness.cluster.remove(PersistentVolumeClaim, harness.cluster.get(PersistentVolumeClaim, "web-scratch")!);
  await harness.settle();
  expect(harness.cluster.get(PersistentVolumeClaim, "web-scratch")).toBeDefined();
});

test("somebody else's claim of that name is left alone, and the pod says so", async () => {
  await using harness = await run([ephemeralVolumeController], {
    given: (cluster) => {
      cluster.put(PersistentVolumeClaim, { metadata: { name: "web-scratch", namespace: "default" }, spec } as never);
      pod(cluster);
    },
  });
  expect(harness.cluster.get(PersistentVolumeClaim, "web-scratch")?.metadata.ownerReferences).toBeUndefined();
  expect(harness.events()).toContain(
    "FailedBinding: ephemeral volume scratch: PVC default/web-scratch was not created for pod default/web (pod is not owner)",
  );
});

test("a pod on its way out gets nothing", async () => {
  await using harness = await run([ephemeralVolumeController], {
    given: (cluster) => pod(cluster, { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["example.com/hold"] }),
  });
  expect(harness.cluster.all(PersistentVolumeClaim)).toEqual([]);
});
