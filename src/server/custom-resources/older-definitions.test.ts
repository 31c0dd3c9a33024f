import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type AnyBody, openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const older = "/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions";
const today = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const merge = { "content-type": "application/merge-patch+json" };

const condition = async (name: string, type: string) => {
  const { body } = await fixture.call("GET", `${today}/${name}`);
  const conditions = (body.status?.conditions ?? []) as unknown as readonly AnyBody[];
  return conditions.find((one) => String(one.type) === type);
};

test("a definition of v1beta1 comes back as it was sent, and its objects keep all that they say", async () => {
  const spec = {
    group: "old.example.com",
    version: "v1",
    scope: "Namespaced",
    names: { plural: "things", kind: "Thing" },
    subresources: { status: {} },
    additionalPrinterColumns: [{ name: "Size", type: "integer", JSONPath: ".spec.size" }],
    validation: {
      openAPIV3Schema: { properties: { spec: { properties: { size: { type: "integer", minimum: 1 } } } } },
    },
  };
  await fixture.make([older, { metadata: { name: "things.old.example.com" }, spec }]);
  const read = await fixture.call("GET", `${older}/things.old.example.com`);
  expect(read.body.spec).toMatchObject({ ...spec, preserveUnknownFields: true });
  const path = "/apis/old.example.com/v1/namespaces/default/things";
  await vi.waitFor(async () => expect((await fixture.call("GET", path)).status).toBe(200), 20_000);
  const violations = await condition("things.old.example.com", "NonStructuralSchema");
  expect(violations?.message).toContain(
    "spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value",
  );
  const thing = (name: string, size: number) => ({
    apiVersion: "old.example.com/v1",
    kind: "Thing",
    metadata: { name },
    spec: { size, other: { deep: true } },
    more: 1,
  });
  const made = await fixture.call("POST", path, { body: thing("a", 2) });
  expect(made.body).toMatchObject({ spec: { size: 2, other: { deep: true } }, more: 1 });
  const refused = await fixture.call("POST", path, { body: thing("b", 0) });
  expect(refused.text).toContain("spec.size in body should be greater than or equal to 1");
});

test("who uses a version that goes is told so", async () => {
  const version = (name: string, more: object) => ({
    name,
    served: true,
    storage: name === "v2",
    schema: { openAPIV3Schema: { type: "object" } },
    ...more,
  });
  const spec = {
    group: "going.example.com",
    scope: "Cluster",
    names: { plural: "things", kind: "Thing" },
    versions: [
      version("v2", {}),
      version("v1", { deprecated: true }),
      version("v0", { deprecated: true, deprecationWarning: "use v2" }),
    ],
  };
  await fixture.make([today, { metadata: { name: "things.going.example.com" }, spec }]);
  const read = (which: string) => fixture.call("GET", `/apis/going.example.com/${which}/things`);
  await vi.waitFor(async () => expect((await read("v2")).status).toBe(200), 20_000);
  expect((await read("v2")).headers.warning).toBeUndefined();
  expect((await read("v1")).headers.warning).toEqual(['299 - "going.example.com/v1 Thing is deprecated"']);
  expect((await read("v0")).headers.warning).toEqual(['299 - "use v2"']);
});

test("a version that objects may be stored in stays, until the status no longer names it", async () => {
  const name = "things.moving.example.com";
  const version = (of: string, storage: boolean, served = true) => ({
    name: of,
    served,
    storage,
    schema: { openAPIV3Schema: { type: "object" } },
  });
  const spec = { group: "moving.example.com", scope: "Cluster", names: { plural: "things", kind: "Thing" } };
  await fixture.make([today, { metadata: { name }, spec: { ...spec, versions: [version("v1", true)] } }]);
  const change = (body: object, part = "") =>
    fixture.call("PATCH", `${today}/${name}${part}`, { body, headers: merge });
  await vi.waitFor(async () => expect((await condition(name, "Established"))?.status).toBe("True"), 20_000);
  await fixture.make([
    "/apis/moving.example.com/v1/things",
    { apiVersion: "moving.example.com/v1", kind: "Thing", metadata: { name: "t" } },
  ]);
  await change({ spec: { versions: [version("v1", false, false), version("v2", true)] } });
  await vi.waitFor(async () => {
    const { status, body } = await fixture.call("GET", "/apis/moving.example.com/v2/things/t");
    expect(status).toBe(200);
    expect(body.apiVersion).toBe("moving.example.com/v2");
  }, 20_000);
  expect((await fixture.call("GET", "/apis/moving.example.com/v1/things")).status).toBe(404);
  const early = await change({ spec: { versions: [version("v2", true)] } });
  expect(early.text).toContain("v1 was previously a storage version");
  expect((await change({ status: { storedVersions: ["v1"] } }, "/status")).status).toBe(422);
  expect((await change({ status: { storedVersions: ["v2"] } }, "/status")).status).toBe(200);
  expect((await change({ spec: { versions: [version("v2", true)] } })).status).toBe(200);
});

test("OpenAPI in protobuf, as older clients want it, has custom resources too", async () => {
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const document = await fixture.call("GET", "/openapi/v2", { headers: { accept } });
  expect(document.status).toBe(200);
  expect(Buffer.from(document.bytes).includes("com.example.old.v1.Thing")).toBe(true);
});
