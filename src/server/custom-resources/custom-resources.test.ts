import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { type AnyBody, openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
let groups = 0;

interface Given {
  readonly schema?: object;
  readonly version?: object;
  readonly versions?: readonly object[];
  readonly names?: object;
  readonly spec?: object;
}

/** Installs a definition of `Widget` in a group of its own and waits until it is served. */
async function install(given: Given = {}): Promise<{ path: string; apiVersion: string; name: string; group: string }> {
  groups += 1;
  const group = `g${groups}.example.com`;
  const { schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true }, version = {} } = given;
  const own = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version };
  const body = {
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", ...given.names },
      versions: given.versions ?? [own],
      ...given.spec,
    },
  };
  const made = await fixture.call("POST", definitions, { body });
  expect(made.status, made.text).toBe(201);
  await vi.waitFor(async () => expect(await condition(`widgets.${group}`, "Established")).toBe("True"), 20_000);
  const apiVersion = `${group}/v1`;
  return { path: `/apis/${apiVersion}/namespaces/default/widgets`, apiVersion, name: `widgets.${group}`, group };
}

async function condition(name: string, type: string, member: "message" | "status" = "status"): Promise<unknown> {
  const { body } = await fixture.call("GET", `${definitions}/${name}`);
  const conditions = (body.status?.conditions ?? []) as unknown as readonly AnyBody[];
  return conditions.find((one) => String(one.type) === type)?.[member];
}

const spec = (properties: object, more: object = {}) => ({
  type: "object",
  properties: { spec: { type: "object", properties, ...more }, status: { type: "object", properties: {} } },
});
const widget = (apiVersion: string, name: string, rest: object = {}) => ({
  apiVersion,
  kind: "Widget",
  metadata: { name },
  ...rest,
});
const merge = { "content-type": "application/merge-patch+json" };

describe("what comes in", () => {
  test("no patch makes a resource another kind or version", async () => {
    const { path, apiVersion } = await install({});
    await fixture.make([path, widget(apiVersion, "w")]);
    const patch = (body: object) => fixture.call("PATCH", `${path}/w`, { headers: merge, body });
    const other = await patch({ kind: "Gadget" });
    expect(other.body).toMatchObject({ code: 422, reason: "Invalid" });
    expect(other.body.message).toMatch(/^Gadget\..* "w" is invalid: kind: Invalid value: "Gadget": must be Widget$/);
    const newer = await patch({ apiVersion: "other.example.com/v1" });
    expect(newer.body.message).toContain(`apiVersion: Invalid value: "other.example.com/v1": must be ${apiVersion}`);
    expect((await fixture.call("GET", `${path}/w`)).body).toMatchObject({ kind: "Widget", apiVersion });
  });

  test("unknown fields are dropped with a warning, or refused when the client is strict", async () => {
    const { path, apiVersion } = await install({ schema: spec({ a: { type: "string" } }) });
    const body = widget(apiVersion, "w", { spec: { a: "x", b: 1 }, more: true });
    const warned = await fixture.call("POST", path, { body });
    expect(warned.body.spec).toEqual({ a: "x" });
    expect(warned.headers.warning).toEqual(['299 - "unknown field \\"spec.b\\""', '299 - "unknown field \\"more\\""']);
    const refused = await fixture.call("POST", `${path}?fieldValidation=Strict`, {
      body: { ...body, metadata: { name: "s" } },
    });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('strict decoding error: unknown field \\"spec.b\\", unknown field \\"more\\"');
  });

  test("embedded objects keep their kind, and their metadata in its usual form", async () => {
    const inner = { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: { type: "object" } } };
    const { path, apiVersion } = await install({ schema: spec({ inner }) });
    const given = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", nope: 1 }, spec: { x: 1 }, other: 1 };
    const made = await fixture.call("POST", path, { body: widget(apiVersion, "w", { spec: { inner: given } }) });
    expect(made.body.spec?.inner).toEqual({ apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: {} });
    const nameless = await fixture.call("POST", path, { body: widget(apiVersion, "n", { spec: { inner: {} } }) });
    expect(nameless.text).toContain("spec.inner.apiVersion: Required value: must not be empty");
  });

  test("a default that came later is there when an old object is read", async () => {
    const { path, apiVersion, name } = await install({ schema: spec({ a: { type: "string" } }) });
    await fixture.make([path, widget(apiVersion, "old", { spec: {} })]);
    const schema = { openAPIV3Schema: spec({ a: { type: "string", default: "later" } }) };
    const versions = [{ name: "v1", served: true, storage: true, schema }];
    expect(
      (await fixture.call("PATCH", `${definitions}/${name}`, { body: { spec: { versions } }, headers: merge })).status,
    ).toBe(200);
    await vi.waitFor(async () => {
      expect((await fixture.call("GET", `${path}/old`)).body.spec).toEqual({ a: "later" });
    }, 20_000);
  });
});

