import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const resources = "/apis/extensions/v1beta1/thirdpartyresources";
const cronTabs = "/apis/stable.example.com/v1/namespaces/default/crontabs";

test("the manifest of 2016 brings its kind, whose objects keep all that they say", async () => {
  const manifest = `metadata:
  name: cron-tab.stable.example.com
apiVersion: extensions/v1beta1
kind: ThirdPartyResource
description: "A specification of a Pod to run on a cron style schedule"
versions:
  - name: stable/v1
  - name: v1
`;
  const yaml = { "content-type": "application/yaml" };
  const made = await fixture.call("POST", resources, { body: manifest, headers: yaml });
  expect(made.status, made.text).toBe(201);
  await vi.waitFor(async () => expect((await fixture.call("GET", cronTabs)).status).toBe(200), 20_000);
  const object = {
    apiVersion: "stable.example.com/v1",
    kind: "CronTab",
    metadata: { name: "my-new-cron-object" },
    cronSpec: "* * * * /5",
    image: "my-awesome-cron-image",
  };
  await fixture.make([cronTabs, object]);
  const read = await fixture.call("GET", `${cronTabs}/my-new-cron-object`);
  expect(read.body).toMatchObject({ cronSpec: "* * * * /5", image: "my-awesome-cron-image" });
});

test("the network policies of 1.2 are served at the path that is printed, though kubernetes.io is no third party", async () => {
  const manifest = {
    kind: "ThirdPartyResource",
    apiVersion: "extensions/v1beta1",
    metadata: { name: "network-policy.net.alpha.kubernetes.io" },
    description: "Network policy specification",
    versions: [{ name: "v1alpha1" }],
  };
  await fixture.make([resources, manifest]);
  const policies = "/apis/net.alpha.kubernetes.io/v1alpha1/namespaces/default/networkpolicys/";
  await vi.waitFor(async () => expect((await fixture.call("GET", policies)).status).toBe(200), 20_000);
  const spec = {
    allowIncoming: { from: [{ pods: { segment: "frontend" } }], toPorts: [{ port: 80, protocol: "TCP" }] },
    podSelector: { segment: "backend" },
  };
  const made = await fixture.call("POST", policies, {
    body: { kind: "NetworkPolicy", metadata: { name: "pol1" }, spec },
  });
  expect(made.status, made.text).toBe(201);
  expect(made.body).toMatchObject({ apiVersion: "net.alpha.kubernetes.io/v1alpha1", spec });
});

test("the same policy as extensions/v1beta1 is read as what was shipped, with a warning", async () => {
  const spec = {
    allowIncoming: { from: [{ pods: { segment: "frontend" } }], toPorts: [{ port: 80 }] },
    podSelector: { segment: "backend" },
  };
  const policies = "/apis/extensions/v1beta1/namespaces/default/networkpolicies?fieldValidation=Strict";
  const made = await fixture.call("POST", policies, { body: { metadata: { name: "pol1" }, spec } });
  expect(made.status, made.text).toBe(201);
  expect(made.headers.warning).toEqual([
    '299 - "spec.allowIncoming is read as spec.ingress, and its labels as selectors: write it that way"',
  ]);
  const today = await fixture.call("GET", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/pol1");
  expect(today.body.spec).toEqual({
    podSelector: { matchLabels: { segment: "backend" } },
    ingress: [
      { ports: [{ protocol: "TCP", port: 80 }], from: [{ podSelector: { matchLabels: { segment: "frontend" } } }] },
    ],
    policyTypes: ["Ingress"],
  });
});

test("it is read so too when it is applied", async () => {
  const applied = await fixture.call(
    "PATCH",
    "/apis/extensions/v1beta1/namespaces/default/networkpolicies/pol2?fieldManager=kubectl",
    {
      headers: { "content-type": "application/apply-patch+yaml" },
      body: {
        apiVersion: "extensions/v1beta1",
        kind: "NetworkPolicy",
        metadata: { name: "pol2" },
        spec: { allowIncoming: { from: [{ pods: { segment: "frontend" } }] }, podSelector: { segment: "backend" } },
      },
    },
  );
  expect(applied.status, applied.text).toBe(201);
  const today = await fixture.call("GET", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/pol2");
  expect(today.body.spec?.ingress).toEqual([{ from: [{ podSelector: { matchLabels: { segment: "frontend" } } }] }]);
});

test("when it goes, its kind goes too", async () => {
  await fixture.call("DELETE", `${resources}/cron-tab.stable.example.com`);
  await vi.waitFor(async () => expect((await fixture.call("GET", cronTabs)).status).toBe(404), 20_000);
});

test.each(["crontab", "cron_tab.stable.example.com", "crontab.local"])("%s is no name of a kind", async (name) => {
  const body = { metadata: { name }, versions: [{ name: "v1" }] };
  const refused = await fixture.call("POST", resources, { body });
  expect(refused.status).toBe(422);
});
