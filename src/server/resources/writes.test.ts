import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const configMap = (name: string, data: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { name } },
  spec: { containers: [{ name: "c", image: "img:1" }], ...spec },
});
const deployment = (name: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "a" } },
    template: { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c", image: "img:1" }] } },
  },
});

describe("writes", () => {
  test("over all namespaces there is only looking", async () => {
    await fixture.make([maps, configMap("stays")]);
    expect((await fixture.call("GET", "/api/v1/configmaps")).status).toBe(200);
    expect((await fixture.call("DELETE", "/api/v1/configmaps")).status).toBe(405);
    expect((await fixture.call("POST", "/api/v1/configmaps", { body: configMap("nowhere") })).status).toBe(405);
    expect((await fixture.call("PUT", "/api/v1/configmaps/stays", { body: configMap("stays") })).status).toBe(404);
    expect((await fixture.call("GET", `${maps}/stays`)).status).toBe(200);
  });

  test("the three patches change what they name", async () => {
    await fixture.make([deployments, deployment("patched")]);
    const path = `${deployments}/patched`;
    const patch = (type: string, body: unknown) =>
      fixture.call("PATCH", path, { body, headers: { "content-type": `application/${type}` } });
    const json = await patch("json-patch+json", [{ op: "replace", path: "/spec/replicas", value: 3 }]);
    expect(json.body.spec?.replicas).toBe(3);
    const merged = await patch("merge-patch+json", { metadata: { labels: { a: "b" } } });
    expect(merged.body.metadata?.labels).toEqual({ a: "b" });
    const containers = [{ name: "d", image: "img:2" }];
    const strategic = await patch("strategic-merge-patch+json", { spec: { template: { spec: { containers } } } });
    const names = (strategic.body.spec?.template?.spec?.containers as unknown as { name: string }[]).map(
      ({ name }) => name,
    );
    expect(names.sort()).toEqual(["c", "d"]);
    expect(strategic.body.metadata?.generation).toBe(3);
  });

  test("an apply that takes what another owns names the field and its owner, unless it is forced", async () => {
    const apply = (manager: string, value: string, force = "") =>
      fixture.call("PATCH", `${maps}/applied?fieldManager=${manager}${force}`, {
        body: JSON.stringify(configMap("applied", { a: value })),
        headers: { "content-type": "application/apply-patch+yaml" },
      });
    expect((await apply("m1", "1")).status).toBe(201);
    const refused = await apply("m2", "2");
    expect(refused.body.message).toBe('Apply failed with 1 conflict: conflict with "m1": .data.a');
    expect((await apply("m2", "2", "&force=true")).body.data).toEqual({ a: "2" });
  });

  describe("a patch", () => {
    const patch = (type: string, body: string, query = "") =>
      fixture.call("PATCH", `${maps}/kept${query}`, { body, headers: { "content-type": `application/${type}` } });
    const [json, merge, strategic] = ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json"] as const;
    const strict = "?fieldValidation=Strict";
    beforeAll(() => fixture.make([maps, configMap("kept", { a: "1" })]));

    test.each([
      {
        name: "a merge that leaves a number where a text belongs",
        type: merge,
        body: '{"data":{"a":1}}',
        why: /^ "" is invalid: patch: Invalid value: "\{.*\\"data\\":\{\\"a\\":1\}.*\}": json: cannot unmarshal number into Go struct field ConfigMap.data of type string$/,
      },
      {
        name: "a strategic merge that does",
        type: strategic,
        body: '{"data":{"a":1}}',
        why: /^ "" is invalid: patch: Invalid value: "map\[data:map\[a:1\]\]": unrecognized type: string$/,
      },
      {
        name: "a strategic merge of a list into a map",
        type: strategic,
        body: '{"data":["a"]}',
        why: /Invalid value: "map\[data:\[a\]\]": cannot restore map from slice$/,
      },
      {
        name: "one that makes it another kind",
        type: json,
        body: '[{"op":"replace","path":"/kind","value":"Secret"}]',
        why: /: converting \(v1.Secret\) to \(core.ConfigMap\): unknown conversion$/,
      },
      {
        name: "an unknown field, strictly",
        type: json,
        body: '[{"op":"add","path":"/foo","value":"1","more":1}]',
        query: strict,
        why: /: strict decoding error: json patch unknown field "\[0\].more", unknown field "foo"$/,
      },
      {
        name: "a field twice, strictly",
        type: merge,
        body: '{"data":{"a":"1","a":"2"}}',
        query: strict,
        why: /: strict decoding error: duplicate field "data.a"$/,
      },
      {
        name: "a field twice in a strategic merge, strictly",
        type: strategic,
        body: '{"data":{"a":"1","a":"2"}}',
        query: strict,
        why: /Invalid value: "map\[data:map\[a:2\]\]": strict decoding error: duplicate field "data.a"$/,
      },
    ])("is refused: $name", async ({ type, body, query, why }) => {
      const refused = await patch(type, body, query);
      expect(refused.body).toMatchObject({ code: 422, reason: "Invalid" });
      expect(refused.body.message).toMatch(why);
      expect(refused.body.details).toMatchObject({ causes: [{ reason: "FieldValueInvalid", field: "patch" }] });
    });

    test("with a field twice counts with the last, and a warning", async () => {
      const done = await patch(merge, '{"data":{"b":"1","b":"2"}}');
      expect(done.body.data).toEqual({ a: "1", b: "2" });
      expect(done.headers.warning).toEqual(['299 - "duplicate field \\"data.b\\""']);
    });

    test("that says another kind to a strategic merge changes nothing about that", async () => {
      const done = await patch(strategic, '{"kind":"Secret","data":{"c":"3"}}');
      expect(done.body).toMatchObject({ kind: "ConfigMap", apiVersion: "v1", data: { c: "3" } });
    });
  });

  describe("what is applied", () => {
    const apply = (name: string, body: string, query = "") =>
      fixture.call("PATCH", `${maps}/${name}?fieldManager=me${query}`, {
        body,
        headers: { "content-type": "application/apply-patch+yaml" },
      });
    const text = (more: object) => JSON.stringify({ ...configMap("new"), ...more });

    test.each([
      {
        name: "another version",
        body: text({ apiVersion: "apps/v1" }),
        code: 400,
        message: "invalid object type: apps/v1, Kind=ConfigMap",
      },
      {
        name: "no version",
        body: text({ apiVersion: undefined }),
        code: 400,
        message: "invalid object type: /, Kind=ConfigMap",
      },
      {
        name: "a list",
        body: "[]",
        code: 400,
        message:
          "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
      },
      {
        name: "the uid of an object that is gone",
        body: text({ metadata: { name: "new", uid: "abc" } }),
        code: 409,
        message:
          'Operation cannot be fulfilled on configmaps "new": uid mismatch: the provided object specified uid abc, and no existing object was found',
      },
      {
        name: "values of another kind",
        body: text({ data: { a: 1 } }),
        code: 500,
        message:
          "failed to create typed patch object (default/new; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:1}",
      },
      {
        name: "a key twice, strictly",
        body: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, name: new}\ndata:\n  a: '1'\n  a: '2'\n",
        query: "&fieldValidation=Strict",
        code: 400,
        message:
          'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 3: key "name" already set in map\n  line 6: key "a" already set in map',
      },
    ])("is refused if it is $name", async ({ body, query, code, message }) => {
      const refused = await apply("new", body, query);
      expect([refused.status, refused.body.message]).toEqual([code, message]);
    });

    test("counts with the last of a key that stands twice, and a warning", async () => {
      const made = await apply("twice", "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: '1'\n  a: '2'\n");
      expect(made.body.data).toEqual({ a: "2" });
      expect(made.headers.warning).toEqual(['299 - "line 5: key \\"a\\" already set in map"']);
    });
  });

  test("every write says who owns what", async () => {
    const { body } = await fixture.call("POST", `${maps}?fieldManager=me`, { body: configMap("owned", { a: "1" }) });
    expect(body.metadata?.managedFields).toMatchObject([
      { manager: "me", operation: "Update", apiVersion: "v1", fieldsV1: { "f:data": { ".": {}, "f:a": {} } } },
    ]);
  });

  test("a status is changed at its own address only", async () => {
    await fixture.make([deployments, deployment("split")]);
    const headers = { "content-type": "application/merge-patch+json" };
    const body = { spec: { replicas: 9 }, status: { replicas: 5 } };
    const whole = await fixture.call("PATCH", `${deployments}/split`, { body, headers });
    expect([whole.body.spec?.replicas, whole.body.status?.replicas]).toEqual([9, undefined]);
    const part = await fixture.call("PATCH", `${deployments}/split/status`, {
      body: { spec: { replicas: 1 }, status: { replicas: 5 } },
      headers,
    });
    expect([part.body.spec?.replicas, part.body.status?.replicas]).toEqual([9, 5]);
  });

  test("scale changes the replicas and refuses fewer than none", async () => {
    await fixture.make([deployments, deployment("scaled")]);
    const path = `${deployments}/scaled/scale`;
    const scaled = await fixture.call("PUT", path, { body: { metadata: { name: "scaled" }, spec: { replicas: 4 } } });
    expect(scaled.body).toMatchObject({ kind: "Scale", spec: { replicas: 4 }, status: { selector: "app=a" } });
    const body = { spec: { replicas: -1 } };
    const refused = await fixture.call("PATCH", path, {
      body,
      headers: { "content-type": "application/merge-patch+json" },
    });
    expect(refused.body.message).toBe(
      'Scale.autoscaling "scaled" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    );
  });

  test("replicas that are applied by scale belong to who applied them, and others must force", async () => {
    await fixture.make([deployments, deployment("owned")]);
    const apply = (manager: string, replicas: number | undefined, query = "") =>
      fixture.call("PATCH", `${deployments}/owned/scale?fieldManager=${manager}${query}`, {
        body: JSON.stringify({ apiVersion: "autoscaling/v1", kind: "Scale", spec: { replicas } }),
        headers: { "content-type": "application/apply-patch+yaml" },
      });
    interface Entry {
      readonly manager: string;
      readonly operation: string;
      readonly subresource?: string;
      readonly fieldsV1: object;
    }
    const owners = async () => {
      const { body } = await fixture.call("GET", `${deployments}/owned`);
      return (body.metadata?.managedFields as unknown as readonly Entry[])
        .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes("f:replicas"))
        .map(({ manager, operation, subresource }) => `${manager} ${operation} ${subresource}`);
    };
    expect((await apply("one", 5, "&force=true")).body.spec).toEqual({ replicas: 5 });
    expect(await owners()).toEqual(["one Apply scale"]);
    const refused = await apply("two", 6);
    expect(refused.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "one" with subresource "scale": .spec.replicas',
    );
    expect((await apply("two", 5)).status).toBe(200);
    expect(await owners()).toEqual(["one Apply scale", "two Apply scale"]);
    await apply("one", undefined);
    expect(await owners()).toEqual(["two Apply scale"]);
    expect((await fixture.call("GET", `${deployments}/owned/scale`)).body.spec).toEqual({ replicas: 5 });
  });

  test("a pod is bound once", async () => {
    await fixture.make([pods, pod("toBind".toLowerCase())]);
    const body = { metadata: { name: "tobind" }, target: { kind: "Node", name: "n1" } };
    expect((await fixture.call("POST", `${pods}/tobind/binding`, { body })).status).toBe(201);
    expect((await fixture.call("GET", `${pods}/tobind`)).body).toMatchObject({
      metadata: { generation: 1 },
      spec: { nodeName: "n1" },
    });
    const second = await fixture.call("POST", `${pods}/tobind/binding`, { body });
    expect(second.body.message).toBe(
      'Operation cannot be fulfilled on pods/binding "tobind": pod tobind is already assigned to node "n1"',
    );
  });

  test("a bound pod is deleted with grace, which may only be shortened", async () => {
    await fixture.make([pods, pod("graceful", { nodeName: "n1" })]);
    const first = await fixture.call("DELETE", `${pods}/graceful`);
    expect(first.body.metadata?.deletionGracePeriodSeconds).toBe(30);
    const longer = await fixture.call("DELETE", `${pods}/graceful?gracePeriodSeconds=60`);
    expect(longer.body.metadata?.deletionGracePeriodSeconds).toBe(30);
    await fixture.call("DELETE", `${pods}/graceful?gracePeriodSeconds=0`);
    expect((await fixture.call("GET", `${pods}/graceful`)).status).toBe(404);
  });

  test("an eviction waits for the pod's disruption budget", async () => {
    const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    await fixture.make(
      [pods, pod("evicted", { nodeName: "n1" })],
      [budgets, { metadata: { name: "b" }, spec: { minAvailable: 1, selector: { matchLabels: { name: "evicted" } } } }],
    );
    const headers = { "content-type": "application/merge-patch+json" };
    const conditions = [{ type: "Ready", status: "True" }];
    await fixture.call("PATCH", `${pods}/evicted/status`, {
      body: { status: { phase: "Running", conditions } },
      headers,
    });
    const allow = (disruptionsAllowed: number) =>
      fixture.call("PATCH", `${budgets}/b/status`, {
        body: {
          status: { observedGeneration: 1, disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
        },
        headers,
      });
    const evict = () => fixture.call("POST", `${pods}/evicted/eviction`, { body: { metadata: { name: "evicted" } } });
    await allow(0);
    const refused = await evict();
    expect(refused.status).toBe(429);
    expect(refused.body.details?.causes).toEqual([
      { reason: "DisruptionBudget", message: "The disruption budget b needs 1 healthy pods and has 1 currently" },
    ]);
    const other = {
      metadata: { name: "other" },
      spec: { maxUnavailable: 1, selector: { matchLabels: { name: "evicted" } } },
    };
    await fixture.make([budgets, other]);
    const twice = await evict();
    const why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    expect(twice.body).toMatchObject({ code: 500, message: why });
    expect(twice.body).not.toHaveProperty("reason");
    await fixture.call("DELETE", `${budgets}/other`);
    await allow(1);
    expect((await evict()).status).toBe(201);
    expect((await fixture.call("GET", `${budgets}/b`)).body.status?.disruptionsAllowed).toBe(0);
  });

  test("a dry run answers as if, and writes nothing", async () => {
    expect((await fixture.call("POST", `${maps}?dryRun=All`, { body: configMap("dry") })).status).toBe(201);
    expect((await fixture.call("GET", `${maps}/dry`)).status).toBe(404);
  });

  test("deleting by label leaves the others", async () => {
    const labelled = (name: string, app: string) => ({ ...configMap(name), metadata: { name, labels: { app } } });
    await fixture.make([maps, labelled("del-a", "x")], [maps, labelled("del-b", "y")]);
    const deleted = await fixture.call("DELETE", `${maps}?labelSelector=app%3Dx`);
    expect(
      (deleted.body.items as unknown as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name),
    ).toEqual(["del-a"]);
    expect((await fixture.call("GET", `${maps}/del-b`)).status).toBe(200);
  });
});
