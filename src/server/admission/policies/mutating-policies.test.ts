import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../../server-fixture.ts";

const switches = {
  gates: { MutatingAdmissionPolicy: true },
  runtime: { "admissionregistration.k8s.io/v1beta1": true },
};
let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture({ switches });
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const registrations = "/apis/admissionregistration.k8s.io/v1beta1";
const policies = `${registrations}/mutatingadmissionpolicies`;
const bindings = `${registrations}/mutatingadmissionpolicybindings`;
const about = (group: string, plural: string) => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ["v1"], resources: [plural], operations: ["CREATE", "UPDATE"] }],
});

afterEach(async () => {
  for (const path of [bindings, policies, maps, deployments]) await fixture.call("DELETE", path);
});

const applying = (expression: string) => ({ patchType: "ApplyConfiguration", applyConfiguration: { expression } });
const patching = (expression: string) => ({ patchType: "JSONPatch", jsonPatch: { expression } });
const labelled = (labels: string) => applying(`Object{metadata: Object.metadata{labels: ${labels}}}`);

async function enforce(name: string, mutations: readonly object[], spec: object = {}, binding: object = {}) {
  const matchConstraints = about("", "configmaps");
  await fixture.make(
    [policies, { metadata: { name }, spec: { matchConstraints, reinvocationPolicy: "Never", mutations, ...spec } }],
    [bindings, { metadata: { name: `${name}-b` }, spec: { policyName: name, ...binding } }],
  );
}

const create = async (name: string, metadata: object = {}, data: object = { a: "1" }) => {
  const { status, body } = await fixture.call("POST", maps, { body: { metadata: { name, ...metadata }, data } });
  const {
    message,
    reason,
    metadata: made,
  } = body as unknown as {
    message?: string;
    reason?: string;
    metadata?: { labels?: object };
  };
  return { status, message, reason, labels: made?.labels };
};
const labelsOf = async (name: string, metadata?: object) => (await create(name, metadata)).labels;

const deployment = (name: string) => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "main", image: "x" }] } },
  },
});
const deploy = async (name: string) => {
  const { status, body } = await fixture.call("POST", deployments, { body: deployment(name) });
  const { message, spec } = body as unknown as { message?: string; spec?: { template: { spec: object } } };
  return { status, message, pod: spec?.template.spec };
};

describe("apply configurations", () => {
  test("are merged into the object: maps by member, lists by key, the rest stays", async () => {
    await enforce(
      "sidecar",
      [
        applying(`Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
          initContainers: [Object.spec.template.spec.initContainers{name: "mesh", image: "proxy", restartPolicy: "Always"}],
          containers: [Object.spec.template.spec.containers{name: "main", tty: true}]
        }}}}`),
      ],
      { matchConstraints: about("apps", "deployments") },
    );
    const { status, pod } = await deploy("web");
    expect(status).toBe(201);
    expect(pod).toMatchObject({
      containers: [{ name: "main", image: "x", tty: true }],
      initContainers: [{ name: "mesh", image: "proxy", restartPolicy: "Always", imagePullPolicy: "Always" }],
    });
  });

  test("are merged into the body of a subresource by that one's type", async () => {
    await fixture.make([deployments, deployment("scaled")]);
    const matchConstraints = { resourceRules: [{ ...about("apps", "deployments/scale").resourceRules[0] }] };
    const scale = `${deployments}/scaled/scale`;
    const body = { metadata: { name: "scaled", namespace: "default" }, spec: { replicas: 2 } };
    await enforce("at-most", [applying("Object{spec: Object.spec{replicas: 1}}")], { matchConstraints });
    const put = await fixture.call("PUT", scale, { body });
    expect(put.status, put.text).toBe(200);
    expect(put.body.spec).toEqual({ replicas: 1 });
    await fixture.call("DELETE", policies);
    await enforce("unknown", [applying("Object{spec: Object.spec{copies: 1}}")], { matchConstraints });
    const refused = await fixture.call("PUT", scale, { body });
    expect(refused.status).toBe(403);
    expect(refused.body.message).toContain("spec.copies: field not declared in schema");
  });

  test("are counted by what became of them", async () => {
    const constraints = { matchConstraints: about("apps", "deployments") };
    await enforce("counted", [applying("Object{spec: Object.spec{paused: true}}")], constraints);
    await enforce("failing", [applying("Object{spec: Object.spec{minReadySeconds: int(object.metadata.name)}}")], {
      ...constraints,
      failurePolicy: "Ignore",
    });
    expect((await deploy("counted")).status).toBe(201);
    const { text } = await fixture.call("GET", "/metrics");
    const total = (policy: string) =>
      text
        .split("\n")
        .filter((line) => line.startsWith("apiserver_mutating_admission_policy_check_total") && line.includes(policy))
        .map((line) => line.replace(/^.*error_type="(\w+)".*} /, "$1 "));
    expect(total('policy="counted"')).toEqual(["no_error 1"]);
    expect(total('policy="failing"')).toEqual(["invalid_error 1"]);
  });

  test.each([
    [
      "what is only ever replaced as a whole",
      "Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'l': 'v'}}}}",
      "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector",
    ],
    [
      "a type named after another field",
      "Object{spec: Object.specx{replicas: 1}}",
      'type mismatch: unexpected type name "Object.specx", expected "Object.spec", which matches field name path from root Object type',
    ],
    [
      "a field that the kind does not have",
      "Object{spec: Object.spec{replicasx: 1}}",
      "error applying patch: failed to convert patch object to typed object: .spec.replicasx: field not declared in schema",
    ],
  ])("%s is refused", async (_, expression, why) => {
    await enforce("wrong", [applying(expression)], { matchConstraints: about("apps", "deployments") });
    const { status, message } = await deploy("web");
    expect({ status, message }).toEqual({
      status: 403,
      message: `policy 'wrong' with binding 'wrong-b' denied request: ${why}`,
    });
  });
});

