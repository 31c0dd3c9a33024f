import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { readAdmissionConfiguration } from "./admission-settings.ts";
import { eventRateLimit } from "./event-rate-limit.ts";
import { alwaysPullImages, denyServiceExternalIPs, podNodeSelector } from "./optional-plugins.ts";
import { admissionPlugins, type PluginContext } from "./plugins.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const merge = { "content-type": "application/merge-patch+json" };

describe("volumes", () => {
  const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  const grow = (name: string, storage: string) =>
    fixture.call("PATCH", `${claims}/${name}`, {
      headers: merge,
      body: { spec: { resources: { requests: { storage } } } },
    });

  test("a claim grows only where its class can expand volumes", async () => {
    const classes = "/apis/storage.k8s.io/v1/storageclasses";
    await fixture.make(
      [classes, { metadata: { name: "fixed" }, provisioner: "p" }],
      [classes, { metadata: { name: "growing" }, provisioner: "p", allowVolumeExpansion: true }],
    );
    for (const storageClassName of ["fixed", "growing"]) {
      const spec = { storageClassName, accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
      await fixture.make([claims, { metadata: { name: storageClassName }, spec }]);
      await fixture.call("PATCH", `${claims}/${storageClassName}/status`, {
        headers: merge,
        body: { status: { phase: "Bound" } },
      });
    }
    expect((await grow("growing", "2Gi")).status).toBe(200);
    expect((await grow("fixed", "2Gi")).body.message).toBe(
      'persistentvolumeclaims "fixed" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  });

  test("a volume's zone label and its node affinity follow from each other", async () => {
    const volumes = "/api/v1/persistentvolumes";
    const spec = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } };
    const labels = { "failure-domain.beta.kubernetes.io/zone": "z1__z2" };
    const old = await fixture.call("POST", volumes, { body: { metadata: { name: "old", labels }, spec } });
    expect(old.body.spec?.nodeAffinity).toEqual({
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In", values: ["z1", "z2"] }] },
        ],
      },
    });
    const matchExpressions = [{ key: "topology.kubernetes.io/zone", operator: "In", values: ["z3"] }];
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions }] } };
    const made = await fixture.call("POST", volumes, {
      body: { metadata: { name: "new" }, spec: { ...spec, nodeAffinity } },
    });
    expect(made.body.metadata?.labels).toEqual({ "topology.kubernetes.io/zone": "z3" });
  });
});

