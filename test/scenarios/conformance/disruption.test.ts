import { describe, expect, test } from "vitest";
import { Deployment } from "../../../src/api/apps/deployment.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { PodDisruptionBudget } from "../../../src/api/policy/pod-disruption-budget.ts";
import { expectCollection, labels, openStage, type Stage, selector, template } from "./stage.ts";

const budget = (stage: Stage, spec: object) =>
  stage.make(PodDisruptionBudget, { metadata: { name: "b", labels }, spec: { selector, ...spec } });
const deploy = (stage: Stage, replicas: number) =>
  stage.make(Deployment, { metadata: { name: "web" }, spec: { replicas, selector, template: template() } });
const evict = async (stage: Stage) => {
  const [pod] = await stage.list(Pod, "app=web");
  const key = { namespace: "default", name: pod!.metadata.name };
  return await stage.client.createSubresource(Pod, key, "eviction", {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: key,
  });
};
const status = async (stage: Stage) => (await stage.get(PodDisruptionBudget, "b")).status;

describe("[sig-apps] DisruptionController", () => {
  test("should block an eviction until the PDB is updated to allow it", async () => {
    await using stage = await openStage();
    await deploy(stage, 3);
    await budget(stage, { minAvailable: 3 });
    await stage.rest();
    await expect(evict(stage)).rejects.toMatchObject({ reason: "TooManyRequests" });
    await stage.change(PodDisruptionBudget, "b", { spec: { minAvailable: 2 } });
    await stage.rest();
    await evict(stage);
    await stage.rest();
    await stage.change(PodDisruptionBudget, "b", { spec: { minAvailable: 3 } });
    await stage.rest();
    await expect(evict(stage)).rejects.toMatchObject({ reason: "TooManyRequests" });
    await stage.remove(PodDisruptionBudget, "b");
    await stage.rest();
    await evict(stage);
  });

  test("should create a PodDisruptionBudget", async () => {
    await using stage = await openStage();
    await budget(stage, { minAvailable: "1%" });
    await stage.rest();
    const made = await stage.get(PodDisruptionBudget, "b");
    await stage.client.update(PodDisruptionBudget, { ...made, spec: { ...made.spec, minAvailable: "2%" } });
    await stage.change(PodDisruptionBudget, "b", { spec: { minAvailable: "3%" } });
    expect((await stage.get(PodDisruptionBudget, "b")).spec?.minAvailable).toBe("3%");
    await stage.remove(PodDisruptionBudget, "b");
    expect(await stage.exists(PodDisruptionBudget, "b")).toBe(false);
  });

  test("should observe PodDisruptionBudget status updated", async () => {
    await using stage = await openStage();
    await budget(stage, { minAvailable: 1 });
    await deploy(stage, 3);
    await stage.rest();
    expect(await status(stage)).toMatchObject({
      currentHealthy: 3,
      expectedPods: 3,
      desiredHealthy: 1,
      disruptionsAllowed: 2,
    });
  });

  test("should update/patch PodDisruptionBudget status", async () => {
    await using stage = await openStage();
    await deploy(stage, 1);
    await budget(stage, { minAvailable: 1 });
    await stage.rest();
    const known = await stage.get(PodDisruptionBudget, "b");
    const disruptedPods = { gone: "2026-01-01T00:00:00Z" };
    const next = { ...known, status: { ...known.status!, disruptedPods } };
    expect((await stage.client.updateStatus(PodDisruptionBudget, next)).status?.disruptedPods).toEqual(disruptedPods);
    const body = { status: { disruptedPods: { gone: null } } };
    const patched = await stage.change(PodDisruptionBudget, "b", body, "status");
    expect(patched.status?.disruptedPods ?? {}).toEqual({});
  });

  test("Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets", async () => {
    await using stage = await openStage();
    await budget(stage, { minAvailable: 1 });
    const all = (await stage.client.list(PodDisruptionBudget)).items;
    expect(all.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual(["default/b"]);
    await expectCollection(stage, PodDisruptionBudget, "app=web", ["b"]);
  });
});
