import { expect, test } from "vitest";
import { alice, openServerFixture } from "../server-fixture.ts";

const pod = { metadata: { name: "web" }, spec: { containers: [{ name: "c", image: "i" }] } };
const path = "/api/v1/namespaces/default/pods/web/why";

test("a pod's placement is explained by whoever the server was given, to those who may know", async () => {
  await using it = await openServerFixture({ explainPod: ({ metadata }) => ({ about: metadata.name }) });
  await it.make(["/api/v1/namespaces/default/pods", pod]);
  expect(await it.call("GET", path)).toMatchObject({ status: 200, body: { about: "web" } });
  expect((await it.call("GET", path.replace("web", "nobody"))).status).toBe(404);
  expect((await it.call("POST", path, { body: {} })).status).toBe(405);
  const refused = await it.call("GET", path, { as: alice });
  expect(refused.status).toBe(403);
  expect(refused.text).toContain('cannot get resource \\"pods/why\\"');
});

test("discovery does not list it, and without a scheduler it is not there", async () => {
  await using it = await openServerFixture();
  await it.make(["/api/v1/namespaces/default/pods", pod]);
  expect((await it.call("GET", path)).status).toBe(404);
  expect((await it.call("GET", "/api/v1")).text).not.toContain("pods/why");
});

test("until the scheduler is there, nobody can tell", async () => {
  await using it = await openServerFixture({ explainPod: () => undefined });
  await it.make(["/api/v1/namespaces/default/pods", pod]);
  expect((await it.call("GET", path)).status).toBe(503);
});