describe("updates", () => {
  test("what was invalid before may stay, what changes must be right", async () => {
    const { path, apiVersion, name } = await install({
      schema: spec({ a: { type: "string" }, b: { type: "string" } }),
    });
    await fixture.make([path, widget(apiVersion, "w", { spec: { a: "long", b: "x" } })]);
    const schema = {
      openAPIV3Schema: spec({ a: { type: "string", maxLength: 2 }, b: { type: "string", maxLength: 2 } }),
    };
    const versions = [{ name: "v1", served: true, storage: true, schema }];
    await fixture.call("PATCH", `${definitions}/${name}`, { body: { spec: { versions } }, headers: merge });
    await vi.waitFor(async () => {
      const fresh = await fixture.call("POST", `${path}?dryRun=All`, {
        body: widget(apiVersion, "n", { spec: { a: "long" } }),
      });
      expect(fresh.status).toBe(422);
    }, 20_000);
    const fine = await fixture.call("PATCH", `${path}/w`, { body: { spec: { b: "y" } }, headers: merge });
    expect(fine.status, fine.text).toBe(200);
    const wrong = await fixture.call("PATCH", `${path}/w`, { body: { spec: { b: "long" } }, headers: merge });
    expect(wrong.text).toContain("spec.b: Too long");
    expect(wrong.text).not.toContain("spec.a");
  });

  test("an update must say which state it was made from", async () => {
    const { path, apiVersion } = await install();
    await fixture.make([path, widget(apiVersion, "w")]);
    const blind = await fixture.call("PUT", `${path}/w`, { body: widget(apiVersion, "w") });
    expect(blind.text).toContain("metadata.resourceVersion: Invalid value: 0: must be specified for an update");
  });

  test("a new definition ends the watches, and its objects stay", async () => {
    const { path, apiVersion, name } = await install({ schema: spec({ a: { type: "string" } }) });
    await fixture.make([path, widget(apiVersion, "w", { spec: { a: "x" } })]);
    const watching = fixture.call("GET", `${path}?watch=true&timeoutSeconds=600`);
    const schema = { openAPIV3Schema: spec({ a: { type: "string" }, b: { type: "string" } }) };
    const versions = [{ name: "v1", served: true, storage: true, schema }];
    await fixture.call("PATCH", `${definitions}/${name}`, { body: { spec: { versions } }, headers: merge });
    expect((await watching).text).toContain('"type":"ADDED"');
    expect((await fixture.call("GET", `${path}/w`)).body.spec).toEqual({ a: "x" });
  });
});

