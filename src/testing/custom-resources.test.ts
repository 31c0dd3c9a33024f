import { expect, test } from "vitest";
import { CustomResourceDefinition } from "../api/apiextensions/custom-resource-definition.ts";
import { ConfigMap } from "../api/core/config-map.ts";
import { Namespace } from "../api/core/namespace.ts";
import { ResourceQuota } from "../api/core/resource-quota.ts";
import { ClusterRole } from "../api/rbac/cluster-role.ts";
import { RoleBinding } from "../api/rbac/role-binding.ts";
import type { KindRef, KubeObject } from "../machinery/object.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

interface Widget extends KubeObject {
  readonly spec?: { readonly size?: number };
}

const Widget: KindRef<Widget> = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};

const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const definition = {
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced" as const,
    names: { plural: "widgets", kind: "Widget" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
  },
};

async function openWithWidgets(): Promise<TestCluster> {
  const cluster = await openTestCluster();
  await cluster.client.create(CustomResourceDefinition, definition);
  await cluster.pass(5000);
  return cluster;
}

const names = async ({ client }: TestCluster, kind: KindRef<KubeObject>) =>
  (await client.list(kind)).items.map(({ metadata }) => metadata.name);

test("custom resources own others and are owned", async () => {
  await using cluster = await openWithWidgets();
  const { client } = cluster;
  const owner = await client.create(Widget, { metadata: { name: "owner", namespace: "default" } });
  const reference = { apiVersion: "example.com/v1", kind: "Widget", name: "owner", uid: owner.metadata.uid };
  const metadata = { namespace: "default", ownerReferences: [reference] };
  await client.create(ConfigMap, { metadata: { ...metadata, name: "owned" } });
  await client.create(Widget, { metadata: { ...metadata, name: "child" } });
  await cluster.pass(5000);
  expect(await names(cluster, Widget)).toEqual(["child", "owner"]);
  await client.delete(Widget, { namespace: "default", name: "owner" });
  await cluster.pass(5000);
  expect(await names(cluster, Widget)).toEqual([]);
  expect(await names(cluster, ConfigMap as KindRef<KubeObject>)).not.toContain("owned");
});

test("a namespace goes when its custom resources are gone", async () => {
  await using cluster = await openWithWidgets();
  const { client } = cluster;
  await client.create(Namespace, { metadata: { name: "team" }, spec: {} });
  await client.create(Widget, { metadata: { name: "w", namespace: "team" } });
  await client.delete(Namespace, { name: "team" });
  await cluster.pass(30_000);
  expect(await names(cluster, Namespace as KindRef<KubeObject>)).not.toContain("team");
  expect(await names(cluster, Widget)).toEqual([]);
});

test("a quota counts custom resources, and lets no more in", async () => {
  await using cluster = await openWithWidgets();
  const { client } = cluster;
  const hard = { "count/widgets.example.com": "1" };
  await client.create(ResourceQuota, { metadata: { name: "q", namespace: "default" }, spec: { hard } });
  await cluster.pass(5000);
  await client.create(Widget, { metadata: { name: "one", namespace: "default" } });
  const second = client.create(Widget, { metadata: { name: "two", namespace: "default" } });
  await expect(second).rejects.toThrow("exceeded quota: q, requested: count/widgets.example.com=1");
  await client.delete(Widget, { namespace: "default", name: "one" });
  await cluster.pass(30_000);
  const quota = await client.get(ResourceQuota, { namespace: "default", name: "q" });
  expect(quota.status?.used).toEqual({ "count/widgets.example.com": "0" });
});

test("rights for custom resources are given like any others", async () => {
  await using cluster = await openWithWidgets();
  const { client } = cluster;
  const rules = [{ apiGroups: ["example.com"], resources: ["widgets"], verbs: ["get", "list"] }];
  await client.create(ClusterRole, { metadata: { name: "widget-reader" }, rules });
  await client.create(RoleBinding, {
    metadata: { name: "readers", namespace: "default" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "widget-reader" },
    subjects: [{ kind: "User", name: "alice", apiGroup: "rbac.authorization.k8s.io" }],
  });
  await cluster.settle();
  const alice = cluster.clientFor({ name: "alice", groups: [] });
  expect((await alice.list(Widget, { namespace: "default" })).items).toEqual([]);
  const made = alice.create(Widget, { metadata: { name: "w", namespace: "default" } });
  await expect(made).rejects.toThrow('cannot create resource "widgets" in API group "example.com"');
});
