import { describe, expect, test } from "vitest";
import { ReplicaSet } from "../../../src/api/apps/replica-set.ts";
import { ConfigMap } from "../../../src/api/core/config-map.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { ReplicationController } from "../../../src/api/core/replication-controller.ts";
import { ResourceQuota } from "../../../src/api/core/resource-quota.ts";
import { Secret } from "../../../src/api/core/secret.ts";
import { Service } from "../../../src/api/core/service.ts";
import { labels, openStage, type Stage, selector, template } from "./stage.ts";

const quota = (stage: Stage, hard: Readonly<Record<string, string>>, more: object = {}, name = "q") =>
  stage.make(ResourceQuota, { metadata: { name, labels }, spec: { hard, ...more } });
const used = async (stage: Stage, name = "q") => (await stage.get(ResourceQuota, name)).status?.used;
const pod = (stage: Stage, name: string, requests?: object, spec: object = {}) =>
  stage.make(Pod, {
    metadata: { name },
    spec: { containers: [{ name: "c", image: "img:1", ...(requests ? { resources: { requests } } : {}) }], ...spec },
  });
/** Makes something, sees it counted, takes it away, and sees it counted no more. */
async function expectLife(
  stage: Stage,
  resource: string,
  make: () => Promise<unknown>,
  remove: () => Promise<unknown>,
) {
  await stage.rest();
  const before = Number((await used(stage))?.[resource]);
  await make();
  await stage.rest();
  expect(Number((await used(stage))?.[resource])).toBe(before + 1);
  await remove();
  await stage.rest();
  expect(Number((await used(stage))?.[resource])).toBe(before);
}

