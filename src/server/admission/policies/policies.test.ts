import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ClusterRoleBinding } from "../../../api/rbac/cluster-role-binding.ts";
import { alice, openServerFixture, type ServerFixture } from "../../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const registrations = "/apis/admissionregistration.k8s.io/v1";
const policies = `${registrations}/validatingadmissionpolicies`;
const bindings = `${registrations}/validatingadmissionpolicybindings`;
const map = (name: string, data: object = {}) => ({ metadata: { name }, data });
const aboutMaps = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE", "UPDATE"] },
  ],
};

afterEach(async () => {
  for (const path of [bindings, policies]) await fixture.call("DELETE", path);
});

async function enforce(name: string, spec: object, binding: object = {}): Promise<void> {
  await fixture.make(
    [policies, { metadata: { name }, spec: { matchConstraints: aboutMaps, ...spec } }],
    [
      bindings,
      { metadata: { name: `${name}-b` }, spec: { policyName: name, validationActions: ["Deny"], ...binding } },
    ],
  );
}

const create = async (name: string, data?: object) => {
  const answer = await fixture.call("POST", maps, { body: map(name, data) });
  return { status: answer.status, message: answer.body.message as unknown as string, warning: answer.headers.warning };
};
const denied = (policy: string, name: string, why: string) =>
  `configmaps "${name}" is forbidden: ValidatingAdmissionPolicy '${policy}' with binding '${policy}-b' denied request: ${why}`;

