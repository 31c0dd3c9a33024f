import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";
import { resourceQuota } from "./resource-quota.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

type Amounts = Record<string, string>;

/** A namespace with a quota whose status is known, as its controller would make it. */
async function namespace(
  name: string,
  ...quotas: readonly { readonly hard: Amounts; readonly [more: string]: unknown }[]
) {
  const place = `/api/v1/namespaces/${name}`;
  await fixture.make(
    ["/api/v1/namespaces", { metadata: { name } }],
    [`${place}/serviceaccounts`, { metadata: { name: "default" } }],
  );
  for (const [index, spec] of quotas.entries()) {
    const path = `${place}/resourcequotas`;
    await fixture.make([path, { metadata: { name: `q${index}` }, spec }]);
    const used = Object.fromEntries(Object.keys(spec.hard).map((key) => [key, "0"]));
    await fixture.call("PATCH", `${path}/q${index}/status`, {
      body: { status: { hard: spec.hard, used } },
      headers: { "content-type": "application/merge-patch+json" },
    });
  }
  return place;
}

const used = async (place: string, quota = "q0") => {
  const { body } = await fixture.call("GET", `${place}/resourcequotas/${quota}`);
  return body.status?.used as unknown as Amounts;
};
const pod = (name: string, resources: object = {}, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "i", resources }], ...spec },
});
const text = (answer: { readonly body: { readonly message?: unknown } }) => String(answer.body.message);

