import { describe, expect, test } from "vitest";
import { openReviewServer, type ReviewServer } from "../review-server-fixture.ts";
import { alice, openServerFixture } from "../server-fixture.ts";
import type { AuthorizationWebhook } from "./webhook-authorizer.ts";

const maps = "/api/v1/namespaces/default/configmaps";

async function withWebhook(reviews: ReviewServer, about: Partial<AuthorizationWebhook> = {}) {
  const webhook: AuthorizationWebhook = {
    name: "policy",
    endpoint: reviews.endpoint,
    version: "v1",
    timeout: 30_000,
    authorizedTtl: 300_000,
    unauthorizedTtl: 0,
    failurePolicy: "NoOpinion",
    matchConditions: [],
    ...about,
  };
  return openServerFixture({ authorization: [{ type: "Webhook", webhook }, { type: "RBAC" }] });
}

describe("an authorization webhook", () => {
  test("allows what RBAC does not, is told what is asked, and its yes is remembered", async () => {
    await using reviews = await openReviewServer(() => ({ allowed: true, reason: "because" }));
    await using fixture = await withWebhook(reviews);
    const path = `${maps}?labelSelector=app%3Dx,tier&fieldSelector=metadata.namespace!%3Dy`;
    expect((await fixture.call("GET", path, { as: alice })).status).toBe(200);
    expect((await fixture.call("GET", path, { as: alice })).status).toBe(200);
    expect(reviews.asked).toHaveLength(1);
    expect(reviews.asked[0]).toMatchObject({
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: "alice",
        uid: "u-alice",
        groups: ["devs", "system:authenticated"],
        resourceAttributes: {
          namespace: "default",
          verb: "list",
          version: "v1",
          resource: "configmaps",
          fieldSelector: { requirements: [{ key: "metadata.namespace", operator: "NotIn", values: ["y"] }] },
          labelSelector: {
            requirements: [
              { key: "app", operator: "In", values: ["x"] },
              { key: "tier", operator: "Exists" },
            ],
          },
        },
      },
    });
  });

  test("denies what nobody after it may allow, and says why", async () => {
    await using reviews = await openReviewServer(() => ({ allowed: false, denied: true, reason: "freeze" }));
    await using fixture = await withWebhook(reviews);
    const refused = await fixture.call("GET", maps, { as: alice });
    expect(refused.body.message).toContain("freeze");
    const review = await fixture.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      body: { spec: { user: "alice", resourceAttributes: { verb: "get", resource: "pods" } } },
    });
    expect(review.body.status).toEqual({ allowed: false, denied: true, reason: "freeze" });
  });

  test.each([
    ["leaves it to the others when it fails and is set so", "NoOpinion", undefined],
    ["denies when it fails and is set so", "Deny", true],
  ] as const)("%s", async (_, failurePolicy, denied) => {
    await using reviews = await openReviewServer(() => undefined);
    await using fixture = await withWebhook(reviews, { failurePolicy });
    const review = await fixture.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      body: { spec: { user: "alice", resourceAttributes: { verb: "get", resource: "pods" } } },
    });
    expect(review.body.status?.allowed).toBe(false);
    expect(review.body.status?.denied).toBe(denied);
  });

  test("is asked only about what its conditions match", async () => {
    await using reviews = await openReviewServer(() => ({ allowed: true }));
    const matchConditions = [
      "has(request.resourceAttributes)",
      "request.resourceAttributes.namespace == 'default'",
      "!('system:serviceaccounts' in request.groups)",
    ];
    await using fixture = await withWebhook(reviews, { matchConditions });
    expect((await fixture.call("GET", maps, { as: alice })).status).toBe(200);
    expect((await fixture.call("GET", "/api/v1/namespaces/kube-system/configmaps", { as: alice })).status).toBe(403);
    expect((await fixture.call("GET", "/metrics", { as: alice })).status).toBe(403);
    expect(reviews.asked).toHaveLength(1);
  });

  test("a list of rules says that it is not complete", async () => {
    await using reviews = await openReviewServer(() => ({ allowed: false }));
    await using fixture = await withWebhook(reviews, { matchConditions: ["has(request.nonResourceAttributes)"] });
    const review = await fixture.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
      as: { name: "a", groups: ["system:masters"] },
      body: { spec: { namespace: "default" } },
    });
    expect(review.body.status).toMatchObject({
      incomplete: true,
      evaluationError: "webhook authorizer does not support user rule resolution",
    });
  });
});