describe("JSON patches", () => {
  test("are carried out, with keys escaped", async () => {
    await enforce("patched", [
      patching(`[
        JSONPatch{op: "add", path: "/metadata/labels", value: {}},
        JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/by"), value: object.metadata.name},
        JSONPatch{op: "copy", from: "/data/a", path: "/data/b"}
      ]`),
    ]);
    const { status, body } = await fixture.call("POST", maps, { body: { metadata: { name: "m" }, data: { a: "1" } } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ metadata: { labels: { "example.com/by": "m" } }, data: { a: "1", b: "1" } });
  });

  test("values may be parts of an object", async () => {
    await enforce(
      "part",
      [
        patching(`[JSONPatch{op: "add", path: "/spec/template/spec/containers/-",
          value: Object.spec.template.spec.containers{name: "second", image: "y"}}]`),
      ],
      { matchConstraints: about("apps", "deployments") },
    );
    expect((await deploy("web")).pod).toMatchObject({ containers: [{ name: "main" }, { name: "second", image: "y" }] });
  });

  test("a test that fails leaves the object as it is", async () => {
    await enforce("tested", [
      patching(`[JSONPatch{op: "test", path: "/data/a", value: "2"}, JSONPatch{op: "remove", path: "/data"}]`),
    ]);
    const { status, body } = await fixture.call("POST", maps, { body: { metadata: { name: "m" }, data: { a: "1" } } });
    expect({ status, data: body.data }).toEqual({ status: 201, data: { a: "1" } });
  });

  test("one that cannot be carried out refuses the write, unless the policy may fail", async () => {
    const mutations = [patching(`[JSONPatch{op: "remove", path: "/data/none"}]`), labelled("{'second': 'yes'}")];
    await enforce("failing", mutations);
    expect(await create("m")).toMatchObject({
      status: 403,
      reason: "Invalid",
      message:
        "policy 'failing' with binding 'failing-b' denied request: JSONPath: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
    });
    await fixture.call("DELETE", policies);
    await enforce("lenient", mutations, { failurePolicy: "Ignore" });
    expect(await labelsOf("m")).toEqual({ second: "yes" });
  });
});