describe("rules in CEL", () => {
  const rules = (...list: readonly object[]) => ({ "x-kubernetes-validations": list });

  test("an object that breaks a rule is refused with the rule's own words, at its place", async () => {
    const properties = { min: { type: "integer" }, max: { type: "integer" } };
    const more = rules(
      { rule: "self.min <= self.max", message: "min must not be above max" },
      {
        rule: "self.max < 100",
        messageExpression: "self.max > 120 ? 'max is far too large' : 'max is too large'",
        fieldPath: ".max",
        reason: "FieldValueForbidden",
      },
      { rule: "self.min >= 0" },
    );
    const { path, apiVersion } = await install({ schema: spec(properties, more) });
    const wrong = await fixture.call("POST", path, { body: widget(apiVersion, "w", { spec: { min: 200, max: 150 } }) });
    expect(wrong.text).toContain('spec: Invalid value: \\"object\\": min must not be above max');
    expect(wrong.text).toContain("spec.max: Forbidden: max is far too large");
    const other = await fixture.call("POST", path, { body: widget(apiVersion, "w", { spec: { min: -1, max: 5 } }) });
    expect(other.text).toContain('spec: Invalid value: \\"object\\": failed rule: self.min >= 0');
    const fine = await fixture.call("POST", path, { body: widget(apiVersion, "w", { spec: { min: 1, max: 5 } }) });
    expect(fine.status, fine.text).toBe(201);
  });

  test("rules about changes judge changes only, unless the old state is optional", async () => {
    const properties = {
      fixed: { type: "string", ...rules({ rule: "self == oldSelf", message: "fixed" }) },
      first: {
        type: "string",
        ...rules({ rule: "oldSelf.hasValue() || self == 'a'", optionalOldSelf: true, message: "begins with a" }),
      },
    };
    const { path, apiVersion } = await install({ schema: spec(properties) });
    const early = await fixture.call("POST", path, { body: widget(apiVersion, "w", { spec: { first: "b" } }) });
    expect(early.text).toContain('spec.first: Invalid value: \\"string\\": begins with a');
    const body = widget(apiVersion, "w", { spec: { fixed: "x", first: "a" } });
    expect((await fixture.call("POST", path, { body })).status).toBe(201);
    const changed = await fixture.call("PATCH", `${path}/w`, { body: { spec: { fixed: "y" } }, headers: merge });
    expect(changed.text).toContain('spec.fixed: Invalid value: \\"string\\": fixed');
    const other = await fixture.call("PATCH", `${path}/w`, { body: { spec: { first: "c" } }, headers: merge });
    expect(other.status, other.text).toBe(200);
  });

  test.each([
    { name: "a rule that does not compile", rule: { rule: "self.nope" }, says: "compilation failed" },
    { name: "a rule that is no question", rule: { rule: "self.a" }, says: "must evaluate to a bool" },
    { name: "an empty rule", rule: { rule: " " }, says: "rule is not specified" },
    {
      name: "a place that is not there",
      rule: { rule: "true", fieldPath: ".b" },
      says: "does not refer to a valid field",
    },
    {
      name: "a reason that nobody knows",
      rule: { rule: "true", reason: "Because" },
      says: 'Unsupported value: \\"Because\\"',
    },
    {
      name: "an optional old state that no one asks for",
      rule: { rule: "true", optionalOldSelf: true },
      says: "may not be set if oldSelf is not used in rule",
    },
    {
      name: "a rule that may take too long",
      rule: { rule: "self.list.all(x, self.list.all(y, self.list.all(z, x + y == z)))" },
      says: "estimated rule cost exceeds budget by factor of",
    },
    {
      name: "a default that a rule forbids",
      rule: { rule: "self.a != 'x'", message: "a is never x" },
      more: { default: { a: "x" } },
      says: 'properties[spec].default: Invalid value: \\"object\\": a is never x',
    },
  ])("$name is refused", async ({ rule, says, more }) => {
    const properties = { a: { type: "string" }, list: { type: "array", items: { type: "string" } } };
    const schema = spec(properties, { ...rules(rule), ...more });
    const group = "rules.example.com";
    const body = {
      metadata: { name: `widgets.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "widgets", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    };
    const answer = await fixture.call("POST", `${definitions}?dryRun=All`, { body });
    expect(answer.status, answer.text).toBe(422);
    expect(answer.text).toContain(says);
  });
});

describe("names", () => {
  test("a kind that is taken is given to the next when its holder goes", async () => {
    const { group, name } = await install();
    const second = {
      metadata: { name: `others.${group}` },
      spec: {
        group,
        scope: "Cluster",
        names: { plural: "others", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    };
    await fixture.make([definitions, second]);
    await vi.waitFor(async () => expect(await condition(`others.${group}`, "NamesAccepted")).toBe("False"), 20_000);
    expect((await fixture.call("GET", `/apis/${group}/v1/others`)).status).toBe(404);
    await fixture.call("DELETE", `${definitions}/${name}`);
    await vi.waitFor(async () => {
      expect((await fixture.call("GET", `/apis/${group}/v1/others`)).status).toBe(200);
    }, 20_000);
  });

  test("groups of Kubernetes' own domains need an approval", async () => {
    const body = (annotations: object) => ({
      metadata: { name: "widgets.my.k8s.io", annotations },
      spec: {
        group: "my.k8s.io",
        scope: "Cluster",
        names: { plural: "widgets", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    });
    const refused = await fixture.call("POST", definitions, { body: body({}) });
    expect(refused.text).toContain("protected groups must have approval annotation");
    await fixture.make([definitions, body({ "api-approved.kubernetes.io": "unapproved, a test" })]);
    await vi.waitFor(async () => {
      expect(await condition("widgets.my.k8s.io", "KubernetesAPIApprovalPolicyConformant")).toBe("False");
    }, 20_000);
  });
});

test("a definition in the place of a built-in kind changes nothing, and takes nothing with it", async () => {
  const name = "clusterroles.rbac.authorization.k8s.io";
  const body = {
    metadata: { name, annotations: { "api-approved.kubernetes.io": "unapproved, a test" } },
    spec: {
      group: "rbac.authorization.k8s.io",
      scope: "Cluster",
      names: { plural: "clusterroles", kind: "ClusterRole" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
  await fixture.make([definitions, body]);
  await vi.waitFor(async () => expect(await condition(name, "Established")).toBe("True"), 20_000);
  await fixture.call("DELETE", `${definitions}/${name}`);
  await vi.waitFor(async () => expect((await fixture.call("GET", `${definitions}/${name}`)).status).toBe(404), 20_000);
  const role = await fixture.call("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin");
  expect(role.body.rules).toBeDefined();
});

test("an instance with a finalizer keeps its definition, which takes nothing new", async () => {
  const { path, apiVersion, name } = await install();
  const held = { ...widget(apiVersion, "held"), metadata: { name: "held", finalizers: ["hold.example.com"] } };
  await fixture.make([path, held]);
  await fixture.call("DELETE", `${definitions}/${name}`);
  const refused = await fixture.call("POST", path, { body: widget(apiVersion, "late") });
  expect(refused.status).toBe(405);
  expect(refused.text).toContain("create not allowed while custom resource definition is terminating");
  await vi.waitFor(async () => {
    expect((await fixture.call("GET", `${path}/held`)).body.metadata?.deletionTimestamp).toBeDefined();
    expect(await condition(name, "Terminating", "message")).toBe(
      "could not confirm zero CustomResources remaining: 1 left",
    );
  }, 20_000);
  await fixture.call("PATCH", `${path}/held`, { body: { metadata: { finalizers: null } }, headers: merge });
  await vi.waitFor(async () => {
    expect((await fixture.call("GET", `${definitions}/${name}`)).status).toBe(404);
    expect((await fixture.call("GET", path)).status).toBe(404);
  }, 20_000);
});

test("a definition that goes says so before its instances are deleted", async () => {
  const { path, apiVersion, name, group } = await install();
  await fixture.make([path, widget(apiVersion, "one")], [path, widget(apiVersion, "two")]);
  const { cache } = fixture.server.registry.of(CustomResourceDefinition);
  const instances = fixture.server.registry.of({
    group,
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    namespaced: true,
  });
  const told: string[] = [];
  let gone = false;
  using _definitions = cache.subscribe({}, ({ type, held }) => {
    if (held.object.metadata.name !== name) return;
    if (type === "DELETED") gone = true;
    const status = held.object.status as CustomResourceDefinition["status"];
    const reason = status?.conditions?.find((one) => one.type === "Terminating")?.reason;
    if (reason && told.at(-1) !== reason) told.push(reason);
  });
  using _instances = instances.cache.subscribe({}, ({ type, held }) => {
    if (type === "DELETED") told.push(`deleted ${held.object.metadata.name}`);
  });
  await fixture.call("DELETE", `${definitions}/${name}`);
  await vi.waitFor(() => expect(gone).toBe(true), 20_000);
  expect(told.slice(0, 2)).toEqual(["InstanceDeletionPending", "InstanceDeletionInProgress"]);
  expect(told.slice(2, 4).sort()).toEqual(["deleted one", "deleted two"]);
});

test("columns, selectable fields and scale are those of the version that is asked for", async () => {
  const version = (name: string, storage: boolean, column: string) => ({
    name,
    served: true,
    storage,
    schema: {
      openAPIV3Schema: {
        type: "object",
        "x-kubernetes-preserve-unknown-fields": true,
        properties: {
          spec: {
            type: "object",
            "x-kubernetes-preserve-unknown-fields": true,
            properties: { color: { type: "string" } },
          },
        },
      },
    },
    additionalPrinterColumns: [{ name: column, type: "string", jsonPath: ".spec.color" }],
    selectableFields: [{ jsonPath: ".spec.color" }],
    ...(storage ? {} : { subresources: { scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } } }),
  });
  const { path, apiVersion, group } = await install({
    versions: [version("v1", false, "Paint"), version("v2", true, "Color")],
  });
  await fixture.make([path, widget(apiVersion, "r", { spec: { color: "red", n: 2 } })]);
  await fixture.make([path, widget(apiVersion, "b", { spec: { color: "blue" } })]);
  const accept = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
  const one = await fixture.call("GET", `${path}?fieldSelector=spec.color%3Dred`, { headers: accept });
  expect(one.text).toContain('"cells":["r","red"]');
  expect(one.text).toContain('"name":"Paint"');
  expect(one.text).not.toContain("blue");
  const two = await fixture.call("GET", path.replace("/v1/", "/v2/"), { headers: accept });
  expect(two.text).toContain('"name":"Color"');
  expect((await fixture.call("GET", `${path}/r/scale`)).body.spec).toEqual({ replicas: 2 });
  expect((await fixture.call("GET", `/apis/${group}/v2/namespaces/default/widgets/r/scale`)).status).toBe(404);
});

test("discovery and both OpenAPI documents follow at once, and forget it again", async () => {
  const properties = { a: { type: "string", description: "What it is." }, p: { "x-kubernetes-int-or-string": true } };
  const { group, name } = await install({
    schema: spec(properties),
    names: { shortNames: ["wd"], categories: ["all"] },
  });
  const aggregated = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" };
  const before = await fixture.call("GET", "/apis", { headers: aggregated });
  expect(before.text).toContain(group);
  const v3 = await fixture.call("GET", `/openapi/v3/apis/${group}/v1`);
  const type = `${group.split(".").reverse().join(".")}.v1.Widget`;
  const schema = (v3.body.components?.schemas as AnyBody)[type] as AnyBody;
  expect(schema["x-kubernetes-group-version-kind"]).toEqual([{ group, kind: "Widget", version: "v1" }]);
  expect(schema.properties?.spec?.properties?.a).toEqual({ type: "string", description: "What it is." });
  expect(v3.text).not.toContain("strategic-merge-patch");
  const v2 = await fixture.call("GET", "/openapi/v2");
  expect((v2.body.definitions as AnyBody)[type]?.properties?.spec?.properties?.p).toEqual({
    "x-kubernetes-int-or-string": true,
  });
  await fixture.call("DELETE", `${definitions}/${name}`);
  await vi.waitFor(async () => {
    const after = await fixture.call("GET", "/apis", { headers: aggregated });
    expect(after.text).not.toContain(group);
    expect(after.headers.etag).not.toBe(before.headers.etag);
    expect((await fixture.call("GET", `/openapi/v3/apis/${group}/v1`)).status).toBe(404);
  }, 20_000);
});

test("what is applied to a custom resource must fit its schema's types, times and numbers that may be texts left out", async () => {
  const schema = spec({
    n: { type: "integer" },
    on: { type: "boolean" },
    list: { type: "array", items: { type: "string" } },
    when: { type: "string", format: "date-time" },
    port: { "x-kubernetes-int-or-string": true },
  });
  const { path, apiVersion } = await install({ schema });
  const apply = (given: object) =>
    fixture.call("PATCH", `${path}/typed?fieldManager=m`, {
      body: JSON.stringify({ apiVersion, kind: "Widget", spec: given }),
      headers: { "content-type": "application/apply-patch+yaml" },
    });
  expect((await apply({ n: "x", on: "y", list: [1], when: 5, port: "http" })).body).toMatchObject({
    code: 500,
    message: [
      `failed to create typed patch object (default/typed; ${apiVersion}, Kind=Widget): errors:`,
      "  .spec.n: expected numeric (int or float), got string",
      '  .spec.on: expected boolean, got &value.valueUnstructured{Value:"y"}',
      "  .spec.list[0]: expected string, got &value.valueUnstructured{Value:1}",
    ].join("\n"),
  });
  expect((await apply({ n: 1, on: true, list: ["a"], when: "2026-01-01T00:00:00Z", port: 80 })).status).toBe(201);
});

test("server-side apply knows the lists of a schema, and takes away what is no longer applied", async () => {
  const items = { type: "object", properties: { k: { type: "string" }, v: { type: "string" } }, required: ["k"] };
  const map = { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], items };
  const set = { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } };
  const { path, apiVersion } = await install({ schema: spec({ map, set }) });
  const apply = (manager: string, given: object) =>
    fixture.call("PATCH", `${path}/w?fieldManager=${manager}`, {
      body: widget(apiVersion, "w", { spec: given }),
      headers: { "content-type": "application/apply-patch+yaml" },
    });
  await apply("one", { map: [{ k: "a", v: "1" }, { k: "b" }], set: ["x"] });
  await apply("two", { map: [{ k: "c", v: "3" }], set: ["y"] });
  const after = await apply("one", { map: [{ k: "a", v: "2" }], set: ["z"] });
  expect(after.body.spec).toEqual({
    map: [
      { k: "a", v: "2" },
      { k: "c", v: "3" },
    ],
    set: ["y", "z"],
  });
});
