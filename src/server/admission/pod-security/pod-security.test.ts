import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const label = (name: string) => `pod-security.kubernetes.io/${name}`;
const bad = { containers: [{ name: "c", image: "i", securityContext: { privileged: true } }] };
const violation = 'privileged (container "c" must not set securityContext.privileged=true)';

async function namespace(name: string, labels: Record<string, string>): Promise<string> {
  const set = Object.fromEntries(Object.entries(labels).map(([key, value]) => [label(key), value]));
  await fixture.make(
    ["/api/v1/namespaces", { metadata: { name, labels: set } }],
    [`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: "default" } }],
  );
  return `/api/v1/namespaces/${name}`;
}

describe("pod security", () => {
  test("a pod that violates the enforced level is refused in upstream's words", async () => {
    const place = await namespace("enforced", { enforce: "baseline", "enforce-version": "v1.30" });
    const { status, body } = await fixture.call("POST", `${place}/pods`, {
      body: { metadata: { name: "p" }, spec: bad },
    });
    expect([status, body.message]).toEqual([
      403,
      `pods "p" is forbidden: violates PodSecurity "baseline:v1.30": ${violation}`,
    ]);
  });

  test("a workload is made all the same, with a warning about its template", async () => {
    const place = await namespace("warned", { warn: "baseline", enforce: "baseline" });
    const template = { metadata: { labels: { a: "b" } }, spec: bad };
    const body = { metadata: { name: "d" }, spec: { selector: { matchLabels: { a: "b" } }, template } };
    const path = place.replace("/api/v1", "/apis/apps/v1");
    const answer = await fixture.call("POST", `${path}/deployments`, { body });
    expect(answer.status).toBe(201);
    const escaped = violation.replaceAll('"', '\\"');
    expect(answer.headers.warning).toEqual([`299 - "would violate PodSecurity \\"baseline:latest\\": ${escaped}"`]);
  });

  test("a change that adds no container and no image is not checked", async () => {
    const place = await namespace("later", {});
    await fixture.make([`${place}/pods`, { metadata: { name: "old" }, spec: bad }]);
    const headers = { "content-type": "application/merge-patch+json" };
    const raised = await fixture.call("PATCH", place, {
      headers,
      body: { metadata: { labels: { [label("enforce")]: "baseline" } } },
    });
    expect(raised.headers.warning).toEqual([
      '299 - "existing pods in namespace \\"later\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
      '299 - "old: privileged"',
    ]);
    const labelled = await fixture.call("PATCH", `${place}/pods/old`, {
      headers,
      body: { metadata: { labels: { a: "b" } } },
    });
    expect(labelled.status).toBe(200);
    const spec = { containers: [{ name: "c", image: "other" }] };
    const patched = await fixture.call("PATCH", `${place}/pods/old`, {
      headers: { "content-type": "application/strategic-merge-patch+json" },
      body: { spec },
    });
    expect(patched.status).toBe(403);
  });

  test("a label that names no level is refused", async () => {
    const { status, body } = await fixture.call("POST", "/api/v1/namespaces", {
      body: { metadata: { name: "wrong", labels: { [label("enforce")]: "strict", [label("warn-version")]: "v2" } } },
    });
    expect(status).toBe(422);
    expect(body.message).toBe(
      'Namespace "wrong" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2": must be "latest" or "v1.x"]',
    );
  });
});