describe("resource quota", () => {
  test("sixty-four creators at once never exceed a limit, and each unit of it is used", async () => {
    const place = await namespace("crowd", { hard: { "count/configmaps": "20", configmaps: "20" } });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        fixture.call("POST", `${place}/configmaps`, { body: { metadata: { name: `m${index}` } } }),
      ),
    );
    const codes = answers.map(({ status }) => status).sort();
    expect(codes).toEqual([...Array(20).fill(201), ...Array(44).fill(403)]);
    const refused = answers.find(({ status }) => status === 403);
    expect(text(refused ?? answers[0]!)).toMatch(
      /^configmaps "m\d+" is forbidden: exceeded quota: q0, requested: configmaps=1,count\/configmaps=1, used: configmaps=20,count\/configmaps=20, limited: configmaps=20,count\/configmaps=20$/,
    );
    const { body } = await fixture.call("GET", `${place}/configmaps`);
    expect((body.items as unknown as readonly unknown[]).length).toBe(20);
    expect(await used(place)).toEqual({ "count/configmaps": "20", configmaps: "20" });
  });

  test("creators of different sizes fill a quota of memory without passing it", async () => {
    const place = await namespace("sizes", { hard: { "requests.memory": "100Mi" } });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        fixture.call("POST", `${place}/pods`, {
          body: pod(`p${index}`, { requests: { memory: `${(index % 7) + 1}Mi` } }),
        }),
      ),
    );
    const made = answers.flatMap(({ status }, index) => (status === 201 ? [(index % 7) + 1] : []));
    const sum = made.reduce((a, b) => a + b, 0);
    expect(await used(place)).toEqual({ "requests.memory": `${sum}Mi` });
    expect(sum).toBeLessThanOrEqual(100);
    expect(answers.some(({ status }) => status === 403)).toBe(true);
  });

  test("what does not fit one of several quotas is booked in none", async () => {
    const place = await namespace("several", { hard: { configmaps: "5" } }, { hard: { "count/configmaps": "0" } });
    const answer = await fixture.call("POST", `${place}/configmaps`, { body: { metadata: { name: "m" } } });
    expect(answer.status).toBe(403);
    expect(await used(place)).toEqual({ configmaps: "0" });
  });

  test("a count that is older than what is there takes nothing back, one that is not gives back what went", async () => {
    const place = await namespace("stale", { hard: { configmaps: "2" } });
    await fixture.make(
      [`${place}/configmaps`, { metadata: { name: "a" } }],
      [`${place}/configmaps`, { metadata: { name: "b" } }],
    );
    const count = async (configmaps: string) => {
      await fixture.call("PATCH", `${place}/resourcequotas/q0/status`, {
        body: { status: { used: { configmaps } } },
        headers: { "content-type": "application/merge-patch+json" },
      });
      return used(place);
    };
    expect(await count("1")).toEqual({ configmaps: "2" });
    await fixture.call("DELETE", `${place}/configmaps/a`);
    expect(await count("1")).toEqual({ configmaps: "1" });
  });

  test("what is booked for an object on its way stays booked, whoever counts meanwhile", async () => {
    const place = await namespace("flying", { hard: { configmaps: "1" } });
    const plugin = resourceQuota(fixture.server.registry, systemClock);
    type Arguments = Parameters<NonNullable<typeof plugin.validate>>;
    const served = fixture.server.registry.find("v1", "configmaps")?.served;
    const ask = {
      operation: "CREATE",
      namespace: "flying",
      group: "",
      resource: "configmaps",
      subresource: "",
      dryRun: false,
    };
    const object = { metadata: { name: "coming", namespace: "flying" } } as NonNullable<Arguments[0]>;
    await plugin.validate?.(object, undefined, { ...ask, served } as unknown as Arguments[2]);
    expect(await used(place)).toEqual({ configmaps: "1" });
    const held = (await fixture.call("GET", `${place}/resourcequotas/q0`)).body as unknown as NonNullable<Arguments[0]>;
    const lower = { ...held, status: { ...(held.status as object), used: { configmaps: "0" } } };
    const status = {
      operation: "UPDATE",
      namespace: "flying",
      group: "",
      resource: "resourcequotas",
      subresource: "status",
    };
    const pass = { round: 0, reinvoke: () => {}, memory: new Map() } as const;
    const written = await plugin.mutate?.(lower, held, status as unknown as Arguments[2], pass);
    expect(written?.status).toMatchObject({ used: { configmaps: "1" } });
    plugin[Symbol.dispose]?.();
  });

  test("a dry run is checked and booked nowhere", async () => {
    const place = await namespace("dry", { hard: { configmaps: "1" } });
    const path = `${place}/configmaps?dryRun=All`;
    expect((await fixture.call("POST", path, { body: { metadata: { name: "a" } } })).status).toBe(201);
    expect(await used(place)).toEqual({ configmaps: "0" });
  });

  test("a container that does not say what a quota limits is named", async () => {
    const place = await namespace("silent", { hard: { "limits.cpu": "1", memory: "1Gi" } });
    const answer = await fixture.call("POST", `${place}/pods`, { body: pod("p", { requests: { memory: "1Mi" } }) });
    expect(text(answer)).toBe('pods "p" is forbidden: failed quota: q0: must specify limits.cpu for: c');
  });

  test("a quota that nobody has counted yet lets nothing pass", async () => {
    const place = await namespace("new", { hard: { configmaps: "5" } });
    await fixture.call("PATCH", `${place}/resourcequotas/q0/status`, {
      body: { status: { used: null } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    const answer = await fixture.call("POST", `${place}/configmaps`, { body: { metadata: { name: "m" } } });
    expect(text(answer)).toContain("status unknown for quota: q0, resources: configmaps");
  });

  test.each([
    ["BestEffort", { scopes: ["BestEffort"] }, pod("p"), pod("other", { requests: { cpu: "1m" } })],
    ["Terminating", { scopes: ["Terminating"] }, pod("p", {}, { activeDeadlineSeconds: 5 }), pod("other")],
    [
      "PriorityClass",
      { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } },
      pod("p", {}, { priorityClassName: "high" }),
      pod("other"),
    ],
    [
      "CrossNamespacePodAffinity",
      { scopes: ["CrossNamespacePodAffinity"] },
      pod(
        "p",
        {},
        {
          affinity: {
            podAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 1, podAffinityTerm: { topologyKey: "zone", labelSelector: {}, namespaces: ["x"] } },
              ],
            },
          },
        },
      ),
      pod("other"),
    ],
  ])("the scope %s limits the pods within it alone", async (scope, spec, inside, outside) => {
    if (scope === "PriorityClass") {
      await fixture.make(["/apis/scheduling.k8s.io/v1/priorityclasses", { metadata: { name: "high" }, value: 10 }]);
    }
    const place = await namespace(`scope-${scope.toLowerCase()}`, { hard: { pods: "0" }, ...spec });
    expect(text(await fixture.call("POST", `${place}/pods`, { body: inside }))).toContain("exceeded quota: q0");
    expect((await fixture.call("POST", `${place}/pods`, { body: outside })).status).toBe(201);
  });

  test("services count their node ports, claims their storage by class, other kinds as objects of their group", async () => {
    const place = await namespace("kinds", {
      hard: {
        "services.nodeports": "3",
        "gold.storageclass.storage.k8s.io/requests.storage": "10Gi",
        "count/deployments.apps": "1",
      },
    });
    const ports = [1, 2].map((port) => ({ name: `p${port}`, port }));
    const service = (name: string) => ({ metadata: { name }, spec: { type: "NodePort", ports } });
    expect((await fixture.call("POST", `${place}/services`, { body: service("a") })).status).toBe(201);
    expect(text(await fixture.call("POST", `${place}/services`, { body: service("b") }))).toContain(
      "requested: services.nodeports=2, used: services.nodeports=2, limited: services.nodeports=3",
    );
    const claim = (name: string, storage: string) => ({
      metadata: { name },
      spec: { storageClassName: "gold", accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
    });
    expect((await fixture.call("POST", `${place}/persistentvolumeclaims`, { body: claim("a", "6Gi") })).status).toBe(
      201,
    );
    expect((await fixture.call("POST", `${place}/persistentvolumeclaims`, { body: claim("b", "6Gi") })).status).toBe(
      403,
    );
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const deployment = (name: string) => ({
      metadata: { name },
      spec: { selector: { matchLabels: { a: "b" } }, template },
    });
    const path = "/apis/apps/v1/namespaces/kinds/deployments";
    expect((await fixture.call("POST", path, { body: deployment("a") })).status).toBe(201);
    expect((await fixture.call("POST", path, { body: deployment("b") })).status).toBe(403);
  });

  test("a resource that is limited by configuration needs a quota that covers it", async () => {
    const place = await namespace("uncovered");
    const plugin = resourceQuota(fixture.server.registry, systemClock, [
      { group: "", resource: "configmaps", matchContains: ["configmaps"] },
    ]);
    const found = fixture.server.registry.find("v1", "configmaps");
    const request = { operation: "CREATE", namespace: place.split("/").at(-1), group: "", resource: "configmaps" };
    const object = { metadata: { name: "m" } };
    const asked = { ...request, served: found?.served } as unknown as Parameters<
      NonNullable<typeof plugin.validate>
    >[2];
    const checked = plugin.validate?.(object as Parameters<NonNullable<typeof plugin.validate>>[0], undefined, asked);
    await expect(checked).rejects.toThrow("insufficient quota to consume: configmaps,count/configmaps");
  });
});
