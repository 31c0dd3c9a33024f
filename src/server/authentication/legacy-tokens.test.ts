import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { openServerFixture } from "../server-fixture.ts";
import { TokenSigner } from "./json-web-token.ts";
import { legacyClaims } from "./legacy-tokens.ts";

test("a token in a Secret is good while the Secret holds it, and the Secret tells when it was used", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await using fixture = await openServerFixture({
    serviceAccounts: { issuer: "https://kubernetes.default.svc", privateKey: key },
  });
  const core = "/api/v1/namespaces/default";
  const uid = String((await fixture.call("GET", `${core}/serviceaccounts/default`)).body.metadata?.uid);
  const signer = new TokenSigner({ privateKey: key });
  const token = signer.sign(legacyClaims("default", "held", { name: "default", uid }));
  const other = signer.sign(legacyClaims("default", "held", { name: "default", uid: "another" }));
  await fixture.make([
    `${core}/secrets`,
    {
      metadata: { name: "held", annotations: { "kubernetes.io/service-account.name": "default" } },
      type: "kubernetes.io/service-account-token",
      stringData: { token },
    },
  ]);
  const review = async (text: string) =>
    (await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body: { spec: { token: text } } }))
      .body.status;
  expect(await review(token)).toMatchObject({
    authenticated: true,
    user: { username: "system:serviceaccount:default:default", uid },
  });
  expect(await review(other)).toEqual({
    user: {},
    error: "[invalid bearer token, service account token has been invalidated]",
  });
  const labels = async () => (await fixture.call("GET", `${core}/secrets/held`)).body.metadata?.labels;
  await expect.poll(labels, { timeout: 30_000 }).toHaveProperty(["kubernetes.io/legacy-token-last-used"]);
  await fixture.call("DELETE", `${core}/secrets/held`);
  await fixture.call("GET", `${core}/secrets`);
  expect(await review(token)).not.toHaveProperty("authenticated");
});
