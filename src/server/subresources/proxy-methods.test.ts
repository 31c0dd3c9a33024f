import { expect, test } from "vitest";
import { openServerFixture } from "../server-fixture.ts";

test.each([
  { method: "GET", status: 404 },
  { method: "HEAD", status: 404 },
  { method: "POST", status: 404 },
  { method: "PUT", status: 404 },
  { method: "PATCH", status: 404 },
  { method: "DELETE", status: 404 },
  { method: "OPTIONS", status: 404 },
  { method: "TRACE", status: 405 },
])("$method through a proxy to a pod that is not there is answered with $status", async ({ method, status }) => {
  await using fixture = await openServerFixture();
  const answer = await fixture.call(method, "/api/v1/namespaces/default/pods/nobody/proxy/");
  expect(answer.status).toBe(status);
});
