import { expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { Ingress } from "../../api/networking/ingress.ts";
import { IngressClass } from "../../api/networking/ingress-class.ts";
import { Role } from "../../api/rbac/role.ts";
import { RoleBinding } from "../../api/rbac/role-binding.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { ingressStatusController } from "./ingress-status.ts";
import { ingressSecretsController, secretsRole } from "./secret-rights.ts";

const node = (cluster: FakeCluster, name: string, ips: string, ready: "True" | "Unknown" = "True", serving = "true") =>
  cluster.put(Node, {
    metadata: { name, labels: { "navarch.io/ingress": serving } },
    spec: {},
    status: {
      addresses: ips.split(" ").map((address) => ({ type: "InternalIP" as const, address })),
      conditions: [{ type: "Ready", status: ready }],
    },
  });
const classes = (cluster: FakeCluster) => {
  cluster.put(IngressClass, { metadata: { name: "navarch" }, spec: { controller: "navarch.io/ingress" } });
  cluster.put(IngressClass, { metadata: { name: "other" }, spec: { controller: "example.com/other" } });
};
const ingress = (
  cluster: FakeCluster,
  name: string,
  spec: Partial<Ingress["spec"]> = {},
  annotations: Readonly<Record<string, string>> = {},
) =>
  cluster.put(Ingress, {
    metadata: { name, namespace: "default", annotations },
    spec: { ingressClassName: "navarch", ...spec },
    status: { loadBalancer: {} },
  });
const told = ({ cluster }: Harness, name: string) =>
  (cluster.get(Ingress, name)?.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
const rights = ({ cluster }: Harness) => cluster.get(Role, secretsRole)?.rules?.[0]?.resourceNames;

test("an Ingress tells the addresses of the nodes that serve it and are ready", async () => {
  await using harness = await run([ingressStatusController], {
    given: (cluster) => {
      classes(cluster);
      node(cluster, "b", "192.0.2.2 2001:db8::2");
      node(cluster, "a", "192.0.2.1");
      node(cluster, "silent", "192.0.2.3", "Unknown");
      node(cluster, "without", "192.0.2.4", "True", "false");
      ingress(cluster, "web");
      ingress(cluster, "foreign", { ingressClassName: "other" });
    },
  });
  expect(told(harness, "web")).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::2"]);
  expect(told(harness, "foreign")).toEqual([]);
  harness.cluster.remove(Node, harness.cluster.get(Node, "a")!);
  await harness.settle();
  expect(told(harness, "web")).toEqual(["192.0.2.2", "2001:db8::2"]);
});

test("the Secrets that Ingresses of a namespace name may be read, and no others", async () => {
  await using harness = await run([ingressSecretsController], {
    given: (cluster) => {
      classes(cluster);
      ingress(cluster, "web", { tls: [{ secretName: "one" }, { secretName: "two" }] });
      const trusting = { "ingress.navarch.io/backend-ca-secret": "trusted" };
      ingress(cluster, "more", { tls: [{ secretName: "two" }, { secretName: "three" }] }, trusting);
      ingress(cluster, "foreign", { ingressClassName: "other", tls: [{ secretName: "theirs" }] });
    },
  });
  expect(rights(harness)).toEqual(["one", "three", "trusted", "two"]);
  expect(harness.cluster.get(RoleBinding, secretsRole)?.subjects?.map(({ name }) => name)).toEqual([
    "system:ingress",
    "system:nodes",
  ]);
  harness.cluster.remove(Ingress, harness.cluster.get(Ingress, "web")!);
  await harness.settle();
  expect(rights(harness)).toEqual(["three", "trusted", "two"]);
  harness.cluster.remove(Ingress, harness.cluster.get(Ingress, "more")!);
  await harness.settle();
  expect(rights(harness)).toBeUndefined();
  expect(harness.cluster.get(RoleBinding, secretsRole)).toBeUndefined();
});

test("rights that somebody widened or took away are put right", async () => {
  await using harness = await run([ingressSecretsController], {
    given: (cluster) => {
      classes(cluster);
      ingress(cluster, "web", { tls: [{ secretName: "one" }] });
    },
  });
  const role = harness.cluster.get(Role, secretsRole)!;
  await harness.cluster.client.update(Role, { ...role, rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] });
  await harness.settle();
  expect(rights(harness)).toEqual(["one"]);
  harness.cluster.remove(RoleBinding, harness.cluster.get(RoleBinding, secretsRole)!);
  await harness.settle();
  expect(harness.cluster.get(RoleBinding, secretsRole)).toBeDefined();
});
