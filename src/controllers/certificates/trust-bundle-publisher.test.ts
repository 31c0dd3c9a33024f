import { expect, test } from "vitest";
import { ClusterTrustBundle } from "../../api/certificates/cluster-trust-bundle.ts";
import { Namespace } from "../../api/core/namespace.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { run } from "../framework/testing/harness.ts";
import { trustBundlePublisher } from "./trust-bundle-publisher.ts";

const signerName = "kubernetes.io/kube-apiserver-serving";
const start = (given: (cluster: FakeCluster) => void = () => {}) =>
  run([trustBundlePublisher("CERT")], {
    given: (cluster) => {
      cluster.put(Namespace, { metadata: { name: "kube-system" }, spec: {}, status: { phase: "Active" } });
      given(cluster);
    },
  });
const name = "kubernetes.io:kube-apiserver-serving:fc3c8e63b513125abcbc527c";
const bundle = (trustBundle: string) => ({ signerName, trustBundle });

test("the authority's certificate is published under a name made of its contents, and comes back when it is deleted", async () => {
  await using harness = await start();
  const { cluster } = harness;
  expect(cluster.get(ClusterTrustBundle, name)?.spec).toEqual(bundle("CERT"));
  cluster.remove(ClusterTrustBundle, cluster.get(ClusterTrustBundle, name)!);
  await harness.settle();
  expect(cluster.get(ClusterTrustBundle, name)?.spec).toEqual(bundle("CERT"));
});

test("what an authority before left behind goes, and a changed bundle is mended", async () => {
  const old = "kubernetes.io:kube-apiserver-serving:old";
  await using harness = await start((cluster) => {
    cluster.put(ClusterTrustBundle, { metadata: { name: old }, spec: bundle("BEFORE") });
    cluster.put(ClusterTrustBundle, { metadata: { name }, spec: bundle("changed") });
    cluster.put(ClusterTrustBundle, { metadata: { name: "others" }, spec: { trustBundle: "X" } });
  });
  const { cluster } = harness;
  expect(cluster.get(ClusterTrustBundle, old)).toBeUndefined();
  expect(cluster.get(ClusterTrustBundle, name)?.spec).toEqual(bundle("CERT"));
  expect(cluster.get(ClusterTrustBundle, "others")).toBeDefined();
});
