import { describe, expect, test } from "vitest";
import { Deployment } from "../../../src/api/apps/deployment.ts";
import { ReplicaSet } from "../../../src/api/apps/replica-set.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { ReplicationController } from "../../../src/api/core/replication-controller.ts";
import { labels, openStage, type Stage, selector, template } from "./stage.ts";

const deploy = (stage: Stage) =>
  stage.make(Deployment, { metadata: { name: "web" }, spec: { replicas: 2, selector, template: template() } });
const control = (stage: Stage, name: string, replicas = 3, more: Readonly<Record<string, string>> = labels) =>
  stage.make(ReplicationController, {
    metadata: { name },
    spec: {
      replicas,
      selector: more,
      template: { ...template(), metadata: { labels: more } },
    },
  });
const ownerOf = ({ metadata }: ReplicationController) => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  name: metadata.name,
  uid: metadata.uid,
});

describe("[sig-api-machinery] Garbage collector", () => {
  test("should delete RS created by deployment when not orphaning", async () => {
    await using stage = await openStage();
    await deploy(stage);
    await stage.rest();
    await stage.remove(Deployment, "web", { propagationPolicy: "Background" });
    await stage.rest();
    expect([...(await stage.list(ReplicaSet)), ...(await stage.list(Pod))]).toEqual([]);
  });

  test("should delete pods created by rc when not orphaning", async () => {
    await using stage = await openStage();
    await control(stage, "rc");
    await stage.rest();
    await stage.remove(ReplicationController, "rc", { propagationPolicy: "Background" });
    await stage.rest();
    expect(await stage.list(Pod)).toEqual([]);
  });

  test("should keep the rc around until all its pods are deleted if the deleteOptions says so", async () => {
    await using stage = await openStage();
    await control(stage, "rc");
    await stage.rest();
    stage.kubelets.rule([{ terminate: false }]);
    await stage.remove(ReplicationController, "rc", { propagationPolicy: "Foreground" });
    await stage.rest(10);
    expect(await stage.exists(ReplicationController, "rc")).toBe(true);
    stage.kubelets.rule([]);
    await stage.rest();
    expect(await stage.exists(ReplicationController, "rc")).toBe(false);
    expect(await stage.list(Pod)).toEqual([]);
  });

  test("should not be blocked by dependency circle", async () => {
    await using stage = await openStage();
    const spec = { containers: [{ name: "c", image: "img:1" }] };
    const pods = [];
    for (const name of ["pod1", "pod2", "pod3"]) pods.push(await stage.make(Pod, { metadata: { name }, spec }));
    for (const [index, { metadata }] of pods.entries()) {
      const owner = pods[(index + 2) % 3]!;
      const reference = { apiVersion: "v1", kind: "Pod", name: owner.metadata.name, uid: owner.metadata.uid };
      const ownerReferences = [{ ...reference, controller: true, blockOwnerDeletion: true }];
      await stage.change(Pod, metadata.name, { metadata: { ownerReferences } });
    }
    await stage.remove(Pod, "pod1", { propagationPolicy: "Foreground" });
    await stage.rest();
    expect(await stage.list(Pod)).toEqual([]);
  });

  test("should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted", async () => {
    await using stage = await openStage();
    await control(stage, "rc1", 4);
    const stays = await control(stage, "rc2", 0, { app: "other" });
    await stage.rest();
    const pods = await stage.list(Pod);
    const half = pods.slice(0, 2).map(({ metadata }) => metadata.name);
    for (const name of half) {
      const known = await stage.get(Pod, name);
      const ownerReferences = [...(known.metadata.ownerReferences ?? []), ownerOf(stays)];
      await stage.change(Pod, name, { metadata: { ownerReferences } });
    }
    await stage.remove(ReplicationController, "rc1", { propagationPolicy: "Foreground" });
    await stage.rest();
    expect(await stage.exists(ReplicationController, "rc1")).toBe(false);
    const left = await stage.list(Pod);
    expect(left.map(({ metadata }) => metadata.name).sort()).toEqual([...half].sort());
    expect(left.flatMap(({ metadata }) => metadata.ownerReferences?.map(({ name }) => name))).toEqual(["rc2", "rc2"]);
  });

  test("should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan", async () => {
    await using stage = await openStage();
    await deploy(stage);
    await stage.rest();
    await stage.remove(Deployment, "web", { propagationPolicy: "Orphan" });
    await stage.rest(35);
    const [set, ...others] = await stage.list(ReplicaSet);
    expect(others).toEqual([]);
    expect(set?.metadata.ownerReferences ?? []).toEqual([]);
  });

  test("should orphan pods created by rc if delete options say so", async () => {
    await using stage = await openStage();
    await control(stage, "rc");
    await stage.rest();
    await stage.remove(ReplicationController, "rc", { propagationPolicy: "Orphan" });
    await stage.rest(35);
    const owners = (await stage.list(Pod)).map(({ metadata }) => metadata.ownerReferences ?? []);
    expect(owners).toEqual([[], [], []]);
  });
});
