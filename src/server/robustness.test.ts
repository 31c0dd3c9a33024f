import { expect, test } from "vitest";
import { kinds } from "../api/kinds.ts";
import { openServerFixture } from "./server-fixture.ts";

/** Bodies that mean nothing, too much, or something else than they should. */
const bodies: readonly string[] = [
  "",
  "{",
  "[]",
  "null",
  "1",
  '"x"',
  '{"metadata":1}',
  '{"metadata":{}}',
  '{"metadata":{"name":1}}',
  '{"metadata":{"name":"a","labels":[]}}',
  '{"metadata":{"name":"a"},"spec":null}',
  '{"metadata":{"name":"a"},"spec":[]}',
  '{"metadata":{"name":"a"},"spec":{}}',
  '{"metadata":{"name":"a","__proto__":{"x":1}},"spec":{"__proto__":{}}}',
  '{"metadata":{"name":"a","ownerReferences":[null],"finalizers":[null],"managedFields":[null]}}',
  '{"metadata":{"name":"a"},"spec":{"containers":[null],"template":{"spec":{"containers":[null]}},"ports":[null]},"rules":[null],"subjects":[null],"webhooks":[null],"endpoints":[null],"subsets":[null],"data":{"a":null}}',
  '{"metadata":{"name":"a","generateName":"b"},"status":{"conditions":[null]}}',
  '{"a":'.repeat(3000),
  "[".repeat(5000),
  '{"metadata":{"name":"a"},"data":{"a":1e999}}',
];

const forms = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const patches = ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"];

test("no body that makes no sense is a fault of the server, whatever its kind and form", {
  timeout: 60_000,
}, async () => {
  await using fixture = await openServerFixture();
  const faults: string[] = [];
  for (const { apiVersion, plural, namespaced } of kinds) {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const collection = `${root}${namespaced ? "/namespaces/default" : ""}/${plural}`;
    for (const [index, body] of bodies.entries()) {
      const form = forms[index % forms.length]!;
      const requests = [
        ["POST", collection, body, "application/json"],
        ["POST", collection, form.includes("protobuf") ? `k8s\0${body}` : body, form],
        ["PUT", `${collection}/a`, body, "application/json"],
        ["PATCH", `${collection}/a?fieldManager=x`, body, `application/${patches[index % patches.length]}`],
        ["DELETE", `${collection}/a`, body, "application/json"],
      ] as const;
      for (const [method, path, sent, type] of requests) {
        const { status, text } = await fixture.call(method, path, { body: sent, headers: { "content-type": type } });
        if (status >= 500) faults.push(`${method} ${path} ${type} ${sent.slice(0, 60)}: ${text.slice(0, 200)}`);
      }
    }
  }
  expect(faults).toEqual([]);
});

test.each([
  "/api/v1/namespaces/default/pods?limit=abc",
  "/api/v1/namespaces/default/pods?continue=e30",
  "/api/v1/namespaces/default/pods?resourceVersion=x",
  "/api/v1/namespaces/default/pods?labelSelector=%00",
  "/api/v1/namespaces/default/pods/%ff",
  "/api/v1/namespaces/default/pods/%2e%2e",
  "//api//v1",
  "/apis/%2f/v1/x",
  "*",
  "",
])("%s is answered without a fault", async (path) => {
  await using fixture = await openServerFixture();
  expect((await fixture.call("GET", path)).status).toBeLessThan(500);
});
