import { expect, test } from "vitest";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { run } from "../framework/testing/harness.ts";
import { rootCaController } from "./root-ca.ts";
import { serviceAccountController } from "./service-accounts.ts";

const namespace = (cluster: FakeCluster, phase: "Active" | "Terminating" = "Active") =>
  cluster.put(Namespace, { metadata: { name: "shop" }, spec: {}, status: { phase } });
const start = (given: (cluster: FakeCluster) => void) =>
  run([serviceAccountController, rootCaController("CERT")], { given });

test("a namespace gets its default account and the authority's certificate", async () => {
  await using harness = await start(namespace);
  expect(harness.cluster.get(ServiceAccount, "default", "shop")).toBeDefined();
  expect(harness.cluster.get(ConfigMap, "kube-root-ca.crt", "shop")?.data).toEqual({ "ca.crt": "CERT" });
});

test("both come back when they are deleted, and the certificate is mended when it is changed", async () => {
  await using harness = await start(namespace);
  const { cluster } = harness;
  cluster.remove(ServiceAccount, cluster.get(ServiceAccount, "default", "shop")!);
  const published = cluster.get(ConfigMap, "kube-root-ca.crt", "shop")!;
  cluster.change(ConfigMap, published, { data: { "ca.crt": "broken", other: "x" } });
  await harness.settle();
  expect(cluster.get(ServiceAccount, "default", "shop")).toBeDefined();
  expect(cluster.get(ConfigMap, "kube-root-ca.crt", "shop")?.data).toEqual({ "ca.crt": "CERT" });
  cluster.remove(ConfigMap, cluster.get(ConfigMap, "kube-root-ca.crt", "shop")!);
  await harness.settle();
  expect(cluster.get(ConfigMap, "kube-root-ca.crt", "shop")?.data).toEqual({ "ca.crt": "CERT" });
});

test("a namespace that is going away gets nothing", async () => {
  await using harness = await start((cluster) => namespace(cluster, "Terminating"));
  expect(harness.cluster.calls).toEqual([]);
});
