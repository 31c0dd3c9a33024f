import { expect, test } from "vitest";
import { Secret } from "../../api/core/secret.ts";
import type { SecretType } from "../../api/generated/core-v1.ts";
import { run } from "../framework/testing/harness.ts";
import { tokenCleaner } from "./token-cleaner.ts";

const encoded = (text: string) => Buffer.from(text).toString("base64");

test("a token to join with goes when its time has come, and no other Secret does", async () => {
  await using harness = await run([tokenCleaner], {
    given: (cluster) => {
      const put = (name: string, namespace: string, type: SecretType, expiration: string) =>
        cluster.put(Secret, { metadata: { namespace, name }, type, data: { expiration: encoded(expiration) } });
      const type = "bootstrap.kubernetes.io/token";
      put("soon", "kube-system", type, "2026-01-01T01:00:00Z");
      put("later", "kube-system", type, "2026-01-01T03:00:00Z");
      put("garbled", "kube-system", type, "tomorrow");
      put("elsewhere", "default", type, "2020-01-01T00:00:00Z");
      put("other", "kube-system", "Opaque", "2020-01-01T00:00:00Z");
    },
  });
  const names = () =>
    harness.cluster
      .all(Secret)
      .map(({ metadata }) => metadata.name)
      .sort();
  expect(names()).toEqual(["elsewhere", "later", "other", "soon"]);
  await harness.pass(2 * 3_600_000);
  expect(names()).toEqual(["elsewhere", "later", "other"]);
});
