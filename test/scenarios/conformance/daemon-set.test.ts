import { describe, expect, test } from "vitest";
import { DaemonSet } from "../../../src/api/apps/daemon-set.ts";
import { Node } from "../../../src/api/core/node.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { expectCollection, expectStatusEndpoint, labels, openStage, type Stage, selector, template } from "./stage.ts";

const make = (stage: Stage, spec: object = {}) =>
  stage.make(DaemonSet, { metadata: { name: "ds", labels }, spec: { selector, template: template(), ...spec } });
const roll = (stage: Stage, image: string) =>
  stage.change(DaemonSet, "ds", { spec: { template: { spec: { containers: [{ name: "c", image }] } } } });
const placed = async (stage: Stage) =>
  (await stage.list(Pod)).map(({ spec }) => `${spec.nodeName} ${spec.containers[0]?.image}`).sort();
const uids = async (stage: Stage) => (await stage.list(Pod)).map(({ metadata }) => metadata.uid).sort();

describe("[sig-apps] Daemon set", () => {
  test("should list and delete a collection of DaemonSets", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    await expectCollection(stage, DaemonSet, "app=web", ["ds"]);
    expect(await placed(stage)).toEqual([]);
  });

  test("should retry creating failed daemon pods", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    const before = await uids(stage);
    stage.kubelets.pin({ match: {}, count: 1, phase: "Failed" });
    await stage.rest(10);
    expect(await placed(stage)).toEqual(["n1 img:1", "n2 img:1"]);
    expect((await uids(stage)).filter((uid) => before.includes(uid))).toHaveLength(1);
  });

  test("should rollback without unnecessary restarts", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    const before = await uids(stage);
    stage.kubelets.rule([{ match: { image: "img:404" }, ready: false }]);
    await roll(stage, "img:404");
    await stage.rest();
    const untouched = (await stage.list(Pod)).filter(({ spec }) => spec.containers[0]?.image === "img:1");
    expect(untouched).toHaveLength(1);
    await roll(stage, "img:1");
    await stage.rest();
    expect(await placed(stage)).toEqual(["n1 img:1", "n2 img:1"]);
    expect(before).toContain(untouched[0]?.metadata.uid);
    expect(await uids(stage)).toContain(untouched[0]?.metadata.uid);
  });

  test("should run and stop complex daemon", async () => {
    await using stage = await openStage();
    await make(stage, { template: template({ nodeSelector: { color: "blue" } }) });
    await stage.rest();
    expect(await placed(stage)).toEqual([]);
    await stage.change(Node, "n1", { metadata: { labels: { color: "blue" } } });
    await stage.rest();
    expect(await placed(stage)).toEqual(["n1 img:1"]);
    await stage.change(Node, "n1", { metadata: { labels: { color: "green" } } });
    await stage.rest();
    expect(await placed(stage)).toEqual([]);
    await stage.change(DaemonSet, "ds", { spec: { template: { spec: { nodeSelector: { color: "green" } } } } });
    await stage.rest();
    expect(await placed(stage)).toEqual(["n1 img:1"]);
  });

  test("should run and stop simple daemon", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    const [pod] = await stage.list(Pod);
    await stage.remove(Pod, pod!.metadata.name);
    await stage.rest();
    expect(await placed(stage)).toEqual(["n1 img:1", "n2 img:1"]);
    await stage.remove(DaemonSet, "ds");
    await stage.rest();
    expect(await placed(stage)).toEqual([]);
  });

  test("should update pod when spec was updated and update strategy is RollingUpdate", async () => {
    await using stage = await openStage();
    await make(stage, { updateStrategy: { type: "RollingUpdate" } });
    await stage.rest();
    await roll(stage, "img:2");
    await stage.rest();
    expect(await placed(stage)).toEqual(["n1 img:2", "n2 img:2"]);
    expect((await stage.get(DaemonSet, "ds")).status).toMatchObject({ updatedNumberScheduled: 2, numberAvailable: 2 });
  });

  test("should verify changes to a daemon set status", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    await expectStatusEndpoint(stage, DaemonSet, "ds");
  });
});
