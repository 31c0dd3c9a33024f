import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";
const may = (...resources: readonly string[]) => [{ verbs: ["list"], apiGroups: [""], resources }];

/** Each test has a user, a role and a binding of its own. */
let number = 0;
let name = "";
beforeEach(async () => {
  number += 1;
  name = `carol-${number}`;
  await fixture.make(
    [`${rbac}/clusterroles`, { metadata: { name }, rules: may("secrets") }],
    [
      `${rbac}/clusterrolebindings`,
      {
        metadata: { name },
        roleRef: { apiGroup, kind: "ClusterRole", name },
        subjects: [{ kind: "User", apiGroup, name }],
      },
    ],
  );
  expect(await listing("secrets")).toBe(200);
});

const role = () => `${rbac}/clusterroles/${name}`;
const listing = async (resource: string) =>
  (await fixture.call("GET", `/api/v1/namespaces/default/${resource}`, { as: { name, groups: [] } })).status;
const write = async (method: string, path: string, body?: object) => {
  const patch = { headers: { "content-type": "application/merge-patch+json" } };
  const answer = await fixture.call(method, path, { ...(body ? { body } : {}), ...(method === "PATCH" ? patch : {}) });
  expect(answer.status).toBeLessThan(300);
};

test("a role that changes counts at the next request, for what it gives and for what it takes", async () => {
  await write("PATCH", role(), { rules: may("configmaps") });
  expect(await listing("secrets")).toBe(403);
  expect(await listing("configmaps")).toBe(200);
  await write("PATCH", role(), { rules: may("configmaps", "secrets") });
  expect(await listing("secrets")).toBe(200);
});

test("a change of a role that leaves its rules leaves its users' rights", async () => {
  await write("PATCH", role(), { metadata: { labels: { team: "a" } } });
  expect(await listing("secrets")).toBe(200);
});

test("an aggregated role gives what was last gathered into it", async () => {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { to: name } }] };
  await write("PATCH", role(), { aggregationRule });
  await write("PATCH", role(), { rules: may("configmaps") });
  expect(await listing("configmaps")).toBe(200);
  await write("PATCH", role(), { rules: [] });
  expect(await listing("configmaps")).toBe(403);
});

test("a role that is deleted gives nothing, and one made anew under its name gives its own rules only", async () => {
  await write("DELETE", role());
  expect(await listing("secrets")).toBe(403);
  await fixture.make([`${rbac}/clusterroles`, { metadata: { name }, rules: may("configmaps") }]);
  expect(await listing("secrets")).toBe(403);
  expect(await listing("configmaps")).toBe(200);
});

test("a binding that is deleted gives nothing any more", async () => {
  await write("DELETE", `${rbac}/clusterrolebindings/${name}`);
  expect(await listing("secrets")).toBe(403);
});

test("a binding names another user from the moment it is changed", async () => {
  await write("PATCH", `${rbac}/clusterrolebindings/${name}`, { subjects: [{ kind: "User", apiGroup, name: "dave" }] });
  expect(await listing("secrets")).toBe(403);
});
