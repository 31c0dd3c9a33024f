import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "./bootstrap/bootstrap.ts";
import { admin, alice, openServerFixture, type ServerFixture } from "./server-fixture.ts";

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

describe("who may do what", () => {
  test("a user without rights is told what is missing, in upstream's words", async () => {
    const answer = await fixture.call("GET", maps, { as: alice });
    expect(answer.status).toBe(403);
    expect(answer.body.message).toBe(
      'configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
  });

  test("a path that is no resource is refused as a path", async () => {
    expect((await fixture.call("GET", "/metrics", { as: alice })).body.message).toBe(
      'forbidden: User "alice" cannot get path "/metrics"',
    );
  });

  test("a bad token is unauthorized, and no credentials at all are the anonymous user", async () => {
    const wrong = await fixture.call("GET", maps, { headers: { authorization: "Bearer wrong" } });
    expect(wrong.status).toBe(401);
    const anonymous = await fixture.server.handle({
      method: "GET",
      path: maps,
      headers: {},
      body: { kind: "none" },
      signal: new AbortController().signal,
    });
    expect(anonymous.status).toBe(403);
  });

  test("a binding gives what its role says, in its namespace only, from the moment it is written", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    await fixture.make(
      [
        `${rbac}/roles`,
        { metadata: { name: "r" }, rules: [{ verbs: ["list"], apiGroups: [""], resources: ["secrets"] }] },
      ],
      [
        `${rbac}/rolebindings`,
        {
          metadata: { name: "b" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
          subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "alice" }],
        },
      ],
    );
    expect((await fixture.call("GET", "/api/v1/namespaces/default/secrets", { as: alice })).status).toBe(200);
    expect((await fixture.call("GET", "/api/v1/namespaces/kube-system/secrets", { as: alice })).status).toBe(403);
    const review = await fixture.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      as: alice,
      body: { spec: { resourceAttributes: { namespace: "default", verb: "list", resource: "secrets" } } },
    });
    expect(review.body.status).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "b/default" of Role "r" to User "alice"',
    });
  });

  test("nobody hands out rights that they do not have", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    await fixture.make(
      [
        `${rbac}/roles`,
        {
          metadata: { name: "maker" },
          rules: [{ verbs: ["create"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"] }],
        },
      ],
      [
        `${rbac}/rolebindings`,
        {
          metadata: { name: "maker" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "maker" },
          subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "bob" }],
        },
      ],
    );
    const body = { metadata: { name: "big" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] };
    const refused = await fixture.call("POST", `${rbac}/roles`, { as: { name: "bob", groups: ["ops"] }, body });
    expect(refused.body.message).toBe(
      'roles.rbac.authorization.k8s.io "big" is forbidden: user "bob" (groups=["ops" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}',
    );
  });

  test("an administrator acts as somebody else, who has no more rights for it", async () => {
    const headers = { "impersonate-user": "zed" };
    expect((await fixture.call("GET", maps, { headers })).body.message).toContain('User "zed" cannot list');
    const masters = { ...headers, "impersonate-group": "system:masters" };
    expect((await fixture.call("GET", maps, { headers: masters })).status).toBe(200);
    const forbidden = await fixture.call("GET", maps, { headers, as: alice });
    expect(forbidden.body.message).toBe(
      'users "zed" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
  });

  test("a node's agent sees a secret only while one of its pods uses it", async () => {
    const node = { name: "system:node:n1", groups: ["system:nodes"] };
    const secret = "/api/v1/namespaces/default/secrets/s1";
    await fixture.make(["/api/v1/namespaces/default/secrets", { metadata: { name: "s1" } }]);
    expect((await fixture.call("GET", secret, { as: node })).status).toBe(403);
    const volumes = [{ name: "v", secret: { secretName: "s1" } }];
    await fixture.make([pods, pod("uses-secret", { nodeName: "n1", volumes })]);
    expect((await fixture.call("GET", secret, { as: node })).status).toBe(200);
    expect((await fixture.call("GET", secret, { as: { ...node, name: "system:node:n2" } })).status).toBe(403);
  });
});