describe("priority classes", () => {
  test("there is one default at most", async () => {
    const path = "/apis/scheduling.k8s.io/v1/priorityclasses";
    await fixture.make([path, { metadata: { name: "usual" }, value: 1, globalDefault: true }]);
    const second = await fixture.call("POST", path, {
      body: { metadata: { name: "other" }, value: 2, globalDefault: true },
    });
    expect(second.body.message).toBe(
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
    const headers = { "content-type": "application/merge-patch+json" };
    const same = await fixture.call("PATCH", `${path}/usual`, { headers, body: { description: "x" } });
    expect(same.status).toBe(200);
  });
});

describe("subresources", () => {
  test("a bound pod learns the zone of its node", async () => {
    const labels = { "topology.kubernetes.io/zone": "z1", other: "x" };
    await fixture.make(
      ["/api/v1/nodes", { metadata: { name: "zoned", labels } }],
      [
        "/api/v1/namespaces/default/pods",
        { metadata: { name: "zoned" }, spec: { containers: [{ name: "c", image: "i" }] } },
      ],
    );
    const path = "/api/v1/namespaces/default/pods/zoned";
    await fixture.call("POST", `${path}/binding`, { body: { target: { kind: "Node", name: "zoned" } } });
    expect((await fixture.call("GET", path)).body.metadata?.labels).toEqual({ "topology.kubernetes.io/zone": "z1" });
  });
});

const request = (members: Partial<AdmissionRequest>) =>
  ({ dryRun: false, namespace: "default", user: { name: "u", groups: [] }, ...members }) as AdmissionRequest;
const asObject = (value: object) => value as AnyObject;
const pass = { round: 0, reinvoke: () => {}, memory: new Map() } as const;
const refused = async (run: () => unknown) => {
  try {
    await run();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
};

describe("plugins that are off by default", () => {
  test("AlwaysPullImages changes what pods say", async () => {
    const pod = asObject({
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i", imagePullPolicy: "Never" }] },
    });
    const changed = await alwaysPullImages.mutate?.(pod, undefined, request({}), pass);
    expect(changed?.spec).toMatchObject({ containers: [{ imagePullPolicy: "Always" }] });
    expect(await refused(() => alwaysPullImages.validate?.(pod, undefined, request({})))).toBe(
      'Pod "p" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "Never": supported values: "Always"',
    );
  });

  test("DenyServiceExternalIPs lets addresses go but not come", async () => {
    const service = (externalIPs: readonly string[]) => asObject({ metadata: { name: "s" }, spec: { externalIPs } });
    const check = (next: AnyObject, previous?: AnyObject) =>
      refused(() => denyServiceExternalIPs.validate?.(next, previous, request({})));
    expect(await check(service(["1.1.1.1"]))).toBe(
      'services "s" is forbidden: Use of external IPs is denied by admission control',
    );
    expect(await check(service(["1.1.1.1"]), service(["1.1.1.1", "2.2.2.2"]))).toBeUndefined();
  });

  test("PodNodeSelector adds the namespace's selector and refuses another", async () => {
    await fixture.make([
      "/api/v1/namespaces",
      { metadata: { name: "placed", annotations: { "scheduler.alpha.kubernetes.io/node-selector": "disk=ssd" } } },
    ]);
    const plugin = podNodeSelector(fixture.server.registry, { allowed: { placed: "disk=ssd" } });
    const pod = (nodeSelector?: object) =>
      asObject({ metadata: { name: "p" }, spec: { containers: [], ...(nodeSelector ? { nodeSelector } : {}) } });
    const ask = request({ namespace: "placed" });
    expect((await plugin.mutate?.(pod(), undefined, ask, pass))?.spec).toMatchObject({ nodeSelector: { disk: "ssd" } });
    expect(await refused(() => plugin.mutate?.(pod({ disk: "hdd" }), undefined, ask, pass))).toContain(
      "pod node label selector conflicts with its namespace node label selector",
    );
    expect(await refused(() => plugin.validate?.(pod({ zone: "a" }), undefined, ask))).toContain(
      "pod node label selector labels conflict with its namespace whitelist",
    );
  });

  test("EventRateLimit lets a burst pass, and as many again as time allows", async () => {
    const clock = new VirtualClock();
    const plugin: AdmissionPlugin = eventRateLimit([{ type: "Namespace", qps: 1, burst: 2 }], clock);
    const event = asObject({ metadata: { name: "e" } });
    const send = (namespace: string) => refused(() => plugin.validate?.(event, undefined, request({ namespace })));
    expect([await send("a"), await send("a")]).toEqual([undefined, undefined]);
    expect(await send("a")).toBe("limit reached on type Namespace for key a");
    expect(await send("b")).toBeUndefined();
    await clock.advance(1000);
    expect(await send("a")).toBeUndefined();
  });
});

describe("which plugins run", () => {
  const names = (settings: NonNullable<PluginContext["settings"]>) => {
    const context = {
      registry: fixture.server.registry,
      clock: systemClock,
      metrics: { histogram() {}, counter() {} },
      settings,
    };
    return admissionPlugins(context as unknown as PluginContext).map(({ name }) => name);
  };

  test("upstream's order: lifecycle first, policies before webhooks, quota last", () => {
    const list = names({});
    expect(list[0]).toBe("NamespaceLifecycle");
    expect(list.slice(-4)).toEqual([
      "MutatingAdmissionWebhook",
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionWebhook",
      "ResourceQuota",
    ]);
    expect(list).not.toContain("AlwaysPullImages");
  });

  test("flags switch plugins on and off, and know their names", () => {
    const list = names({ enable: ["AlwaysPullImages"], disable: ["Priority"] });
    expect([list.includes("AlwaysPullImages"), list.includes("Priority")]).toEqual([true, false]);
    expect(() => names({ enable: ["Nonsense"] })).toThrow('enable-admission-plugins plugin "Nonsense" is unknown');
    expect(() => names({ enable: ["Priority"], disable: ["Priority"] })).toThrow("[Priority] in both");
  });

  test("a configuration file is read, with the files that it names", () => {
    const files: Record<string, string> = { "/limits.yaml": "limits: [{type: Server, qps: 10, burst: 20}]" };
    const text = `
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: baseline, enforce-version: v1.30}
    exemptions: {namespaces: [kube-system]}
- name: EventRateLimit
  path: /limits.yaml
`;
    const read = readAdmissionConfiguration(text, (file) => files[file] ?? "");
    expect(read.podSecurity?.defaults.enforce).toEqual({ level: "baseline", minor: 30 });
    expect(read.podSecurity?.exemptions.namespaces.has("kube-system")).toBe(true);
    expect(read.eventLimits).toEqual([{ type: "Server", qps: 10, burst: 20 }]);
    const wrong = text.replace("enforce: baseline", "enforce: strict");
    expect(() => readAdmissionConfiguration(wrong, () => "")).toThrow(Fault);
  });
});

test("a pod that has no name yet is refused by what its name begins with", async () => {
  const body = {
    metadata: { generateName: "web-" },
    spec: { serviceAccountName: "nobody", containers: [{ name: "c", image: "img:1" }] },
  };
  const answer = await fixture.call("POST", "/api/v1/namespaces/default/pods", { body });
  expect(answer.body.message).toBe(
    'pods "web-" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  );
});
