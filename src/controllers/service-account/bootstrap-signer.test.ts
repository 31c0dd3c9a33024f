import { compactVerify } from "jose";
import { expect, test } from "vitest";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Secret } from "../../api/core/secret.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { bootstrapSigner, detachedSignature, signingToken } from "./bootstrap-signer.ts";

const token = (id: string, more: Readonly<Record<string, string>> = {}) => ({
  metadata: { name: `bootstrap-token-${id}`, namespace: "kube-system" },
  type: "bootstrap.kubernetes.io/token",
  data: Object.fromEntries(
    Object.entries({ "token-id": id, "token-secret": "s".repeat(16), "usage-bootstrap-signing": "true", ...more }).map(
      ([key, value]) => [key, Buffer.from(value).toString("base64")],
    ),
  ),
});
const info = (cluster: FakeCluster) =>
  cluster.put(ConfigMap, { metadata: { name: "cluster-info", namespace: "kube-public" }, data: { kubeconfig: "K" } });
const keys = ({ cluster }: Harness) =>
  Object.keys(cluster.get(ConfigMap, "cluster-info", "kube-public")?.data ?? {}).sort();

test("a signature holds for the content that it leaves out", async () => {
  const [header, , signature] = detachedSignature("text", { id: "07401b", secret: "f395accd246ae52d" }).split(".");
  expect(header).toBe("eyJhbGciOiJIUzI1NiIsImtpZCI6IjA3NDAxYiJ9");
  const whole = `${header}.${Buffer.from("text").toString("base64url")}.${signature}`;
  const { payload } = await compactVerify(whole, Buffer.from("f395accd246ae52d"));
  expect(Buffer.from(payload).toString()).toBe("text");
});

test.each([
  { name: "may sign", more: {}, signs: true },
  { name: "ends later", more: { expiration: "1970-01-01T00:01:00Z" }, signs: true },
  { name: "has ended", more: { expiration: "1970-01-01T00:00:30Z" }, signs: false },
  { name: "ends at no time that is one", more: { expiration: "soon" }, signs: false },
  { name: "is for something else", more: { "usage-bootstrap-signing": "false" }, signs: false },
  { name: "has no secret part", more: { "token-secret": "" }, signs: false },
  { name: "has another's name", more: { "token-id": "bbbbbb" }, signs: false },
])("a token that $name signs: $signs", ({ more, signs }) => {
  const found = signingToken(token("aaaaaa", more as Readonly<Record<string, string>>) as never, 45_000);
  if (signs) expect(found).toEqual({ id: "aaaaaa", secret: "s".repeat(16) });
  else expect(found).toBeUndefined();
});

test("the cluster's description is signed with every token, and no longer with one that is gone", async () => {
  await using harness = await run([bootstrapSigner], {
    given: (cluster) => {
      cluster.put(Secret, token("aaaaaa") as never);
      cluster.put(Secret, { metadata: { name: "other", namespace: "kube-system" }, type: "Opaque" } as never);
      info(cluster);
    },
  });
  expect(keys(harness)).toEqual(["jws-kubeconfig-aaaaaa", "kubeconfig"]);
  harness.cluster.put(Secret, token("bbbbbb") as never);
  harness.cluster.remove(Secret, harness.cluster.get(Secret, "bootstrap-token-aaaaaa", "kube-system")!);
  await harness.settle();
  expect(keys(harness)).toEqual(["jws-kubeconfig-bbbbbb", "kubeconfig"]);
  const before = harness.cluster.get(ConfigMap, "cluster-info", "kube-public")!;
  harness.cluster.change(ConfigMap, before, { data: { ...before.data, kubeconfig: "other" } });
  await harness.settle();
  const after = harness.cluster.get(ConfigMap, "cluster-info", "kube-public")!;
  expect(after.data?.["jws-kubeconfig-bbbbbb"]).not.toBe(before.data?.["jws-kubeconfig-bbbbbb"]);
});