describe("validating admission policies", () => {
  test("a validation that does not hold refuses the write, with its expression if it has no message", async () => {
    await enforce("named", { validations: [{ expression: "object.metadata.name.startsWith('ok-')" }] });
    expect(await create("bad")).toMatchObject({
      status: 422,
      message: denied("named", "bad", "failed expression: object.metadata.name.startsWith('ok-')"),
    });
    expect((await create("ok-1")).status).toBe(201);
  });

  test("a message may be computed, and a reason decides the code", async () => {
    await enforce("told", {
      validations: [
        {
          expression: "!('secret' in object.data)",
          messageExpression: "'no secret in ' + object.metadata.name",
          message: "fallback",
          reason: "Forbidden",
        },
      ],
    });
    expect(await create("m", { secret: "1" })).toMatchObject({
      status: 403,
      message: denied("told", "m", "no secret in m"),
    });
  });

  test("variables build on one another, and are evaluated only where they are needed", async () => {
    await enforce("composed", {
      variables: [
        { name: "size", expression: "size(object.data)" },
        { name: "big", expression: "variables.size > 1" },
        { name: "broken", expression: "object.data.absent == 'x'" },
      ],
      validations: [{ expression: "!variables.big" }, { expression: "variables.size == 1 || variables.broken" }],
    });
    expect((await create("small", { a: "1" })).status).toBe(201);
    expect((await create("large", { a: "1", b: "2" })).message).toBe(
      denied("composed", "large", "failed expression: !variables.big"),
    );
  });

  test("a binding warns, audits or denies; without one a policy is not in force", async () => {
    const spec = { validations: [{ expression: "false", message: "never" }] };
    await fixture.make([policies, { metadata: { name: "unbound" }, spec: { matchConstraints: aboutMaps, ...spec } }]);
    expect((await create("free")).status).toBe(201);
    await enforce("warned", spec, { validationActions: ["Warn", "Audit"] });
    const answer = await create("warned");
    expect(answer.status).toBe(201);
    expect(answer.warning).toEqual([
      "299 - \"Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'warned-b': never\"",
    ]);
  });

  test("parameters come by name or by selector, and their absence is what the binding says", async () => {
    const paramKind = { apiVersion: "v1", kind: "ConfigMap" };
    const validations = [{ expression: "size(object.data) <= int(params.data.most)", message: "too many" }];
    const named = { name: "limits", namespace: "default", parameterNotFoundAction: "Deny" };
    await enforce("limited", { paramKind, validations }, { paramRef: named });
    expect((await create("before")).message).toBe(
      denied(
        "limited",
        "before",
        "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
      ),
    );
    await fixture.call("DELETE", bindings);
    await fixture.make([maps, map("limits", { most: "1" })]);
    await fixture.make([
      bindings,
      {
        metadata: { name: "limited-b" },
        spec: { policyName: "limited", validationActions: ["Deny"], paramRef: named },
      },
    ]);
    expect((await create("few", { a: "1" })).status).toBe(201);
    expect((await create("many", { a: "1", b: "2" })).message).toBe(denied("limited", "many", "too many"));
  });

  test("a kind of parameters that is not served stops all that the policy is about, unless it may fail", async () => {
    const paramKind = { apiVersion: "example.com/v1", kind: "Limit" };
    const validations = [{ expression: "true" }];
    const paramRef = { name: "x", parameterNotFoundAction: "Deny" };
    await enforce("unknown", { paramKind, validations }, { paramRef });
    expect((await create("a")).message).toContain(
      "ValidatingAdmissionPolicy 'unknown' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'example.com/v1, Kind=Limit'",
    );
    await fixture.call("DELETE", policies);
    await enforce("unknown-2", { paramKind, validations, failurePolicy: "Ignore" }, { paramRef });
    expect((await create("b")).status).toBe(201);
  });

  test("what cannot be evaluated is refused, unless the policy may fail", async () => {
    const validations = [{ expression: "object.data.absent == 'x'", message: "m" }];
    await enforce("strict", { validations });
    const refused = await create("a");
    expect(refused.status).toBe(422);
    expect(refused.message).toContain("expression 'object.data.absent == 'x'' resulted in error: ");
    await fixture.call("DELETE", policies);
    await enforce("lax", { validations, failurePolicy: "Ignore" });
    expect((await create("lax")).status).toBe(201);
  });

  test("match conditions, the request and the namespace can be asked about", async () => {
    await enforce("conditional", {
      matchConditions: [{ name: "not-admins", expression: "!('system:masters' in request.userInfo.groups)" }],
      validations: [
        {
          expression: "namespaceObject.metadata.name != 'default' || request.operation != 'CREATE'",
          messageExpression: "request.userInfo.username + ' may not'",
        },
      ],
    });
    expect((await create("by-admin")).status).toBe(201);
    await fixture.make([
      "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
      {
        metadata: { name: "alice" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "edit" },
        subjects: [{ kind: "User", name: alice.name }],
      },
    ]);
    await fixture.server.registry.of(ClusterRoleBinding).cache.current();
    const answer = await fixture.call("POST", maps, { body: map("by-alice"), as: alice });
    expect(answer.body.message).toBe(denied("conditional", "by-alice", "alice may not"));
  });

  test("an expression may ask what the sender, or a service account, may do", async () => {
    await enforce("asking", {
      validations: [
        {
          expression: "authorizer.requestResource.check('delete').allowed()",
          messageExpression: "'delete is not allowed to ' + request.userInfo.username",
        },
        {
          expression:
            "!authorizer.serviceAccount('default', 'nobody').group('').resource('secrets').namespace('default').check('get').allowed()",
        },
      ],
    });
    expect((await create("asked-by-admin")).status).toBe(201);
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["create"] }];
    await fixture.make(
      ["/apis/rbac.authorization.k8s.io/v1/clusterroles", { metadata: { name: "creator" }, rules }],
      [
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
          metadata: { name: "bob" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "creator" },
          subjects: [{ kind: "User", name: "bob" }],
        },
      ],
    );
    await fixture.server.registry.of(ClusterRoleBinding).cache.current();
    const as = { name: "bob", groups: [] };
    const answer = await fixture.call("POST", maps, { body: map("asked-by-bob"), as });
    expect(answer.body.message).toBe(denied("asking", "asked-by-bob", "delete is not allowed to bob"));
  });

  test("an expression that costs too much is stopped, whatever it would say", async () => {
    const variables = [{ name: "all", expression: "[0,1,2,3,4,5,6,7,8,9]" }];
    const deep = Array.from({ length: 7 }, (_, index) => `variables.all.all(v${index}, `).join("");
    await enforce("bomb", { variables, validations: [{ expression: `${deep}true${")".repeat(7)}` }] });
    const answer = await create("bombed");
    expect(answer.status).toBe(422);
    expect(answer.message).toContain("cost");
  });

  test("a deletion can be refused by what is to go", async () => {
    await fixture.make([maps, map("kept", { keep: "yes" })]);
    const resourceRules = [{ ...aboutMaps.resourceRules[0], operations: ["DELETE"] }];
    await enforce("keeper", {
      matchConstraints: { resourceRules },
      validations: [{ expression: "object == null && !('keep' in oldObject.data)", message: "it is kept" }],
    });
    expect((await fixture.call("DELETE", `${maps}/kept`)).body.message).toBe(denied("keeper", "kept", "it is kept"));
  });

  test("an expression that does not compile is refused when the policy is made", async () => {
    const spec = { matchConstraints: aboutMaps, validations: [{ expression: "object.metadata.name ==" }] };
    const { status, body } = await fixture.call("POST", policies, { body: { metadata: { name: "wrong" }, spec } });
    expect(status).toBe(422);
    expect(String(body.message)).toContain(
      'ValidatingAdmissionPolicy.admissionregistration.k8s.io "wrong" is invalid: spec.validations[0].expression: Invalid value: "object.metadata.name ==": compilation failed: ',
    );
  });

  test("what validations find is counted by policy, binding, action and fault", async () => {
    await enforce(
      "counted",
      { validations: [{ expression: "!('bad' in object.data)" }] },
      { validationActions: ["Warn", "Audit"] },
    );
    await enforce("lenient", { failurePolicy: "Ignore", validations: [{ expression: "object.data.absent == 'x'" }] });
    await enforce("firm", { validations: [{ expression: "object.data.absent == 'x'" }] });
    await create("counted", { bad: "yes" });
    await create("passed", { absent: "x" });
    const { text } = await fixture.call("GET", "/metrics");
    const total = (policy: string) =>
      text
        .split("\n")
        .filter((line) => line.startsWith("apiserver_validating_admission_policy_check_total") && line.includes(policy))
        .map((line) => line.replace(/^.*error_type="(\w+)".*enforcement_action="(\w+)"} /, "$1 $2 "));
    expect(total("counted")).toEqual(["no_error warn 1", "no_error audit 1"]);
    expect(total("lenient")).toEqual(["invalid_error allow 1"]);
    expect(total("firm")).toEqual(["invalid_error deny 1"]);
    expect(text).toContain("apiserver_validating_admission_policy_check_duration_seconds_count{");
  });
});
