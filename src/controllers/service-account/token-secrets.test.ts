import { expect, test } from "vitest";
import { Secret } from "../../api/core/secret.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { run } from "../framework/testing/harness.ts";
import { tokenSecretController } from "./token-secrets.ts";

const controller = tokenSecretController({
  rootCa: "CERT",
  token: (namespace, secret, { name }) => `token of ${namespace}/${name} in ${secret}`,
});
const type = "kubernetes.io/service-account-token";
const robot = (cluster: FakeCluster) =>
  cluster.put(ServiceAccount, { metadata: { namespace: "default", name: "robot" } });
const secret = (cluster: FakeCluster, annotations: Readonly<Record<string, string>> = {}) =>
  cluster.put(Secret, {
    metadata: {
      namespace: "default",
      name: "s",
      annotations: { "kubernetes.io/service-account.name": "robot", ...annotations },
    },
    type,
  });
const decoded = ({ data = {} }: Secret) =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));

test("a Secret made for an account gets its token, and goes with the account", async () => {
  await using harness = await run([controller], {
    given: (cluster) => {
      robot(cluster);
      secret(cluster);
    },
  });
  const { cluster } = harness;
  const filled = cluster.get(Secret, "s");
  expect(filled && decoded(filled)).toEqual({
    token: "token of default/robot in s",
    "ca.crt": "CERT",
    namespace: "default",
  });
  const account = cluster.get(ServiceAccount, "robot");
  expect(filled?.metadata.annotations?.["kubernetes.io/service-account.uid"]).toBe(account?.metadata.uid);
  if (account) cluster.remove(ServiceAccount, account);
  await harness.settle();
  expect(cluster.get(Secret, "s")).toBeUndefined();
});

test("a Secret of an account that was made anew is not given its token", async () => {
  await using harness = await run([controller], {
    given: (cluster) => {
      robot(cluster);
      secret(cluster, { "kubernetes.io/service-account.uid": "an-older-one" });
    },
  });
  expect(harness.cluster.get(Secret, "s")).toBeUndefined();
});
