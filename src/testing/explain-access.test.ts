import { afterAll, beforeAll, expect, test } from "vitest";
import { Role } from "../api/rbac/role.ts";
import { RoleBinding } from "../api/rbac/role-binding.ts";
import { explainAccess } from "../cluster/explain-access.ts";
import { inProcessTransport } from "../cluster/in-process-transport.ts";
import { findResource, servedResources } from "../cluster/served-resources.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await openTestCluster({ controllers: [] });
  await cluster.client.create(Role, {
    metadata: { namespace: "default", name: "pod-reader" },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
  });
});
afterAll(() => cluster[Symbol.asyncDispose]());

const user = { name: "alice", groups: [] };

test("a refusal is explained by the narrowest rule, the roles that have it, and what to run", async () => {
  const found = await explainAccess(cluster.client, {
    user,
    verb: "get",
    resource: "pods",
    namespace: "default",
    name: "web",
  });
  expect(found).toMatchObject({
    allowed: false,
    rule: { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["web"] },
    command: "kubectl create rolebinding alice-pod-reader --namespace=default --role=pod-reader --user=alice",
    narrowest: [
      "kubectl create role get-pods-web --namespace=default --verb=get --resource=pods --resource-name=web",
      "kubectl create rolebinding alice-get-pods-web --namespace=default --role=get-pods-web --user=alice",
    ],
  });
  expect(found.roles[0]).toEqual({ kind: "Role", namespace: "default", name: "pod-reader" });
  expect(found.roles.at(-1)).toEqual({ kind: "ClusterRole", name: "cluster-admin" });
});

test("what goes beyond a namespace needs a cluster-wide binding, for a service account by its two names", async () => {
  const robot = { name: "system:serviceaccount:ci:robot", groups: [] };
  const found = await explainAccess(cluster.client, { user: robot, verb: "get", path: "/metrics" });
  expect(found.rule).toEqual({ verbs: ["get"], nonResourceURLs: ["/metrics"] });
  expect(found.command).toBe(
    "kubectl create clusterrolebinding robot-system-monitoring --clusterrole=system:monitoring --serviceaccount=ci:robot",
  );
});

test("what is allowed is explained by its binding, and nothing needs to be run", async () => {
  const found = await explainAccess(cluster.client, {
    user: { name: "system:kube-scheduler", groups: [] },
    verb: "list",
    resource: "nodes",
  });
  expect(found).toMatchObject({ allowed: true, reason: expect.stringContaining("system:kube-scheduler") });
  expect(found.command).toBeUndefined();
  expect(found.narrowest).toBeUndefined();
});

test("nobody is advised to be a controller, and a shell takes the words of what to run as they are", async () => {
  const odd = { name: "o'brien x", groups: [] };
  const about = { verb: "get", group: "apps", resource: "deployments", subresource: "scale", namespace: "default" };
  const found = await explainAccess(cluster.client, { user: odd, ...about });
  expect(found.roles.slice(0, 3).map(({ name }) => name)).toEqual(["view", "edit", "admin"]);
  expect(found.command).toBe(
    "kubectl create rolebinding o-brien-x-view --namespace=default --clusterrole=view '--user=o'\\''brien x'",
  );
  expect(found.narrowest?.[0]).toBe(
    "kubectl create role get-deployments-scale --namespace=default --verb=get --resource=deployments.apps/scale",
  );
  const unheard = await explainAccess(cluster.client, { user, verb: "admire", resource: "pods" });
  expect(unheard.roles).toEqual([{ kind: "ClusterRole", name: "cluster-admin" }]);
  expect(unheard.command).toBeUndefined();
});

test("what is needed, once there, allows it, and the binding is named as the reason", async () => {
  const question = { user: { name: "bob", groups: [] }, verb: "create", resource: "pods", namespace: "default" };
  const { rule } = await explainAccess(cluster.client, question);
  const metadata = { namespace: "default", name: "create-pods" };
  await cluster.client.create(Role, { metadata, rules: [rule] });
  await cluster.client.create(RoleBinding, {
    metadata: { ...metadata, name: "bob-create-pods" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "create-pods" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "bob" }],
  });
  expect(await explainAccess(cluster.client, question)).toMatchObject({
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "bob-create-pods/default" of Role "create-pods" to User "bob"',
  });
});

test("a resource is found by any of its words, in the group that is meant", async () => {
  await using transport = inProcessTransport(cluster.server, { name: "admin", groups: ["system:masters"] });
  const resources = await servedResources(transport);
  const pods = { group: "", resource: "pods", namespaced: true, subresources: expect.arrayContaining(["log", "exec"]) };
  for (const word of ["pods", "pod", "po"]) expect(findResource(resources, word)).toMatchObject(pods);
  expect(findResource(resources, "events")).toMatchObject({ group: "" });
  expect(findResource(resources, "events.events.k8s.io")).toMatchObject({ group: "events.k8s.io" });
  expect(findResource(resources, "deployments.batch")).toBeUndefined();
  expect(findResource(resources, "users")).toMatchObject({ verbs: ["impersonate"] });
});
