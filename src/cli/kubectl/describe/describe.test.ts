import { expect, test } from "vitest";
import { StatusError } from "../../../machinery/status-error.ts";
import type { Api } from "../resources/api.ts";
import type { AnyObject, ResourceInfo } from "../resources/resource-info.ts";
import { describeObject } from "./describe.ts";
import type { DescribeContext } from "./describer.ts";
import { endpointsText } from "./endpoint-text.ts";
import { eventsText } from "./events.ts";
import { labelOf } from "./generic.ts";
import { laidOut } from "./text.ts";

const now = Date.parse("2016-03-17T12:00:00Z");

/** A server whose answers are listed by path; it has nothing else. */
function contextOf(answers: Readonly<Record<string, object>> = {}, showEvents = false): DescribeContext {
  const call = async ({ path }: { readonly path: string }) => {
    const answer = answers[path];
    if (!answer) throw new StatusError("NotFound", `nothing at ${path}`, { code: 404 });
    return answer;
  };
  return { api: { call } as unknown as Api, now, showEvents, chunkSize: 500 };
}

function infoOf(object: AnyObject, type: { readonly group?: string; readonly plural: string }): ResourceInfo {
  const { group = "", plural } = type;
  const names = { singular: "", shortNames: [], categories: [], verbs: [], subresources: [] };
  const resource = { group, version: "v1", kind: object.kind, plural, namespaced: true, ...names };
  return { resource, namespace: "default", name: object.metadata.name ?? "", source: "", object };
}

const metadata = { name: "a", namespace: "default", uid: "1" };

test("a pod tells the names of its ports", async () => {
  const ports = [{ name: "http", containerPort: 80, protocol: "TCP" }];
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [{ name: "c", image: "i", ports }] } };
  const text = await describeObject(infoOf(pod, { plural: "pods" }), contextOf());
  expect(text).toContain("    Port:         80/TCP (http)\n    Host Port:    0/TCP (http)\n");
});

test("a pod tells what it may use as a whole", async () => {
  const spec = { containers: [], resources: { limits: { cpu: "1000m" }, requests: { memory: "1024Mi" } } };
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec };
  const text = await describeObject(infoOf(pod, { plural: "pods" }), contextOf());
  expect(text).toMatch(/^Resources:\n {2}Limits:\n {4}cpu: {2}1\n {2}Requests:\n {4}memory: +1Gi$/m);
});

test("a projected source tells in words whether it may be missing", async () => {
  const volumes = [{ name: "v", projected: { sources: [{ configMap: { name: "m", optional: true } }] } }];
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], volumes } };
  const text = await describeObject(infoOf(pod, { plural: "pods" }), contextOf());
  expect(text).toMatch(/ConfigMapName: +m\n +Optional: +true\n/);
});

test("a service tells its traffic distribution", async () => {
  const spec = { type: "ClusterIP", clusterIP: "None", trafficDistribution: "PreferClose" };
  const service = { apiVersion: "v1", kind: "Service", metadata, spec };
  const text = await describeObject(infoOf(service, { plural: "services" }), contextOf());
  expect(text).toMatch(/^Traffic Distribution: +PreferClose$/m);
});

test("keys of a secret come in order, their values do not come at all", async () => {
  const secret = { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: { b: "Yg==", a: "YWE=" } };
  const text = await describeObject(infoOf(secret, { plural: "secrets" }), contextOf());
  expect(text.endsWith("Data\n====\na:  2 bytes\nb:  1 bytes\n")).toBe(true);
});

test("a pod that is gone leaves its events", async () => {
  const events = [{ type: "Normal", reason: "Killing", message: "Stopping", firstTimestamp: "2016-03-17T11:59:00Z" }];
  const context = contextOf(
    { "/api/v1/namespaces/default/events": { kind: "EventList", metadata: {}, items: events } },
    true,
  );
  const pod = { apiVersion: "v1", kind: "Pod", metadata };
  const info = { ...infoOf(pod, { plural: "pods" }), source: "pod.yaml" };
  const text = await describeObject(info, context);
  expect(text).toContain("but found events.\nEvents:\n");
  expect(text).toMatch(/Normal +Killing +60s/);
});

test("a deployment tells the set of its template as new and the others as old", async () => {
  const template = (hash?: string) => ({
    metadata: { labels: { app: "a", ...(hash ? { "pod-template-hash": hash } : {}) } },
    spec: { containers: [{ name: "c", image: hash === "old" ? "i:1" : "i:2" }] },
  });
  const setOf = (name: string, creationTimestamp: string) => ({
    metadata: {
      name,
      creationTimestamp,
      ownerReferences: [{ kind: "Deployment", name: "a", uid: "1", controller: true }],
    },
    spec: { replicas: 1, template: template(name) },
    status: { replicas: 1 },
  });
  const items = [setOf("old", "2016-03-17T10:00:00Z"), setOf("new", "2016-03-17T11:00:00Z")];
  const context = contextOf({
    "/apis/apps/v1/namespaces/default/replicasets": { kind: "ReplicaSetList", metadata: {}, items },
  });
  const spec = { replicas: 1, selector: { matchLabels: { app: "a" } }, template: template() };
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata, spec };
  const text = await describeObject(infoOf(deployment, { group: "apps", plural: "deployments" }), context);
  expect(text).toMatch(/^OldReplicaSets: +old \(1\/1 replicas created\)\nNewReplicaSet: +new \(1\/1/m);
});

test.each([
  { name: "creationTimestamp", label: "Creation Timestamp" },
  { name: "uid", label: "UID" },
  { name: "apiVersion", label: "API Version" },
  { name: "podIPs", label: "Pod I Ps" },
  { name: "with-dash", label: "With - Dash" },
  { name: "v1Name", label: "v1Name" },
  { name: "example.com/a", label: "example.com/a" },
])("the field $name is called $label", ({ name, label }) => {
  expect(labelOf(name)).toBe(label);
});

test("events come the latest last, and tell how often they came", () => {
  const event = (reason: string, more: object) => ({ type: "Normal", reason, message: " m \n", ...more }) as never;
  const text = laidOut(
    eventsText(
      [
        event("Often", {
          firstTimestamp: "2016-03-17T11:00:00Z",
          lastTimestamp: "2016-03-17T11:59:00Z",
          count: 5,
          source: { component: "c" },
        }),
        event("Series", {
          eventTime: "2016-03-17T11:30:00.000000Z",
          reportingComponent: "r",
          series: { count: 3, lastObservedTime: "2016-03-17T11:59:58.000000Z" },
        }),
      ],
      now,
    ),
  );
  expect(text).toBe(`Events:
  Type    Reason  Age                From  Message
  ----    ------  ----               ----  -------
  Normal  Series  2s (x3 over 30m)   r     m
  Normal  Often   60s (x5 over 60m)  c     m
`);
});

test("of many endpoints three are told", () => {
  const endpoints = ["10.0.0.1", "10.0.0.2", "fd00::3", "10.0.0.4"].map((address) => ({ addresses: [address] }));
  const slices = [{ ports: [{ name: "http", port: 80 }], endpoints }] as never;
  expect(endpointsText(slices, "http")).toBe("10.0.0.1:80,10.0.0.2:80,[fd00::3]:80 + 1 more...");
  expect(endpointsText(slices, "other")).toBe("");
  expect(endpointsText([], "http")).toBe("<none>");
});
