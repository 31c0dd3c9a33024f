import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alice, openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { name } },
  spec: { containers: [{ name: "c", image: "img:1" }], ...spec },
});

describe("who may do what", () => {
  test("a user without rights is told what is missing, in upstream's words", async () => {
    const answer = await fixture.call("GET", maps, { as: alice });
    expect(answer.status).toBe(403);
    expect(answer.body.message).toBe(
      'configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
  });

  test("a path that is no resource is refused as a path", async () => {
    expect((await fixture.call("GET", "/metrics", { as: alice })).body.message).toBe(
      'forbidden: User "alice" cannot get path "/metrics"',
    );
  });

  test("a bad token is unauthorized, and no credentials at all are the anonymous user", async () => {
    const wrong = await fixture.call("GET", maps, { headers: { authorization: "Bearer wrong" } });
    expect(wrong.status).toBe(401);
    const anonymous = await fixture.server.handle({
      method: "GET",
      path: maps,
      headers: {},
      body: { kind: "none" },
      signal: new AbortController().signal,
    });
    expect(anonymous.status).toBe(403);
  });

  test("a binding gives what its role says, in its namespace only, from the moment it is written", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    await fixture.make(
      [
        `${rbac}/roles`,
        { metadata: { name: "r" }, rules: [{ verbs: ["list"], apiGroups: [""], resources: ["secrets"] }] },
      ],
      [
        `${rbac}/rolebindings`,
        {
          metadata: { name: "b" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
          subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "alice" }],
        },
      ],
    );
    expect((await fixture.call("GET", "/api/v1/namespaces/default/secrets", { as: alice })).status).toBe(200);
    expect((await fixture.call("GET", "/api/v1/namespaces/kube-system/secrets", { as: alice })).status).toBe(403);
    const review = await fixture.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      as: alice,
      body: { spec: { resourceAttributes: { namespace: "default", verb: "list", resource: "secrets" } } },
    });
    expect(review.body.status).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "b/default" of Role "r" to User "alice"',
    });
  });

  test("nobody hands out rights that they do not have", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    await fixture.make(
      [
        `${rbac}/roles`,
        {
          metadata: { name: "maker" },
          rules: [{ verbs: ["create"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"] }],
        },
      ],
      [
        `${rbac}/rolebindings`,
        {
          metadata: { name: "maker" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "maker" },
          subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "bob" }],
        },
      ],
    );
    const body = { metadata: { name: "big" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] };
    const refused = await fixture.call("POST", `${rbac}/roles`, { as: { name: "bob", groups: ["ops"] }, body });
    expect(refused.body.message).toBe(
      'roles.rbac.authorization.k8s.io "big" is forbidden: user "bob" (groups=["ops" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}',
    );
  });

  test("an administrator acts as somebody else, who has no more rights for it", async () => {
    const headers = { "impersonate-user": "zed" };
    expect((await fixture.call("GET", maps, { headers })).body.message).toContain('User "zed" cannot list');
    const masters = { ...headers, "impersonate-group": "system:masters" };
    expect((await fixture.call("GET", maps, { headers: masters })).status).toBe(200);
    const forbidden = await fixture.call("GET", maps, { headers, as: alice });
    expect(forbidden.body.message).toBe(
      'users "zed" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
  });

  test("a node's agent sees a secret only while one of its pods uses it", async () => {
    const node = { name: "system:node:n1", groups: ["system:nodes"] };
    const secret = "/api/v1/namespaces/default/secrets/s1";
    await fixture.make(["/api/v1/namespaces/default/secrets", { metadata: { name: "s1" } }]);
    expect((await fixture.call("GET", secret, { as: node })).status).toBe(403);
    const volumes = [{ name: "v", secret: { secretName: "s1" } }];
    await fixture.make([pods, pod("uses-secret", { nodeName: "n1", volumes })]);
    expect((await fixture.call("GET", secret, { as: node })).status).toBe(200);
    expect((await fixture.call("GET", secret, { as: { ...node, name: "system:node:n2" } })).status).toBe(403);
  });
});