describe("[sig-api-machinery] ResourceQuota", () => {
  test("should be able to update and delete ResourceQuota", async () => {
    await using stage = await openStage();
    await quota(stage, { cpu: "1", memory: "500Mi" });
    await stage.rest();
    const made = await stage.get(ResourceQuota, "q");
    await stage.client.update(ResourceQuota, { ...made, spec: { hard: { cpu: "2", memory: "1Gi" } } });
    expect((await stage.get(ResourceQuota, "q")).spec?.hard).toEqual({ cpu: "2", memory: "1Gi" });
    await stage.remove(ResourceQuota, "q");
    expect(await stage.exists(ResourceQuota, "q")).toBe(false);
  });

  test("should create a ResourceQuota and capture the life of a configMap", async () => {
    await using stage = await openStage();
    await quota(stage, { configmaps: "10" });
    const make = () => stage.make(ConfigMap, { metadata: { name: "c" }, data: { a: "b" } });
    await expectLife(stage, "configmaps", make, () => stage.remove(ConfigMap, "c"));
  });

  test("should create a ResourceQuota and capture the life of a pod", async () => {
    await using stage = await openStage();
    await quota(stage, { pods: "5", cpu: "1", memory: "500Mi", "requests.ephemeral-storage": "50Gi" });
    await stage.rest();
    await pod(stage, "a", { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi" });
    await stage.rest();
    const full = { pods: "1", cpu: "500m", memory: "252Mi", "requests.ephemeral-storage": "30Gi" };
    expect(await used(stage)).toEqual(full);
    const tooMuch = pod(stage, "b", { cpu: "600m", memory: "100Mi", "ephemeral-storage": "1Gi" });
    await expect(tooMuch).rejects.toMatchObject({ reason: "Forbidden" });
    await stage.remove(Pod, "a");
    await stage.rest();
    expect(await used(stage)).toEqual({ pods: "0", cpu: "0", memory: "0", "requests.ephemeral-storage": "0" });
  });

  test("should create a ResourceQuota and capture the life of a replica set", async () => {
    await using stage = await openStage();
    await quota(stage, { "count/replicasets.apps": "5" });
    const spec = { replicas: 0, selector, template: template() };
    const make = () => stage.make(ReplicaSet, { metadata: { name: "rs" }, spec });
    await expectLife(stage, "count/replicasets.apps", make, () => stage.remove(ReplicaSet, "rs"));
  });

  test("should create a ResourceQuota and capture the life of a replication controller", async () => {
    await using stage = await openStage();
    await quota(stage, { replicationcontrollers: "10" });
    const spec = { replicas: 0, selector: labels, template: template() };
    const make = () => stage.make(ReplicationController, { metadata: { name: "rc" }, spec });
    await expectLife(stage, "replicationcontrollers", make, () => stage.remove(ReplicationController, "rc"));
  });

  test("should create a ResourceQuota and capture the life of a secret", async () => {
    await using stage = await openStage();
    await quota(stage, { secrets: "10" });
    const make = () => stage.make(Secret, { metadata: { name: "s" }, stringData: { a: "b" } });
    await expectLife(stage, "secrets", make, () => stage.remove(Secret, "s"));
  });

  test("should create a ResourceQuota and capture the life of a service", async () => {
    await using stage = await openStage();
    await quota(stage, { services: "10", "services.nodeports": "1", "services.loadbalancers": "1" });
    await stage.rest();
    const make = (name: string, type: string) =>
      stage.make(Service, { metadata: { name }, spec: { type, ports: [{ port: 80 }], selector: labels } });
    await make("cluster", "ClusterIP");
    await make("node", "NodePort");
    await stage.rest();
    // The Service of the API server itself is in this namespace too.
    expect(await used(stage)).toEqual({ services: "3", "services.nodeports": "1", "services.loadbalancers": "0" });
    await expect(make("more", "LoadBalancer")).rejects.toMatchObject({ reason: "Forbidden" });
    for (const name of ["cluster", "node"]) await stage.remove(Service, name);
    await stage.rest();
    expect(await used(stage)).toEqual({ services: "1", "services.nodeports": "0", "services.loadbalancers": "0" });
  });

  test("should create a ResourceQuota and ensure its status is promptly calculated", async () => {
    await using stage = await openStage();
    await quota(stage, { pods: "5" });
    await stage.rest(1);
    expect((await stage.get(ResourceQuota, "q")).status).toEqual({ hard: { pods: "5" }, used: { pods: "0" } });
  });

  test("should verify ResourceQuota with best effort scope", async () => {
    await using stage = await openStage();
    await quota(stage, { pods: "5" }, { scopes: ["BestEffort"] }, "best");
    await quota(stage, { pods: "5" }, { scopes: ["NotBestEffort"] }, "not-best");
    await stage.rest();
    await pod(stage, "best");
    await stage.rest();
    expect([await used(stage, "best"), await used(stage, "not-best")]).toEqual([{ pods: "1" }, { pods: "0" }]);
    await stage.remove(Pod, "best");
    await pod(stage, "burstable", { cpu: "100m" });
    await stage.rest();
    expect([await used(stage, "best"), await used(stage, "not-best")]).toEqual([{ pods: "0" }, { pods: "1" }]);
  });

  test("should verify ResourceQuota with terminating scopes", async () => {
    await using stage = await openStage();
    await quota(stage, { pods: "5" }, { scopes: ["Terminating"] }, "ends");
    await quota(stage, { pods: "5" }, { scopes: ["NotTerminating"] }, "stays");
    await stage.rest();
    await pod(stage, "long");
    await stage.rest();
    expect([await used(stage, "ends"), await used(stage, "stays")]).toEqual([{ pods: "0" }, { pods: "1" }]);
    await stage.remove(Pod, "long");
    await pod(stage, "short", undefined, { activeDeadlineSeconds: 3600 });
    await stage.rest();
    expect([await used(stage, "ends"), await used(stage, "stays")]).toEqual([{ pods: "1" }, { pods: "0" }]);
  });

  test("should apply changes to a resourcequota status", async () => {
    await using stage = await openStage();
    await quota(stage, { cpu: "500m", memory: "500Mi" });
    await stage.rest();
    const body = { status: { hard: { cpu: "1", memory: "1Gi" } } };
    const patched = await stage.change(ResourceQuota, "q", body, "status");
    expect(patched.status?.hard).toEqual({ cpu: "1", memory: "1Gi" });
    // The controller puts back what the spec says when it looks again.
    await stage.rest(310);
    expect((await stage.get(ResourceQuota, "q")).status?.hard).toEqual({ cpu: "500m", memory: "500Mi" });
  });

  test("should manage the lifecycle of a ResourceQuota", async () => {
    await using stage = await openStage();
    await quota(stage, { cpu: "1" });
    const all = (await stage.client.list(ResourceQuota, { labelSelector: "app=web" })).items;
    expect(all.map(({ metadata }) => metadata.name)).toEqual(["q"]);
    await stage.change(ResourceQuota, "q", {
      metadata: { labels: { state: "patched" } },
      spec: { hard: { cpu: "750m" } },
    });
    expect((await stage.get(ResourceQuota, "q")).spec?.hard).toEqual({ cpu: "750m" });
    await stage.client.deleteCollection(ResourceQuota, { namespace: "default", labelSelector: "state=patched" });
    expect(await stage.exists(ResourceQuota, "q")).toBe(false);
  });
});
