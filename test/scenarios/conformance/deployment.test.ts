import { describe, expect, test } from "vitest";
import { Deployment } from "../../../src/api/apps/deployment.ts";
import { ReplicaSet } from "../../../src/api/apps/replica-set.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { expectScale, expectStatusEndpoint, labels, openStage, type Stage, selector, template } from "./stage.ts";

const make = (stage: Stage, spec: object = {}) =>
  stage.make(Deployment, {
    metadata: { name: "web", labels },
    spec: { replicas: 1, selector, template: template(), ...spec },
  });
const roll = (stage: Stage, image: string) =>
  stage.change(Deployment, "web", { spec: { template: { spec: { containers: [{ name: "c", image }] } } } });
const images = async (stage: Stage) => (await stage.list(Pod)).map(({ spec }) => spec.containers[0]?.image).sort();
const sizes = async (stage: Stage) =>
  Object.fromEntries(
    (await stage.list(ReplicaSet)).map(({ spec }) => [spec.template?.spec?.containers[0]?.image, spec.replicas]),
  );

describe("[sig-apps] Deployment", () => {
  test("RecreateDeployment should delete old pods and create new ones", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 2, strategy: { type: "Recreate" } });
    await stage.rest();
    stage.kubelets.rule([{ match: { image: "img:1" }, terminate: false }]);
    await roll(stage, "img:2");
    await stage.rest();
    expect(await images(stage)).toEqual(["img:1", "img:1"]);
    stage.kubelets.rule([]);
    await stage.rest();
    expect(await images(stage)).toEqual(["img:2", "img:2"]);
  });

  test("RollingUpdateDeployment should delete old pods and create new ones", async () => {
    await using stage = await openStage();
    const metadata = { name: "old", labels: { ...labels, old: "yes" } };
    await stage.make(ReplicaSet, { metadata, spec: { replicas: 1, selector, template: template() } });
    await stage.rest();
    await make(stage, { template: template({}, "img:2") });
    await stage.rest();
    expect(await images(stage)).toEqual(["img:2"]);
    const old = await stage.get(ReplicaSet, "old");
    expect(old.metadata.ownerReferences?.map(({ name }) => name)).toEqual(["web"]);
    expect(old.spec.replicas).toBe(0);
  });

  test("deployment should delete old replica sets", async () => {
    await using stage = await openStage();
    await make(stage, { revisionHistoryLimit: 0 });
    await stage.rest();
    await roll(stage, "img:2");
    await stage.rest();
    expect(await sizes(stage)).toEqual({ "img:2": 1 });
  });

  test("deployment should support proportional scaling", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
    await stage.rest();
    stage.kubelets.rule([{ match: { image: "img:404" }, ready: false }]);
    await roll(stage, "img:404");
    await stage.rest();
    expect(await sizes(stage)).toEqual({ "img:1": 8, "img:404": 5 });
    await stage.change(Deployment, "web", { spec: { replicas: 30 } }, "scale");
    await stage.rest();
    expect(await sizes(stage)).toEqual({ "img:1": 20, "img:404": 13 });
  });

  test("deployment should support rollover", async () => {
    await using stage = await openStage();
    await make(stage, { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await stage.rest();
    stage.kubelets.rule([{ match: { image: "img:404" }, ready: false }]);
    await roll(stage, "img:404");
    await stage.rest();
    await roll(stage, "img:3");
    await stage.rest();
    expect(await sizes(stage)).toEqual({ "img:1": 0, "img:404": 0, "img:3": 1 });
    expect(await images(stage)).toEqual(["img:3"]);
  });

  test("Deployment should have a working scale subresource", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    await expectScale(stage, Deployment, "web");
  });

  test("should run the lifecycle of a Deployment", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 2 });
    await stage.rest();
    await stage.change(Deployment, "web", { metadata: { labels: { state: "patched" } }, spec: { replicas: 1 } });
    await stage.rest();
    const patched = await stage.get(Deployment, "web");
    expect([patched.metadata.labels?.state, patched.status?.readyReplicas]).toEqual(["patched", 1]);
    await stage.client.update(Deployment, { ...patched, spec: { ...patched.spec, replicas: 2 } });
    await stage.rest();
    expect((await stage.get(Deployment, "web")).status?.readyReplicas).toBe(2);
    await stage.client.deleteCollection(Deployment, { namespace: "default", labelSelector: "state=patched" });
    await stage.rest();
    expect([...(await stage.list(Deployment)), ...(await stage.list(Pod))]).toEqual([]);
  });

  test("should validate Deployment Status endpoints", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    await expectStatusEndpoint(stage, Deployment, "web");
  });
});
