import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const pods = "/api/v1/namespaces/default/pods";
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
    const finalize = (name: string, ...finalizers: readonly string[]) =>
      fixture.call("PUT", "/api/v1/namespaces/going/finalize", { body: { metadata: { name }, spec: { finalizers } } });
    expect((await finalize("other")).body.message).toBe(
      "the name of the object (other) does not match the name on the URL (going)",
    );
    expect((await finalize("going", "nobody")).body.message).toContain(
      'spec.finalizers[0]: Invalid value: "nobody": name is neither a standard finalizer name nor is it fully qualified',
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

  test("a limit range for pods counts the whole pod, with what runs beside it", async () => {
    const limits = [{ type: "Pod", max: { cpu: "2" } }];
    await fixture.make(
      ["/api/v1/namespaces", { metadata: { name: "whole" } }],
      ["/api/v1/namespaces/whole/serviceaccounts", { metadata: { name: "default" } }],
      ["/api/v1/namespaces/whole/limitranges", { metadata: { name: "l" }, spec: { limits } }],
    );
    const using = (name: string, cpu: string, more: object = {}) => ({
      name,
      image: "i",
      resources: { limits: { cpu } },
      ...more,
    });
    const spec = (beside: string) => ({
      containers: [using("c", "1")],
      initContainers: [using("side", beside, { restartPolicy: "Always" }), using("once", "500m")],
    });
    const make = (name: string, body: object) =>
      fixture.call("POST", "/api/v1/namespaces/whole/pods", { body: pod(name, body) });
    expect((await make("fits", spec("1"))).status).toBe(201);
    expect((await make("large", spec("1500m"))).body.message).toBe(
      'pods "large" is forbidden: maximum cpu usage per Pod is 2, but limit is 2500m',
    );
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

  test("a quota counts what is made and refuses what exceeds it", async () => {
    const quota = { metadata: { name: "q" }, spec: { hard: { "count/configmaps": "1" } } };
    await fixture.make(
      ["/api/v1/namespaces", { metadata: { name: "counted" } }],
      ["/api/v1/namespaces/counted/resourcequotas", quota],
    );
    await fixture.call("PATCH", "/api/v1/namespaces/counted/resourcequotas/q/status", {
      body: { status: { hard: { "count/configmaps": "1" }, used: { "count/configmaps": "0" } } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    const make = (name: string) =>
      fixture.call("POST", "/api/v1/namespaces/counted/configmaps", { body: { metadata: { name } } });
    expect((await make("a")).status).toBe(201);
    expect((await make("b")).body.message).toBe(
      'configmaps "b" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
    );
  });
});
