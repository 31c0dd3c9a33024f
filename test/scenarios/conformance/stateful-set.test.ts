import { describe, expect, test } from "vitest";
import { StatefulSet } from "../../../src/api/apps/stateful-set.ts";
import { Event } from "../../../src/api/core/event.ts";
import { Pod } from "../../../src/api/core/pod.ts";
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

const make = (stage: Stage, spec: object = {}) =>
  stage.make(StatefulSet, {
    metadata: { name: "ss", labels },
    spec: { replicas: 3, serviceName: "test", selector, template: template(), ...spec },
  });
const pods = async (stage: Stage) =>
  (await stage.list(Pod)).map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image}`).sort();
const roll = (stage: Stage, image: string, more: object = {}) =>
  stage.change(StatefulSet, "ss", { spec: { template: { spec: { containers: [{ name: "c", image }] } }, ...more } });
/** The pods of events with this reason, in the order they were told. */
const history = async (stage: Stage, reason: string) =>
  (await stage.list(Event))
    .filter((event) => event.reason === reason)
    .sort((one, other) => Number(one.metadata.resourceVersion) - Number(other.metadata.resourceVersion))
    .map(({ message }) => /Pod (\S+)/.exec(message ?? "")?.[1]);

describe("[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]", () => {
  test("Burst scaling should run to completion even with unhealthy pods", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([{ ready: false }]);
    await make(stage, { podManagementPolicy: "Parallel" });
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:1", "ss-1 img:1", "ss-2 img:1"]);
    await stage.change(StatefulSet, "ss", { spec: { replicas: 0 } });
    await stage.rest();
    expect(await pods(stage)).toEqual([]);
  });

  test("Scaling should happen in predictable order and halt if any stateful pod is unhealthy", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([{ match: { name: "ss-0" }, ready: false }]);
    await make(stage);
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:1"]);
    stage.kubelets.rule([]);
    await stage.rest();
    expect(await history(stage, "SuccessfulCreate")).toEqual(["ss-0", "ss-1", "ss-2"]);
    stage.kubelets.pin({ match: {}, ready: false });
    await stage.rest(1);
    await stage.change(StatefulSet, "ss", { spec: { replicas: 0 } });
    await stage.rest();
    expect(await pods(stage)).toHaveLength(3);
    stage.kubelets.pin({ match: {}, ready: true });
    await stage.rest();
    expect(await history(stage, "SuccessfulDelete")).toEqual(["ss-2", "ss-1", "ss-0"]);
    expect(await pods(stage)).toEqual([]);
  });

  test("Should recreate evicted statefulset", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 1 });
    await stage.rest();
    const { metadata } = await stage.get(Pod, "ss-0");
    stage.kubelets.pin({ match: { name: "ss-0" }, phase: "Failed" });
    await stage.rest();
    const again = await stage.get(Pod, "ss-0");
    expect([again.status?.phase, again.metadata.uid === metadata.uid]).toEqual(["Running", false]);
  });

  test("should have a working scale subresource", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 1 });
    await stage.rest();
    await expectScale(stage, StatefulSet, "ss");
  });

  test("should list, patch and delete a collection of StatefulSets", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 1 });
    await stage.rest();
    await stage.change(StatefulSet, "ss", { metadata: { labels: { state: "patched" } }, spec: { replicas: 2 } });
    await stage.rest();
    expect((await stage.get(StatefulSet, "ss")).status?.readyReplicas).toBe(2);
    await expectCollection(stage, StatefulSet, "state=patched", ["ss"]);
  });

  test("should perform canary updates and phased rolling updates of template modifications", async () => {
    await using stage = await openStage();
    const strategy = (partition: number) => ({
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } },
    });
    await make(stage, strategy(3));
    await stage.rest();
    await roll(stage, "img:2");
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:1", "ss-1 img:1", "ss-2 img:1"]);
    await stage.change(StatefulSet, "ss", { spec: strategy(2) });
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:1", "ss-1 img:1", "ss-2 img:2"]);
    for (const name of ["ss-0", "ss-2"]) await stage.remove(Pod, name);
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:1", "ss-1 img:1", "ss-2 img:2"]);
    await stage.change(StatefulSet, "ss", { spec: strategy(0) });
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:2", "ss-1 img:2", "ss-2 img:2"]);
    const { status } = await stage.get(StatefulSet, "ss");
    expect(status?.currentRevision).toBe(status?.updateRevision);
  });

  test("should perform rolling updates and roll backs of template modifications", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    const first = (await stage.get(StatefulSet, "ss")).status?.currentRevision;
    await roll(stage, "img:2");
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:2", "ss-1 img:2", "ss-2 img:2"]);
    expect(await history(stage, "SuccessfulDelete")).toEqual(["ss-2", "ss-1", "ss-0"]);
    await roll(stage, "img:1");
    await stage.rest();
    expect(await pods(stage)).toEqual(["ss-0 img:1", "ss-1 img:1", "ss-2 img:1"]);
    expect((await stage.get(StatefulSet, "ss")).status?.currentRevision).toBe(first);
  });

  test("should validate Statefulset Status endpoints", async () => {
    await using stage = await openStage();
    await make(stage, { replicas: 1 });
    await stage.rest();
    await expectStatusEndpoint(stage, StatefulSet, "ss");
  });
});
