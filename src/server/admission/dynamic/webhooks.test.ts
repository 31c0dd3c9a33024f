import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../../server-fixture.ts";
import { openWebhook, patchOf, type ReviewHandler, type WebhookServer } from "./webhook-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const registrations = "/apis/admissionregistration.k8s.io/v1";
const kinds = { mutating: "mutatingwebhookconfigurations", validating: "validatingwebhookconfigurations" } as const;
const map = (name: string, data: object = {}, labels: object = {}) => ({ metadata: { name, labels }, data });
const aboutMaps = { apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE", "UPDATE"] };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const kind of Object.values(kinds)) await fixture.call("DELETE", `${registrations}/${kind}`);
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

async function serve(handler: ReviewHandler | Readonly<Record<string, ReviewHandler>>): Promise<WebhookServer> {
  const server = await openWebhook(typeof handler === "function" ? { "*": handler } : handler);
  open.push(server);
  return server;
}

async function register(kind: keyof typeof kinds, name: string, ...webhooks: readonly object[]): Promise<void> {
  const complete = webhooks.map((webhook, index) => ({
    name: `w${index}.example.com`,
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    rules: [aboutMaps],
    ...webhook,
  }));
  await fixture.make([`${registrations}/${kinds[kind]}`, { metadata: { name }, webhooks: complete }]);
}

describe("validating webhooks", () => {
  test("a webhook is asked with every member of the request, and lets it pass", async () => {
    const server = await serve(() => ({ warnings: ["careful"] }));
    await register("validating", "all", { clientConfig: server.clientConfig("/check") });
    const answer = await fixture.call("POST", `${maps}?fieldManager=me&fieldValidation=Strict`, {
      body: map("asked", { a: "1" }),
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toEqual(['299 - "careful"']);
    expect(server.lastUrl).toBe("/check?timeout=10s");
    const gvk = { group: "", version: "v1", kind: "ConfigMap" };
    const gvr = { group: "", version: "v1", resource: "configmaps" };
    expect(server.asked).toMatchObject([
      {
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        kind: gvk,
        requestKind: gvk,
        resource: gvr,
        requestResource: gvr,
        name: "asked",
        namespace: "default",
        operation: "CREATE",
        userInfo: { username: "admin", groups: expect.arrayContaining(["system:masters"]) },
        object: { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "asked" }, data: { a: "1" } },
        oldObject: null,
        dryRun: false,
        options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1", fieldManager: "me", fieldValidation: "Strict" },
      },
    ]);
  });

  test.each([
    [
      "says why",
      { status: { message: "not today" } },
      400,
      'admission webhook "w0.example.com" denied the request: not today',
    ],
    [
      "gives a reason",
      { status: { reason: "Forbidden", code: 403 } },
      403,
      'admission webhook "w0.example.com" denied the request: Forbidden',
    ],
    ["says nothing", {}, 400, 'admission webhook "w0.example.com" denied the request without explanation'],
  ])("a webhook that refuses and %s", async (_, response, code, message) => {
    const server = await serve(() => ({ allowed: false, ...response }));
    await register("validating", "refusing", { clientConfig: server.clientConfig() });
    const answer = await fixture.call("POST", maps, { body: map("refused") });
    expect([answer.status, answer.body.message]).toEqual([code, message]);
    expect((await fixture.call("GET", `${maps}/refused`)).status).toBe(404);
  });

  test("a webhook that cannot be reached stops the write, or not, as its failure policy says", async () => {
    const server = await serve(() => ({}));
    const clientConfig = server.clientConfig();
    await server[Symbol.asyncDispose]();
    open.length = 0;
    await register("validating", "gone", { clientConfig });
    const refused = await fixture.call("POST", maps, { body: map("closed") });
    expect(refused.status).toBe(500);
    expect(refused.body.message).toMatch(
      /^Internal error occurred: failed calling webhook "w0\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/\?timeout=10s": dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/,
    );
    await fixture.call("DELETE", `${registrations}/${kinds.validating}`);
    await register("validating", "gone-open", { clientConfig, failurePolicy: "Ignore" });
    expect((await fixture.call("POST", maps, { body: map("open") })).status).toBe(201);
  });

  test("a webhook behind a service that is not there is named as upstream does", async () => {
    const clientConfig = { service: { namespace: "default", name: "absent", path: "/x" } };
    await register("validating", "serviceless", { clientConfig });
    const refused = await fixture.call("POST", maps, { body: map("closed") });
    expect(refused.body.message).toBe(
      'Internal error occurred: failed calling webhook "w0.example.com": failed to call webhook: Post "https://absent.default.svc:443/x?timeout=10s": service "absent" not found',
    );
  });

  test.each([
    ["another uid", { uid: "x" }, "expected response.uid="],
    ["a patch", patchOf([]), "validating webhook may not return response.patch"],
  ])("an answer with %s is no answer", async (_, response, text) => {
    const server = await serve(() => response);
    await register("validating", "odd", { clientConfig: server.clientConfig() });
    const refused = await fixture.call("POST", maps, { body: map("odd") });
    expect(refused.status).toBe(500);
    expect(String(refused.body.message)).toContain(`received invalid webhook response: ${text}`);
  });

  test("of several webhooks all are asked at once, and the first refusal in their order is told", async () => {
    let waiting = 0;
    let release = () => {};
    const both = new Promise<void>((resolve) => {
      release = resolve;
    });
    const refuse = async (message: string) => {
      waiting += 1;
      if (waiting === 2) release();
      await both; // ends only when the other is asked meanwhile
      return { allowed: false, status: { message } };
    };
    const server = await serve({ "/a": () => refuse("first"), "/b": () => refuse("second") });
    await register(
      "validating",
      "two",
      { name: "a.example.com", clientConfig: server.clientConfig("/a") },
      { name: "b.example.com", clientConfig: server.clientConfig("/b") },
    );
    const answer = await fixture.call("POST", maps, { body: map("twice") });
    expect(answer.body.message).toBe('admission webhook "a.example.com" denied the request: first');
  });

  test("warnings without end are cut, so that the answer can be read", async () => {
    const server = await serve(() => ({
      warnings: Array.from({ length: 100 }, (_, index) => `${index} ${"x".repeat(999)}`),
    }));
    await register("validating", "chatty", { clientConfig: server.clientConfig() });
    const { headers, status } = await fixture.call("POST", maps, { body: map("flooded") });
    expect(status).toBe(201);
    expect([...(headers.warning as readonly string[])].join("").length).toBeLessThan(5000);
  });

  test("selectors and conditions choose what a webhook is asked about", async () => {
    const server = await serve(() => ({ allowed: false }));
    await register(
      "validating",
      "choosy",
      { clientConfig: server.clientConfig(), objectSelector: { matchLabels: { watch: "me" } } },
      {
        clientConfig: server.clientConfig(),
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "other" } },
      },
      {
        clientConfig: server.clientConfig(),
        matchConditions: [{ name: "big", expression: "has(object.data) && 'big' in object.data" }],
      },
    );
    expect((await fixture.call("POST", maps, { body: map("chosen-not") })).status).toBe(201);
    expect((await fixture.call("POST", maps, { body: map("chosen", {}, { watch: "me" }) })).status).toBe(400);
    expect((await fixture.call("POST", maps, { body: map("big", { big: "1" }) })).status).toBe(400);
    expect(server.asked.length).toBe(2);
  });

  test("a webhook for another version of a resource is asked in that version, unless it wants exact matches", async () => {
    const server = await serve(() => ({}));
    const rules = [{ apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["CREATE"] }];
    await register(
      "validating",
      "versions",
      { clientConfig: server.clientConfig("/equivalent"), rules },
      { clientConfig: server.clientConfig("/exact"), rules, matchPolicy: "Exact" },
    );
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const body = { metadata: { name: "old" }, spec: { template } };
    const answer = await fixture.call("POST", "/apis/extensions/v1beta1/namespaces/default/deployments", { body });
    expect(answer.status).toBe(201);
    expect(server.asked).toMatchObject([
      {
        kind: { group: "apps", version: "v1", kind: "Deployment" },
        resource: { group: "apps", version: "v1" },
        requestKind: { group: "extensions", version: "v1beta1", kind: "Deployment" },
        requestResource: { group: "extensions", version: "v1beta1", resource: "deployments" },
        object: { apiVersion: "apps/v1", spec: { selector: { matchLabels: { a: "b" } } } },
      },
    ]);
  });

  test("a deletion is asked about with the object that goes", async () => {
    await fixture.make([maps, map("going", { a: "1" })]);
    const server = await serve(() => ({ allowed: false, status: { message: "it stays" } }));
    await register("validating", "keeper", {
      clientConfig: server.clientConfig(),
      rules: [{ ...aboutMaps, operations: ["DELETE"] }],
    });
    const answer = await fixture.call("DELETE", `${maps}/going`, { body: { gracePeriodSeconds: 0 } });
    expect(String(answer.body.message)).toContain("it stays");
    expect(server.asked).toMatchObject([
      {
        operation: "DELETE",
        name: "going",
        object: null,
        oldObject: { data: { a: "1" } },
        options: { kind: "DeleteOptions", gracePeriodSeconds: 0 },
      },
    ]);
  });

  test("a webhook with side effects is not asked on a dry run", async () => {
    const server = await serve(() => ({}));
    await register("validating", "dry", { clientConfig: server.clientConfig(), sideEffects: "NoneOnDryRun" });
    expect((await fixture.call("POST", `${maps}?dryRun=All`, { body: map("dry") })).status).toBe(201);
    expect(server.asked).toMatchObject([{ dryRun: true, options: { dryRun: ["All"] } }]);
  });

  test("no webhook is asked about the configuration of webhooks", async () => {
    const server = await serve(() => ({ allowed: false }));
    const rules = [{ apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"], operations: ["*"] }];
    await register("validating", "everything", { clientConfig: server.clientConfig(), rules });
    expect((await fixture.call("POST", maps, { body: map("locked") })).status).toBe(400);
    const answer = await fixture.call("DELETE", `${registrations}/${kinds.validating}/everything`);
    expect(answer.status).toBe(200);
  });
});

describe("mutating webhooks", () => {
  test("patches are applied one after the other, in the order of the configurations' names", async () => {
    const server = await serve({
      "/first": () => patchOf([{ op: "add", path: "/data", value: { first: "1" } }]),
      "/second": (request) => patchOf([{ op: "add", path: "/data/second", value: JSON.stringify(request.object) }]),
    });
    await register("mutating", "b", { clientConfig: server.clientConfig("/second") });
    await register("mutating", "a", { clientConfig: server.clientConfig("/first") });
    const { body } = await fixture.call("POST", maps, { body: { metadata: { name: "patched" } } });
    expect(body.data?.first).toBe("1");
    expect(JSON.parse(String(body.data?.second))).toMatchObject({ data: { first: "1" } });
  });

  test("what a webhook makes of an object is validated like any other", async () => {
    const server = await serve(() => patchOf([{ op: "add", path: "/data", value: { "not a key": "1" } }]));
    await register("mutating", "spoiler", { clientConfig: server.clientConfig() });
    const answer = await fixture.call("POST", maps, { body: map("spoiled") });
    expect(answer.status).toBe(422);
  });

  test("a webhook that wants to know is asked again when another changed the object after it, once", async () => {
    const count = (request: { object: unknown }) => {
      const { data } = request.object as { data?: Record<string, string> };
      return patchOf([{ op: "add", path: "/data", value: { ...data, asked: String(Number(data?.asked ?? 0) + 1) } }]);
    };
    const server = await serve({
      "/again": count,
      "/last": () => patchOf([{ op: "add", path: "/data/last", value: "1" }]),
    });
    await register(
      "mutating",
      "rounds",
      { name: "again.example.com", clientConfig: server.clientConfig("/again"), reinvocationPolicy: "IfNeeded" },
      { name: "last.example.com", clientConfig: server.clientConfig("/last") },
    );
    const { body } = await fixture.call("POST", maps, { body: map("rounds") });
    expect(body.data).toEqual({ asked: "2", last: "1" });
    expect(server.asked.length).toBe(3);
  });

  test("the server's own plugins run again over what a webhook changed", async () => {
    const rules = [{ ...aboutMaps, resources: ["pods"], operations: ["CREATE"] }];
    const container = { name: "sidecar", image: "side" };
    const server = await serve(() => patchOf([{ op: "add", path: "/spec/containers/-", value: container }]));
    await register("mutating", "sidecar", { clientConfig: server.clientConfig(), rules });
    const { body } = await fixture.call("POST", "/api/v1/namespaces/default/pods", {
      body: { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } },
    });
    const containers = body.spec?.containers as unknown as { name: string; volumeMounts: object[] }[];
    expect(containers.map(({ name, volumeMounts }) => [name, volumeMounts.length])).toEqual([
      ["c", 1],
      ["sidecar", 1],
    ]);
  });

  test("a patch that cannot be applied is an error, whatever the failure policy says", async () => {
    const server = await serve(() => patchOf([{ op: "remove", path: "/data/absent" }]));
    await register("mutating", "wrong", { clientConfig: server.clientConfig(), failurePolicy: "Ignore" });
    const answer = await fixture.call("POST", maps, { body: map("wrong") });
    expect(answer.status).toBe(500);
  });

  test("a webhook that makes requests of the kind it is asked about does not stand in its own way", async () => {
    const server = await serve(async (request) => {
      const name = `${request.object?.metadata.name}x`;
      if (name.length > 20) return {};
      const inner = await fixture.call("POST", maps, { body: map(name) });
      return { allowed: inner.status === 201 };
    });
    await register("validating", "loop", { clientConfig: server.clientConfig(), timeoutSeconds: 30 });
    expect((await fixture.call("POST", maps, { body: map("loop") })).status).toBe(201);
    expect(server.asked.length).toBe(17);
  });
});

describe("webhooks and subresources", () => {
  const pods = "/api/v1/namespaces/default/pods";
  const rule = (resource: string, operation: string, group = "") => ({
    rules: [{ apiGroups: [group], apiVersions: ["v1"], resources: [resource], operations: [operation] }],
  });
  const container = { containers: [{ name: "c", image: "i" }] };

  test("a scale is asked about as a Scale, and changed as one", async () => {
    const deployments = "/apis/apps/v1/namespaces/default/deployments";
    const template = { metadata: { labels: { a: "b" } }, spec: container };
    await fixture.make([
      deployments,
      { metadata: { name: "scaled" }, spec: { replicas: 1, selector: { matchLabels: { a: "b" } }, template } },
    ]);
    const server = await serve(() => patchOf([{ op: "replace", path: "/spec/replicas", value: 2 }]));
    const about = rule("deployments/scale", "UPDATE", "apps");
    await register("mutating", "scale", { clientConfig: server.clientConfig(), ...about });
    const body = { metadata: { name: "scaled" }, spec: { replicas: 9 } };
    const answer = await fixture.call("PUT", `${deployments}/scaled/scale`, { body });
    expect(answer.body.spec).toEqual({ replicas: 2 });
    expect(server.asked).toMatchObject([
      {
        kind: { group: "autoscaling", version: "v1", kind: "Scale" },
        resource: { group: "apps", version: "v1", resource: "deployments" },
        subResource: "scale",
        requestSubResource: "scale",
        object: { kind: "Scale", spec: { replicas: 9 } },
        oldObject: { kind: "Scale", spec: { replicas: 1 } },
      },
    ]);
  });

  test("an eviction is asked about before the pod goes", async () => {
    await fixture.make([pods, { metadata: { name: "evicted" }, spec: container }]);
    const server = await serve(() => ({ allowed: false, status: { message: "not now" } }));
    await register("validating", "eviction", {
      clientConfig: server.clientConfig(),
      ...rule("pods/eviction", "CREATE"),
    });
    const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "evicted" } };
    const answer = await fixture.call("POST", `${pods}/evicted/eviction`, { body });
    expect(String(answer.body.message)).toContain("not now");
    expect((await fixture.call("GET", `${pods}/evicted`)).status).toBe(200);
    expect(server.asked).toMatchObject([
      { kind: { group: "policy", kind: "Eviction" }, name: "evicted", operation: "CREATE" },
    ]);
  });

  test("a connection is asked about with its options", async () => {
    const server = await serve(() => ({ allowed: false, status: { message: "keep out" } }));
    await register("validating", "connect", {
      clientConfig: server.clientConfig(),
      ...rule("services/proxy", "CONNECT"),
    });
    const answer = await fixture.call("GET", "/api/v1/namespaces/default/services/web/proxy/admin");
    expect(String(answer.body.message)).toContain("keep out");
    expect(server.asked).toMatchObject([
      {
        operation: "CONNECT",
        object: { kind: "ServiceProxyOptions", apiVersion: "v1", path: "/admin" },
        oldObject: null,
      },
    ]);
  });

  test("a rule for a resource alone is not about its subresources", async () => {
    await fixture.make([pods, { metadata: { name: "quiet" }, spec: container }]);
    const server = await serve(() => ({ allowed: false }));
    await register("validating", "whole", { clientConfig: server.clientConfig(), ...rule("pods", "UPDATE") });
    const answer = await fixture.call("PATCH", `${pods}/quiet/status`, {
      body: { status: { phase: "Running" } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    expect(answer.status).toBe(200);
  });
});

describe("webhook configurations of v1beta1", () => {
  test("mean what they meant then", async () => {
    const server = await serve(() => ({ allowed: false, status: { message: "as ever" } }));
    const webhook = { name: "old.example.com", clientConfig: server.clientConfig(), rules: [aboutMaps] };
    const path = `/apis/admissionregistration.k8s.io/v1beta1/${kinds.validating}`;
    const made = await fixture.call("POST", path, { body: { metadata: { name: "old" }, webhooks: [webhook] } });
    expect(made.status).toBe(201);
    expect(made.body.webhooks).toMatchObject([
      {
        failurePolicy: "Ignore",
        matchPolicy: "Exact",
        sideEffects: "Unknown",
        timeoutSeconds: 30,
        admissionReviewVersions: ["v1beta1"],
      },
    ]);
    const refused = await fixture.call("POST", maps, { body: map("old") });
    expect(String(refused.body.message)).toContain("as ever");
    const dry = await fixture.call("POST", `${maps}?dryRun=All`, { body: map("old") });
    expect(dry.body.message).toBe('admission webhook "old.example.com" does not support dry run');
  });

  test("v1 takes no webhook that does not say what it does besides", async () => {
    const webhook = {
      name: "new.example.com",
      clientConfig: { url: "https://example.com" },
      sideEffects: "Unknown",
      admissionReviewVersions: ["v1"],
    };
    const answer = await fixture.call("POST", `${registrations}/${kinds.validating}`, {
      body: { metadata: { name: "new" }, webhooks: [webhook] },
    });
    expect(answer.body.message).toBe(
      'ValidatingWebhookConfiguration.admissionregistration.k8s.io "new" is invalid: webhooks[0].sideEffects: Unsupported value: "Unknown": supported values: "None", "NoneOnDryRun"',
    );
  });
});