describe("service account tokens", () => {
  test("a token speaks for its account until the account is gone", async () => {
    await fixture.make(["/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "robot" } }]);
    const issued = await fixture.call("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", {
      body: { spec: {} },
    });
    expect(issued.status).toBe(201);
    const headers = { authorization: `Bearer ${issued.body.status?.token}` };
    expect((await fixture.call("GET", maps, { headers })).body.message).toContain(
      '"system:serviceaccount:default:robot"',
    );
    await fixture.call("DELETE", "/api/v1/namespaces/default/serviceaccounts/robot");
    await fixture.server.registry
      .of({ group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", namespaced: true })
      .cache.current();
    expect((await fixture.call("GET", maps, { headers })).status).toBe(401);
  });

  test("a token bound to a pod ends with the pod", async () => {
    await fixture.make([pods, pod("bound")]);
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "bound" };
    const issued = await fixture.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
      body: { spec: { boundObjectRef, expirationSeconds: 3607 } },
    });
    const review = async () =>
      (
        await fixture.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
          body: { spec: { token: issued.body.status?.token } },
        })
      ).body.status;
    expect((await review())?.user?.extra).toMatchObject({ "authentication.kubernetes.io/pod-name": ["bound"] });
    await fixture.call("DELETE", `${pods}/bound`);
    await fixture.call("GET", pods);
    expect(await review()).toEqual({ user: {}, error: "invalid bearer token" });
  });

  test("a token for less than ten minutes is refused", async () => {
    const answer = await fixture.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
      body: { spec: { expirationSeconds: 5 } },
    });
    expect(answer.body.message).toBe(
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
    );
  });
});

