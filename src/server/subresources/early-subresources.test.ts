import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

/** Subresources as versions before apps/v1 spoke them. */
let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx" }] } };
  const deployment = { metadata: { name: "web" }, spec: { replicas: 2, selector: { matchLabels: labels }, template } };
  await fixture.make(["/apis/apps/v1/namespaces/default/deployments", deployment]);
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

const deployment = (apiVersion: string, part = "") => `/apis/${apiVersion}/namespaces/default/deployments/web${part}`;

test.each([
  "extensions/v1beta1",
  "apps/v1beta1",
  "apps/v1beta2",
])("scale in %s is that version's own, with the selector as labels and as text", async (apiVersion) => {
  const place = deployment(apiVersion, "/scale");
  const { body } = await fixture.call("GET", place);
  expect(body).toMatchObject({ kind: "Scale", apiVersion, metadata: { name: "web", namespace: "default" } });
  expect(body.status).toEqual({ replicas: 0, selector: { app: "web" }, targetSelector: "app=web" });
  const put = await fixture.call("PUT", place, { body: { ...body, spec: { replicas: 3 } } });
  expect(put.status, put.text).toBe(200);
  const headers = { "content-type": "application/merge-patch+json" };
  const patched = await fixture.call("PATCH", place, { body: { spec: { replicas: 2 } }, headers });
  expect(patched.body).toMatchObject({ apiVersion, spec: { replicas: 2 } });
  const list = await fixture.call("GET", `/apis/${apiVersion}`);
  expect(list.body.resources).toContainEqual({
    name: "deployments/scale",
    singularName: "",
    namespaced: true,
    kind: "Scale", // of the list's own group and version
    verbs: ["get", "patch", "update"],
  });
});

describe("a replication controller in extensions/v1beta1", () => {
  const place = "/apis/extensions/v1beta1/namespaces/default/replicationcontrollers";

  test("has a Scale and nothing else", async () => {
    const labels = { app: "old" };
    const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx" }] } };
    const controller = { metadata: { name: "old" }, spec: { replicas: 2, selector: labels, template } };
    await fixture.make(["/api/v1/namespaces/default/replicationcontrollers", controller]);
    const { body } = await fixture.call("GET", `${place}/old/scale`);
    expect(body).toMatchObject({ kind: "Scale", apiVersion: "extensions/v1beta1", spec: { replicas: 2 } });
    expect(body.status).toEqual({ replicas: 0, selector: labels, targetSelector: "app=old" });
    const put = await fixture.call("PUT", `${place}/old/scale`, { body: { ...body, spec: { replicas: 5 } } });
    expect(put.status, put.text).toBe(200);
    const after = await fixture.call("GET", "/api/v1/namespaces/default/replicationcontrollers/old");
    expect(after.body.spec).toMatchObject({ replicas: 5 });
    for (const path of [place, `${place}/old`, `${place}/old/status`]) {
      expect((await fixture.call("GET", path)).status, path).toBe(404);
    }
  });

  test("is told of as a kind that nobody can ask for", async () => {
    const { body } = await fixture.call("GET", "/apis/extensions/v1beta1");
    const about = { name: "replicationcontrollers", namespaced: true, kind: "ReplicationControllerDummy", verbs: [] };
    expect(body.resources).toContainEqual({ ...about, singularName: "replicationcontrollerdummy" });
    const { text } = await fixture.call("GET", "/openapi/v3/apis/extensions/v1beta1");
    expect(text).toContain("replicationcontrollers/{name}/scale");
    expect(text).not.toMatch(/ReplicationControllerDummy|v1\.ReplicationController"/);
  });
});

test("an early scale in protobuf reads back as it was", async () => {
  const protobuf = "application/vnd.kubernetes.protobuf";
  const place = deployment("extensions/v1beta1", "/scale");
  const got = await fixture.call("GET", place, { headers: { accept: protobuf } });
  expect(got.headers["content-type"]).toBe(protobuf);
  const put = await fixture.call("PUT", place, { body: got.bytes, headers: { "content-type": protobuf } });
  expect(put.status, put.text).toBe(200);
  expect(put.body.status).toMatchObject({ targetSelector: "app=web" });
});

test.each([
  "extensions/v1beta1",
  "apps/v1beta1",
])("rollback in %s leaves the request to the controller", async (apiVersion) => {
  const place = deployment(apiVersion, "/rollback");
  const asked = {
    kind: "DeploymentRollback",
    apiVersion,
    name: "web",
    rollbackTo: { revision: 3 },
    updatedAnnotations: { by: apiVersion },
  };
  const answer = await fixture.call("POST", place, { body: asked });
  expect(answer.status, answer.text).toBe(201);
  expect(answer.body).toMatchObject({
    kind: "Status",
    status: "Success",
    message: 'rollback request for deployment "web" succeeded',
    code: 200,
  });
  const after = await fixture.call("GET", deployment("apps/v1"));
  expect(after.body.metadata?.annotations).toMatchObject({
    by: apiVersion,
    "deprecated.deployment.rollback.to": "3",
  });
  const old = await fixture.call("GET", deployment(apiVersion));
  expect(old.body.spec?.rollbackTo).toEqual({ revision: 3 });
});

test.each([
  { name: "another name", body: { name: "other", rollbackTo: {} }, status: 400 },
  { name: "a revision below zero", body: { name: "web", rollbackTo: { revision: -1 } }, status: 422 },
])("rollback with $name is refused", async ({ body, status }) => {
  const refused = await fixture.call("POST", deployment("extensions/v1beta1", "/rollback"), { body });
  expect(refused.status, refused.text).toBe(status);
});

test("apps/v1 and apps/v1beta2 know no rollback", async () => {
  for (const apiVersion of ["apps/v1", "apps/v1beta2"]) {
    const answer = await fixture.call("POST", deployment(apiVersion, "/rollback"), { body: { name: "web" } });
    expect(answer.status).toBe(404);
  }
});
