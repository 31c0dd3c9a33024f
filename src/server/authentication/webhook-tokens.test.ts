import { expect, test } from "vitest";
import { openReviewServer } from "../review-server-fixture.ts";
import { openServerFixture } from "../server-fixture.ts";

test("a server that reviews tokens is asked once for each, and again after a failure", async () => {
  const user = { username: "wanda", groups: ["weavers"], extra: { scopes: ["all"] } };
  await using reviews = await openReviewServer(({ spec }) =>
    spec.token === "good" ? { authenticated: true, user } : { authenticated: false, error: "never heard of it" },
  );
  await using fixture = await openServerFixture({
    authentication: { webhook: { endpoint: reviews.endpoint, version: "v1" } },
  });
  const review = async (token: string) =>
    (await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body: { spec: { token } } })).body
      .status;
  const known = { username: "wanda", groups: ["weavers", "system:authenticated"], extra: { scopes: ["all"] } };
  expect(await review("good")).toMatchObject({ authenticated: true, user: known });
  expect(await review("good")).toMatchObject({ authenticated: true });
  expect(reviews.asked).toHaveLength(1);
  expect(reviews.asked[0]).toMatchObject({
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: "good", audiences: ["https://kubernetes.default.svc"] },
  });
  expect(await review("bad")).toEqual({ user: {}, error: "[invalid bearer token, never heard of it]" });

  reviews.answer = () => undefined;
  expect(await review("later")).not.toHaveProperty("authenticated");
  reviews.answer = () => ({ authenticated: true, user });
  expect(await review("later")).toMatchObject({ authenticated: true });
});
