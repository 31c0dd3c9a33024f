import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { requestInfo } from "../request-info.ts";
import { alice, openServerFixture } from "../server-fixture.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { AuditEvent } from "./audit-event.ts";
import { readAuditPolicy } from "./audit-policy.ts";
import { logBackend } from "./log-backend.ts";
import { webhookBackend } from "./webhook-backend.ts";

const policyOf = (rules: string) => readAuditPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\n${rules}`);

async function open(rules: string) {
  const events: AuditEvent[] = [];
  const backend = { write: (event: AuditEvent) => void events.push(event), [Symbol.asyncDispose]: async () => {} };
  const fixture = await openServerFixture({ audit: { policy: policyOf(rules), backends: [backend] } });
  events.length = 0;
  return { ...fixture, events };
}

const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { password: "hunter2" } };
const secrets = "/api/v1/namespaces/default/secrets";

describe("a policy", () => {
  const rules = `
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:kube-proxy"], verbs: [watch]}
- {level: Metadata, resources: [{group: "", resources: [secrets, "pods/log"]}]}
- {level: Request, resources: [{group: apps, resources: [deployments], resourceNames: [web]}], omitStages: [ResponseStarted]}
- {level: None, nonResourceURLs: ["/healthz*", "/version"]}
- {level: RequestResponse, namespaces: [kube-system]}
- {level: Request, userGroups: [devs], resources: [{group: "", resources: ["*/status"]}]}
- {level: Metadata, verbs: [delete]}`;
  test.each([
    { user: "system:kube-proxy", path: "/api/v1/pods?watch=1", level: "None" },
    { user: "jane", path: "/api/v1/namespaces/a/secrets/b", level: "Metadata" },
    { user: "jane", path: "/api/v1/namespaces/a/pods/b/log", level: "Metadata" },
    { user: "jane", path: "/api/v1/namespaces/a/pods/b", level: "None" },
    { user: "jane", path: "/apis/apps/v1/namespaces/a/deployments/web", level: "Request" },
    { user: "jane", path: "/apis/apps/v1/namespaces/a/deployments/other", level: "None" },
    { user: "jane", path: "/healthz/etcd", level: "None" },
    { user: "jane", path: "/api/v1/namespaces/kube-system/pods", level: "RequestResponse" },
    { user: "jane", path: "/api/v1/nodes/n/status", level: "Request" },
    { user: "jane", path: "/api/v1/nodes/n", method: "DELETE", level: "Metadata" },
  ])("$user and $path: $level", ({ user, path, level, method = "GET" }) => {
    const decision = policyOf(rules)({ name: user, groups: ["devs"] }, requestInfo(method, path));
    expect(decision.level).toBe(level);
    expect(decision.omitStages.has("RequestReceived")).toBe(true);
  });

  test.each([
    { rules: "", says: "rules: Required value" },
    { rules: "rules: [{level: All}]", says: 'rules[0].level: Unsupported value: "All"' },
    { rules: "rules: [{level: None, omitStages: [Never]}]", says: 'rules[0].omitStages: "Never" is no stage' },
    {
      rules: "rules: [{level: None, nonResourceURLs: [/x], namespaces: [a]}]",
      says: "rules cannot apply to both regular resources and non-resource URLs",
    },
    { rules: "rules: [{level: None, nonResourceURLs: ['/a*b']}]", says: "a star must be its end" },
    { rules: "rules: [{level: None, resources: [{resourceNames: [a]}]}]", says: "using resourceNames requires" },
  ])("is refused: $says", ({ rules: given, says }) => {
    expect(() => policyOf(given)).toThrow(says);
  });
});

describe("events", () => {
  test("say who did what, by which right, and what came of it", async () => {
    await using bench = await open("rules: [{level: Metadata}]");
    await bench.call("POST", secrets, { body: secret, headers: { "x-forwarded-for": "10.1.1.1" } });
    expect(bench.events.map(({ stage }) => stage)).toEqual(["RequestReceived", "ResponseComplete"]);
    expect(bench.events[1]).toMatchObject({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "Metadata",
      auditID: bench.events[0]?.auditID,
      verb: "create",
      requestURI: secrets,
      user: { username: "admin", groups: ["system:masters", "system:authenticated"] },
      userAgent: "test",
      sourceIPs: ["10.1.1.1"],
      objectRef: { resource: "secrets", namespace: "default", apiVersion: "v1" },
      responseStatus: { code: 201 },
      annotations: { "authorization.k8s.io/decision": "allow" },
    });
    expect(JSON.stringify(bench.events)).not.toContain("hunter2");
  });

  test("tell refusals with their reason, and for whom somebody stood", async () => {
    await using bench = await open("rules: [{level: Metadata}]");
    const answer = await bench.call("GET", secrets, { headers: { "impersonate-user": "jane" } });
    expect(answer.status).toBe(403);
    expect(bench.events[1]).toMatchObject({
      user: { username: "admin" },
      impersonatedUser: { username: "jane" },
      responseStatus: { status: "Failure", reason: "Forbidden", code: 403 },
      annotations: { "authorization.k8s.io/decision": "forbid" },
    });
    expect(answer.headers["audit-id"]).toBe(bench.events[1]?.auditID);
  });

  test("are named in every answer, also where nothing is written down", async () => {
    await using fixture = await openServerFixture();
    const none: Readonly<Record<string, string>> = {};
    const ids = [];
    for (const headers of [none, { authorization: "Bearer not-a-token" }]) {
      const answer = await fixture.call("GET", secrets, { headers });
      expect(answer.headers["audit-id"]).toMatch(/^[0-9a-f-]{36}$/);
      ids.push(answer.headers["audit-id"]);
    }
    expect(new Set(ids).size).toBe(2);
    const asked = await fixture.call("GET", secrets, { headers: { "audit-id": "mine".repeat(20) } });
    expect(asked.headers["audit-id"]).toBe("mine".repeat(16));
  });

  test("tell wrong credentials without showing them", async () => {
    await using bench = await open("rules: [{level: RequestResponse}]");
    await bench.call("GET", secrets, { headers: { authorization: "Bearer not-a-token" } });
    expect(bench.events.at(-1)).toMatchObject({
      stage: "ResponseComplete",
      user: { username: "" },
      responseStatus: { code: 401, message: "Authentication failed, attempted: bearer" },
    });
    expect(JSON.stringify(bench.events)).not.toContain("not-a-token");
  });

  test.each([
    { level: "Request", sent: true, answered: false },
    { level: "RequestResponse", sent: true, answered: true },
  ])("of level $level carry what was sent, and what was answered only if asked for", async ({
    level,
    sent,
    answered,
  }) => {
    await using bench = await open(
      `omitStages: [RequestReceived]\nomitManagedFields: true\nrules: [{level: ${level}}]`,
    );
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1" } };
    await bench.call("POST", "/api/v1/namespaces/default/configmaps", { body });
    const [event] = bench.events;
    expect(event?.requestObject !== undefined).toBe(sent);
    expect(event?.responseObject !== undefined).toBe(answered);
    expect(event).toMatchObject({ requestObject: body, objectRef: { name: "c" } });
    expect(JSON.stringify(event)).not.toContain("managedFields");
  });

  test("of a watch tell its beginning and its end", async () => {
    await using bench = await open("omitStages: [RequestReceived]\nrules: [{level: Metadata, verbs: [watch]}]");
    await bench.call("GET", "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1");
    expect(bench.events.map(({ stage }) => stage)).toEqual(["ResponseStarted", "ResponseComplete"]);
  });

  test("keep the identifier that a client gave", async () => {
    await using bench = await open("rules: [{level: Metadata}]");
    await bench.call("GET", "/version", { as: alice, headers: { "audit-id": "from-the-client" } });
    expect(bench.events[0]?.auditID).toBe("from-the-client");
  });
});

const event = (text: string) => ({ requestURI: text }) as AuditEvent;

describe("the log", () => {
  test("is lines of JSON for its owner alone, turned when it is full, of which so many are kept", async () => {
    const folder = mkdtempSync(join(tmpdir(), "navarch-audit-"));
    try {
      const clock = new VirtualClock();
      const path = join(folder, "audit.log");
      {
        await using log = logBackend({ path, clock, log: silentLog, maxSize: 1, maxBackups: 2 });
        for (let index = 0; index < 5; index++) {
          log.write(event(`${index}${"x".repeat(700_000)}`));
          clock.advance(1000);
        }
      }
      const names = readdirSync(folder).sort();
      expect(names).toEqual(["audit-2026-01-01T00-00-03.000.log", "audit-2026-01-01T00-00-04.000.log", "audit.log"]);
      expect(JSON.parse(readFileSync(path, "utf8")).requestURI).toMatch(/^4x/);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the webhook", () => {
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

  function bench(answers: readonly ("ok" | "fail")[], options: object = {}) {
    const clock = new VirtualClock();
    const lists: { items: AuditEvent[] }[] = [];
    let calls = 0;
    const caller: WebhookCaller = {
      async post(_endpoint, body) {
        if (answers[calls++] === "fail") throw new Error("no answer");
        lists.push(body as { items: AuditEvent[] });
      },
      [Symbol.dispose]: () => {},
    };
    const metrics = new Metrics();
    const endpoint = { url: "https://audit.example.com" };
    const backend = webhookBackend({ endpoint, caller, clock, log: silentLog, metrics, ...options });
    return { clock, lists, metrics, backend, calls: () => calls };
  }

  test("gets events in lists, when there are enough or after a while", async () => {
    const { clock, lists, backend } = bench([], { maxBatch: 2 });
    for (const name of ["a", "b", "c"]) backend.write(event(name));
    await settled();
    expect(lists.map(({ items }) => items.map(({ requestURI }) => requestURI))).toEqual([["a", "b"], ["c"]]);
    backend.write(event("d"));
    await clock.pass(29_999, settled);
    expect(lists).toHaveLength(2);
    await clock.pass(1, settled);
    expect(lists[2]).toMatchObject({ kind: "EventList", apiVersion: "audit.k8s.io/v1", items: [{ requestURI: "d" }] });
  });

  test("is asked again after a failure, and given up in the end", async () => {
    const once = bench(["fail"], { maxBatch: 1 });
    once.backend.write(event("a"));
    await once.clock.pass(60_000, settled);
    expect(once.lists).toHaveLength(1);
    const never = bench(Array(9).fill("fail"), { maxBatch: 1 });
    never.backend.write(event("a"));
    await never.clock.pass(600_000, settled);
    expect(never.calls()).toBe(5);
    expect(await never.metrics.text()).toContain('apiserver_audit_error_total{plugin="webhook"} 1');
  });

  test("drops what does not fit and sends the rest at the end", async () => {
    const { lists, metrics, backend } = bench([], { bufferSize: 2 });
    for (const name of ["a", "b", "c"]) backend.write(event(name));
    await backend[Symbol.asyncDispose]();
    expect(lists[0]?.items).toHaveLength(2);
    expect(await metrics.text()).toContain('apiserver_audit_error_total{plugin="webhook"} 1');
  });
});