describe("admission", () => {
  test("a pod gets its account, token volume, tolerations and priority", async () => {
    const { body } = await fixture.call("POST", pods, { body: pod("admitted") });
    const { spec } = body;
    expect(spec?.serviceAccountName).toBe("default");
    expect(spec?.priority).toBe(0);
    expect((spec?.tolerations as unknown as { key: string }[]).map(({ key }) => key)).toEqual([
      "node.kubernetes.io/not-ready",
      "node.kubernetes.io/unreachable",
    ]);
    const [volume] = spec?.volumes as unknown as { name: string; projected: { sources: object[] } }[];
    expect(volume?.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(volume?.projected.sources.length).toBe(3);
    const [container] = spec?.containers as unknown as { volumeMounts: object[] }[];
    expect(container?.volumeMounts).toEqual([
      { name: volume?.name, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
    ]);
  });

  test.each([
    ["an account that is not there", { serviceAccountName: "nobody" }, 'serviceaccount "nobody" not found'],
    [
      "a priority class that is not there",
      { priorityClassName: "nobody" },
      "no PriorityClass with name nobody was found",
    ],
    ["a priority of its own", { priority: 5 }, "must not be provided in pod spec"],
  ])("a pod with %s is refused", async (_, spec, text) => {
    const answer = await fixture.call("POST", pods, { body: pod("refused", spec) });
    expect(answer.status).toBe(403);
    expect(String(answer.body.message)).toContain(text);
  });

  test("nothing is made in a namespace that is missing or going", async () => {
    const missing = await fixture.call("POST", "/api/v1/namespaces/none/configmaps", { body: configMap("a") });
    expect(missing.body.message).toBe('namespaces "none" not found');
    await fixture.make(["/api/v1/namespaces", { metadata: { name: "going" } }]);
    expect((await fixture.call("DELETE", "/api/v1/namespaces/going")).body.status?.phase).toBe("Terminating");
    await fixture.call("GET", "/api/v1/namespaces/going");
    const late = await fixture.call("POST", "/api/v1/namespaces/going/configmaps", { body: configMap("a") });
    expect(late.body.message).toBe(
      'configmaps "a" is forbidden: unable to create new content in namespace going because it is being terminated',
    );
    const body = { metadata: { name: "going" }, spec: { finalizers: [] } };
    expect((await fixture.call("PUT", "/api/v1/namespaces/going/finalize", { body })).status).toBe(200);
    expect((await fixture.call("GET", "/api/v1/namespaces/going")).status).toBe(404);
  });

  test("the namespace default is never deleted", async () => {
    expect((await fixture.call("DELETE", "/api/v1/namespaces/default")).body.message).toBe(
      'namespaces "default" is forbidden: this namespace may not be deleted',
    );
  });

  test("a new node is tainted until it is ready", async () => {
    const { body } = await fixture.call("POST", "/api/v1/nodes", { body: { metadata: { name: "n1" } } });
    expect(body.spec?.taints).toEqual([{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]);
  });

  test("a limit range fills in what containers leave out, and refuses what exceeds it", async () => {
    const limits = [{ type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "500m" }, max: { cpu: "2" } }];
    await fixture.make(
      ["/api/v1/namespaces", { metadata: { name: "limited" } }],
      ["/api/v1/namespaces/limited/serviceaccounts", { metadata: { name: "default" } }],
      ["/api/v1/namespaces/limited/limitranges", { metadata: { name: "l" }, spec: { limits } }],
    );
    const made = await fixture.call("POST", "/api/v1/namespaces/limited/pods", { body: pod("p") });
    expect((made.body.spec?.containers as unknown as { resources: object }[])[0]?.resources).toEqual({
      limits: { cpu: "1" },
      requests: { cpu: "500m" },
    });
    const containers = [{ name: "c", image: "i", resources: { limits: { cpu: "3" } } }];
    const refused = await fixture.call("POST", "/api/v1/namespaces/limited/pods", { body: pod("q", { containers }) });
    expect(refused.body.message).toBe('pods "q" is forbidden: maximum cpu usage per Container is 2, but limit is 3');
  });
});

describe("forms", () => {
  test("a table has the columns of its kind, and rows with metadata", async () => {
    await fixture.make([maps, configMap("tabled", { a: "1" })]);
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
    const { body } = await fixture.call("GET", `${maps}/tabled`, { headers });
    expect(body.kind).toBe("Table");
    expect((body.columnDefinitions as unknown as { name: string }[]).map(({ name }) => name)).toEqual([
      "Name",
      "Data",
      "Age",
    ]);
    const [row] = body.rows as unknown as { cells: unknown[]; object: { kind: string } }[];
    expect(row?.cells.slice(0, 2)).toEqual(["tabled", 1]);
    expect(row?.object.kind).toBe("PartialObjectMetadata");
  });

  test("a watch as a table defines its columns once", async () => {
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
    await fixture.make([maps, configMap("w1")], [maps, configMap("w2")]);
    const answer = await fixture.call("GET", `${maps}?watch=1&timeoutSeconds=1`, { headers });
    const events = answer.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.length).toBeGreaterThanOrEqual(2);
    expect(events[0].object.columnDefinitions).toHaveLength(3);
    expect(events[1].object.columnDefinitions).toBeNull();
  });

  test("an object goes in as protobuf and comes back the same", async () => {
    const protobuf = "application/vnd.kubernetes.protobuf";
    await fixture.make([maps, configMap("proto", { a: "1" })]);
    const { bytes, headers } = await fixture.call("GET", `${maps}/proto`, { headers: { accept: protobuf } });
    expect(headers["content-type"]).toBe(protobuf);
    const put = await fixture.call("PUT", `${maps}/proto`, { body: bytes, headers: { "content-type": protobuf } });
    expect(put.body.data).toEqual({ a: "1" });
    const list = await fixture.call("GET", maps, { headers: { accept: protobuf } });
    expect(Buffer.from(list.bytes.subarray(0, 4)).toString()).toBe("k8s\0");
  });

  test("YAML is read and written", async () => {
    const yaml = "application/yaml";
    const body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yml}\ndata: {a: 'yes'}\n";
    expect((await fixture.call("POST", maps, { body, headers: { "content-type": yaml } })).body.data).toEqual({
      a: "yes",
    });
    const { text } = await fixture.call("GET", `${maps}/yml`, { headers: { accept: yaml } });
    expect(text).toContain('data:\n  a: "yes"\nkind: ConfigMap\n');
  });

  test.each([
    ["a form that nobody writes", "GET", { accept: "text/csv" }, undefined, 406, "406: Not Acceptable"],
    [
      "a body of an unknown form",
      "POST",
      { "content-type": "text/csv" },
      "a",
      415,
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    ],
    [
      "an empty body",
      "POST",
      {},
      "",
      400,
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    ],
    [
      "another kind's body",
      "POST",
      {},
      '{"apiVersion":"v1","kind":"Secret"}',
      400,
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    ],
    [
      "a method that a collection does not have",
      "PUT",
      {},
      "{}",
      405,
      "the server does not allow this method on the requested resource",
    ],
  ])("%s is refused", async (_, method, headers, body, status, message) => {
    const answer = await fixture.call(method, maps, {
      headers: headers as Record<string, string>,
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(status);
    expect(answer.body.message).toBe(message);
  });

  test("unknown fields are dropped with a warning, or refused when asked strictly", async () => {
    const body = { ...configMap("strict"), nope: 1 };
    const warned = await fixture.call("POST", `${maps}?dryRun=All`, { body });
    expect(warned.headers.warning).toEqual(['299 - "unknown field \\"nope\\""']);
    const refused = await fixture.call("POST", `${maps}?fieldValidation=Strict`, { body });
    expect(refused.body.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "nope"',
    );
  });
});

describe("writes", () => {
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

  test("a pod is bound once", async () => {
    await fixture.make([pods, pod("toBind".toLowerCase())]);
    const body = { metadata: { name: "tobind" }, target: { kind: "Node", name: "n1" } };
    expect((await fixture.call("POST", `${pods}/tobind/binding`, { body })).status).toBe(201);
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

describe("what the server says of itself", () => {
  test("discovery names the groups, and answers 304 to a client that knows them", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const first = await fixture.call("GET", "/apis", { headers: { accept } });
    expect(first.body.kind).toBe("APIGroupDiscoveryList");
    const apps = (
      first.body.items as unknown as { metadata: { name: string }; versions: { resources: { resource: string }[] }[] }[]
    ).find(({ metadata }) => metadata.name === "apps");
    expect(apps?.versions[0]?.resources.map(({ resource }) => resource)).toContain("deployments");
    const headers = { accept, "if-none-match": String(first.headers.etag) };
    expect((await fixture.call("GET", "/apis", { headers })).status).toBe(304);
  });

  test("OpenAPI describes a deployment in both versions", async () => {
    const v3 = await fixture.call("GET", "/openapi/v3/apis/apps/v1");
    const name = "io.k8s.api.apps.v1.Deployment";
    expect(v3.body.components?.schemas?.[name]?.["x-kubernetes-group-version-kind"]).toEqual([
      { group: "apps", kind: "Deployment", version: "v1" },
    ]);
    const v2 = await fixture.call("GET", "/openapi/v2");
    expect(v2.body.definitions?.[name]?.properties?.spec).toEqual({
      $ref: "#/definitions/io.k8s.api.apps.v1.DeploymentSpec",
    });
    const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    expect((await fixture.call("GET", "/openapi/v2", { headers: { accept } })).bytes.length).toBeGreaterThan(100_000);
  });

  test.each(["/healthz", "/livez", "/readyz", "/livez/ping"])("%s is ok", async (path) => {
    expect((await fixture.call("GET", path)).text).toBe("ok");
  });

  test("requests are counted under upstream's name", async () => {
    await fixture.call("GET", maps, { as: admin });
    expect((await fixture.call("GET", "/metrics")).text).toMatch(
      /apiserver_request_total\{verb="LIST",group="",version="v1",resource="configmaps",subresource="",scope="namespace",code="200"\} \d+/,
    );
  });

  test("a default role that was cut is whole again after the next start, and keeps what was added", async () => {
    const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:kube-dns";
    const own = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
    const headers = { "content-type": "application/merge-patch+json" };
    await fixture.call("PATCH", path, { body: { rules: [own] }, headers });
    await bootstrap(fixture.server.registry, {});
    const { rules } = (await fixture.call("GET", path)).body;
    expect(rules).toContainEqual(own);
    const resources = (rules as unknown as { resources: string[] }[]).flatMap((rule) => rule.resources);
    expect(resources.sort()).toEqual(["endpoints", "pods", "services"]);
  });
});