describe("mutating policies", () => {
  test("come in the order of their names and see what those before made", async () => {
    await enforce("b-second", [labelled("{'from-first': object.metadata.?labels[?'first'].orValue('no')}")]);
    await enforce("a-first", [labelled("{'first': 'yes'}")]);
    expect(await labelsOf("m")).toEqual({ first: "yes", "from-first": "yes" });
  });

  test("one that wants to is asked again when a later one changed something", async () => {
    const seen = "{'seen': string(size(object.metadata.?labels.orValue({})))}";
    await enforce("a-counts", [labelled(seen)], { reinvocationPolicy: "IfNeeded" });
    await enforce("b-once", [labelled("{'once': string(size(object.metadata.labels))}")]);
    expect(await labelsOf("m")).toEqual({ seen: "2", once: "1" });
  });

  test("conditions decide with what policies before made of the object", async () => {
    const matchConditions = [{ name: "marked", expression: "object.metadata.?labels[?'marked'].hasValue()" }];
    await enforce("b-conditional", [labelled("{'touched': 'yes'}")], { matchConditions });
    expect(await labelsOf("plain")).toBeUndefined();
    await enforce("a-marks", [labelled("{'marked': 'yes'}")]);
    expect(await labelsOf("marked")).toEqual({ marked: "yes", touched: "yes" });
  });

  test("variables and parameters are at hand; without the parameters a binding decides", async () => {
    const paramRef = { name: "settings", namespace: "default", parameterNotFoundAction: "Deny" };
    await enforce(
      "configured",
      [labelled("variables.wanted")],
      {
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        variables: [{ name: "wanted", expression: "params.data" }],
        matchConditions: [{ name: "not-the-settings", expression: "object.metadata.name != 'settings'" }],
      },
      { paramRef },
    );
    expect(await create("early")).toMatchObject({
      status: 403,
      reason: "Forbidden",
      message:
        "policy 'configured' with binding 'configured-b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    });
    await fixture.call("DELETE", bindings);
    await create("settings", {}, { tier: "gold" });
    const spec = { policyName: "configured", paramRef };
    await fixture.make([bindings, { metadata: { name: "configured-b" }, spec }]);
    expect(await labelsOf("late")).toEqual({ tier: "gold" });
  });

  test("what a policy makes of an object is validated like anything else", async () => {
    await enforce("broken", [labelled("{'not a label!': 'x'}")]);
    const { status, reason } = await create("m");
    expect({ status, reason }).toEqual({ status: 422, reason: "Invalid" });
  });

  test("an expression that costs too much is stopped", async () => {
    const deep = Array.from({ length: 7 }, (_, index) => `variables.all.all(v${index}, `).join("");
    const variables = [{ name: "all", expression: "[0,1,2,3,4,5,6,7,8,9]" }];
    await enforce("bomb", [labelled(`{'x': ${deep}true${")".repeat(7)} ? 'y' : 'z'}`)], { variables });
    const { status, message } = await create("m");
    expect(status).toBe(403);
    expect(message).toContain("cost");
  });

  test("an expression of the wrong type is refused when the policy is made, and so is a rule about deletions", async () => {
    const spec = { matchConstraints: about("", "configmaps"), reinvocationPolicy: "Never" };
    const refusal = async (changes: object) => {
      const body = { metadata: { name: "p" }, spec: { ...spec, ...changes } };
      return String((await fixture.call("POST", policies, { body })).body.message);
    };
    expect(await refusal({ mutations: [applying("'teapot'")] })).toBe(
      'MutatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: spec.mutations[0].applyConfiguration.expression: Invalid value: "\'teapot\'": must evaluate to Object but got string',
    );
    expect(await refusal({ mutations: [patching("[JSONPatch{verb: 'add'}]")] })).toContain("undefined field 'verb'");
    const rule = { ...about("", "configmaps").resourceRules[0], operations: ["DELETE"] };
    const matchConstraints = { resourceRules: [rule] };
    expect(await refusal({ matchConstraints, mutations: [labelled("{}")] })).toContain(
      'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    );
    const both = { ...labelled("{}"), ...patching("[JSONPatch{}]") };
    expect(await refusal({ mutations: [both], reinvocationPolicy: "" })).toContain(
      'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch, spec.reinvocationPolicy: Required value',
    );
  });
});

test("without the switches there are no such kinds, and without the gate policies change nothing", async () => {
  await using usual = await openServerFixture();
  expect((await usual.call("GET", policies)).status).toBe(404);
  await using served = await openServerFixture({ switches: { runtime: switches.runtime } });
  const mutations = [labelled("{'x': 'y'}")];
  const spec = { matchConstraints: about("", "configmaps"), reinvocationPolicy: "Never", mutations };
  await served.make([policies, { metadata: { name: "idle" }, spec }]);
  await served.make([bindings, { metadata: { name: "idle" }, spec: { policyName: "idle" } }]);
  const { body } = await served.call("POST", maps, { body: { metadata: { name: "m" } } });
  expect(body.metadata?.labels).toBeUndefined();
});
