import { describe, expect, test } from "vitest";
import { ReplicaSet } from "../../../src/api/apps/replica-set.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { ReplicationController } from "../../../src/api/core/replication-controller.ts";
import { ResourceQuota } from "../../../src/api/core/resource-quota.ts";
import type { KindRef } from "../../../src/machinery/object.ts";
import {
  expectCollection,
  expectScale,
  expectStatusEndpoint,
  labels,
  openStage,
  type Stage,
  selector,
  template,
} from "./stage.ts";

const make = (stage: Stage, replicas: number, name = "web") =>
  stage.make(ReplicaSet, { metadata: { name, labels }, spec: { replicas, selector, template: template() } });
const control = (stage: Stage, replicas: number, name = "web") =>
  stage.make(ReplicationController, {
    metadata: { name, labels },
    spec: { replicas, selector: labels, template: template() },
  });
const owner = async (stage: Stage, pod: string) =>
  (await stage.get(Pod, pod)).metadata.ownerReferences?.find(({ controller }) => controller)?.name;
const lonePod = (stage: Stage) =>
  stage.make(Pod, { metadata: { name: "lone", labels }, spec: { containers: [{ name: "c", image: "img:1" }] } });
const runs = async (stage: Stage, count: number) => {
  const pods = await stage.list(Pod, "app=web");
  expect(pods.map(({ status }) => status?.phase)).toEqual(Array.from({ length: count }, () => "Running"));
  expect(new Set(pods.map(({ status }) => status?.podIP)).size).toBe(count);
};

describe("[sig-apps] ReplicaSet", () => {
  test("Replace and Patch tests", async () => {
    await using stage = await openStage();
    await make(stage, 1);
    await stage.rest();
    await stage.change(ReplicaSet, "web", { spec: { replicas: 3 } });
    await stage.rest();
    const grown = await stage.get(ReplicaSet, "web");
    expect(grown.status?.readyReplicas).toBe(3);
    await stage.client.update(ReplicaSet, { ...grown, spec: { ...grown.spec, replicas: 2 } });
    await stage.rest();
    expect((await stage.get(ReplicaSet, "web")).status?.readyReplicas).toBe(2);
  });

  test("Replicaset should have a working scale subresource", async () => {
    await using stage = await openStage();
    await make(stage, 1);
    await stage.rest();
    await expectScale(stage, ReplicaSet, "web");
  });

  test("should adopt matching pods on creation and release no longer matching pods", async () => {
    await using stage = await openStage();
    await lonePod(stage);
    await make(stage, 1);
    await stage.rest();
    expect(await owner(stage, "lone")).toBe("web");
    await stage.change(Pod, "lone", { metadata: { labels: { app: "other" } } });
    await stage.rest();
    expect(await owner(stage, "lone")).toBeUndefined();
    await runs(stage, 1);
  });

  test("should list and delete a collection of ReplicaSets", async () => {
    await using stage = await openStage();
    await make(stage, 2);
    await stage.rest();
    await expectCollection(stage, ReplicaSet, "app=web", ["web"]);
  });

  test("should serve a basic image on each replica with a public image", async () => {
    await using stage = await openStage();
    await make(stage, 2);
    await stage.rest();
    await runs(stage, 2);
  });

  test("should validate Replicaset Status endpoints", async () => {
    await using stage = await openStage();
    await make(stage, 1);
    await stage.rest();
    await expectStatusEndpoint(stage, ReplicaSet, "web");
  });
});

describe("[sig-apps] ReplicationController", () => {
  test("should adopt matching pods on creation", async () => {
    await using stage = await openStage();
    await lonePod(stage);
    await control(stage, 1);
    await stage.rest();
    expect(await owner(stage, "lone")).toBe("web");
  });

  test("should get and update a ReplicationController scale", async () => {
    await using stage = await openStage();
    await control(stage, 1);
    await stage.rest();
    await expectScale(stage, ReplicationController as KindRef<unknown>, "web");
  });

  test("should release no longer matching pods", async () => {
    await using stage = await openStage();
    await control(stage, 1);
    await stage.rest();
    const [pod] = await stage.list(Pod);
    await stage.change(Pod, pod!.metadata.name, { metadata: { labels: { app: "other" } } });
    await stage.rest();
    expect(await owner(stage, pod!.metadata.name)).toBeUndefined();
    await runs(stage, 1);
  });

  test("should serve a basic image on each replica with a public image", async () => {
    await using stage = await openStage();
    await control(stage, 2);
    await stage.rest();
    await runs(stage, 2);
  });

  test("should surface a failure condition on a common issue like exceeded quota", async () => {
    await using stage = await openStage();
    await stage.make(ResourceQuota, { metadata: { name: "q" }, spec: { hard: { pods: "2" } } });
    await stage.rest();
    await control(stage, 3);
    await stage.rest();
    const failed = (await stage.get(ReplicationController, "web")).status?.conditions;
    expect(failed).toMatchObject([{ type: "ReplicaFailure", status: "True", reason: "FailedCreate" }]);
    await stage.change(ReplicationController, "web", { spec: { replicas: 2 } });
    await stage.rest();
    expect((await stage.get(ReplicationController, "web")).status?.conditions ?? []).toEqual([]);
  });

  test("should test the lifecycle of a ReplicationController", async () => {
    await using stage = await openStage();
    await control(stage, 1);
    await stage.rest();
    await stage.change(ReplicationController, "web", { metadata: { labels: { state: "patched" } } });
    await stage.change(ReplicationController, "web", { status: { readyReplicas: 0, availableReplicas: 0 } }, "status");
    await stage.change(ReplicationController, "web", { spec: { replicas: 2 } }, "scale");
    await stage.rest();
    const known = await stage.get(ReplicationController, "web");
    expect([known.metadata.labels?.state, known.status?.readyReplicas]).toEqual(["patched", 2]);
    await expectCollection(stage, ReplicationController, "state=patched", ["web"]);
  });
});
