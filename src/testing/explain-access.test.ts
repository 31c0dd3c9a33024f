import { afterAll, beforeAll, expect, test } from "vitest";
import { Role } from "../api/rbac/role.ts";
import { explainAccess } from "../cluster/explain-access.ts";
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
});
