import {
  ApiException,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  NodeV1Api,
  PatchStrategy,
  ResourceV1Api,
  setHeaderOptions,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";
import { until } from "./tools/until.ts";

/* What upstream's conformance list asks of the API for nodes and pods, where no container has to run. */

let server: LiveServer;
let core: CoreV1Api;
const config = new KubeConfig();
const namespace = "default";
const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

beforeAll(async () => {
  server = await startLiveServer();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(() => server?.[Symbol.asyncDispose]());

/** The code with which a call is refused. */
const codeOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => 200,
    (error: unknown) => (error instanceof ApiException ? error.code : Promise.reject(error)),
  );
const namesOf = ({ items }: { readonly items: readonly KubernetesObject[] }) =>
  items.map(({ metadata }) => metadata?.name);

describe("ConfigMap", () => {
  test("should fail to create ConfigMap with empty key", async () => {
    const body = { metadata: { name: "empty-key" }, data: { "": "value-1" } };
    expect(await codeOf(core.createNamespacedConfigMap({ namespace, body }))).toBe(422);
  });

  test("should update ConfigMap successfully", async () => {
    const name = "updated";
    const created = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
    await core.replaceNamespacedConfigMap({ namespace, name, body: { ...created, data: { data: "value" } } });
    expect((await core.readNamespacedConfigMap({ namespace, name })).data).toEqual({ data: "value" });
  });

  test("should run through a ConfigMap lifecycle", async () => {
    const name = "life";
    const labels = { "test-configmap-static": "true" };
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name, labels }, data: { valueName: "value" } },
    });
    const body = { metadata: { labels: { "test-configmap": "patched" } }, data: { valueName: "value1" } };
    await core.patchNamespacedConfigMap({ namespace, name, body }, merge);
    const list = await core.listConfigMapForAllNamespaces({ labelSelector: "test-configmap-static=true" });
    expect(list.items).toEqual([expect.objectContaining({ data: { valueName: "value1" } })]);
    expect(list.items[0]?.metadata?.labels).toMatchObject({ "test-configmap": "patched" });
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "test-configmap-static=true" });
    expect(await codeOf(core.readNamespacedConfigMap({ namespace, name }))).toBe(404);
  });
});

describe("Secrets", () => {
  test("should fail to create secret due to empty secret key", async () => {
    const body = { metadata: { name: "empty-key" }, data: { "": "dmFsdWUtMQo=" } };
    expect(await codeOf(core.createNamespacedSecret({ namespace, body }))).toBe(422);
  });

  test("should patch a secret", async () => {
    const name = "patched";
    const data = { key: Buffer.from("value").toString("base64") };
    const labels = { testsecret: "true" };
    await core.createNamespacedSecret({ namespace, body: { metadata: { name, labels }, data } });
    const key = Buffer.from("value1").toString("base64");
    const body = { metadata: { labels: { "testsecret-constant": "true" } }, data: { key } };
    await core.patchNamespacedSecret({ namespace, name, body }, merge);
    const [found] = (await core.listSecretForAllNamespaces({ labelSelector: "testsecret-constant=true" })).items;
    expect(found?.data).toEqual({ key });
    await core.deleteCollectionNamespacedSecret({ namespace, labelSelector: "testsecret=true" });
    expect((await core.listSecretForAllNamespaces({ labelSelector: "testsecret=true" })).items).toEqual([]);
  });
});

describe("PodTemplates", () => {
  const template = { spec: { containers: [{ name: "nginx", image: "nginx" }] } };
  const create = (name: string, labels: Record<string, string> = {}) =>
    core.createNamespacedPodTemplate({ namespace, body: { metadata: { name, labels }, template } });

  test("should run the lifecycle of PodTemplates", async () => {
    const name = "life";
    await create(name, { "podtemplate-static": "true" });
    const body = { metadata: { labels: { podtemplate: "patched" } } };
    await core.patchNamespacedPodTemplate({ namespace, name, body }, merge);
    expect((await core.readNamespacedPodTemplate({ namespace, name })).metadata?.labels?.podtemplate).toBe("patched");
    expect(namesOf(await core.listPodTemplateForAllNamespaces({ labelSelector: "podtemplate=patched" }))).toEqual([
      name,
    ]);
    await core.deleteNamespacedPodTemplate({ namespace, name });
    expect(namesOf(await core.listPodTemplateForAllNamespaces({ labelSelector: "podtemplate-static=true" }))).toEqual(
      [],
    );
  });

  test("should delete a collection of pod templates", async () => {
    await Promise.all(["one", "two", "three"].map((name) => create(name, { "podtemplate-set": "true" })));
    const labelSelector = "podtemplate-set=true";
    expect(namesOf(await core.listNamespacedPodTemplate({ namespace, labelSelector }))).toHaveLength(3);
    await core.deleteCollectionNamespacedPodTemplate({ namespace, labelSelector });
    expect(namesOf(await core.listNamespacedPodTemplate({ namespace, labelSelector }))).toEqual([]);
  });

  test("should replace a pod template", async () => {
    const name = "replaced";
    const created = await create(name);
    const body = { ...created, metadata: { ...created.metadata, annotations: { updated: "true" } } };
    const replaced = await core.replaceNamespacedPodTemplate({ namespace, name, body });
    expect(replaced.metadata?.annotations).toEqual({ updated: "true" });
  });
});

describe("Lease", () => {
  test("lease API should be available", async () => {
    const leases = config.makeApiClient(CoordinationV1Api);
    const name = "lease";
    const spec = { holderIdentity: "holder", leaseDurationSeconds: 30, leaseTransitions: 0 };
    await leases.createNamespacedLease({ namespace, body: { metadata: { name }, spec } });
    const created = await leases.readNamespacedLease({ namespace, name });
    expect(created.spec).toEqual(spec);
    const next = { holderIdentity: "holder2", leaseDurationSeconds: 60, leaseTransitions: 1 };
    await leases.replaceNamespacedLease({ namespace, name, body: { ...created, spec: next } });
    expect((await leases.readNamespacedLease({ namespace, name })).spec).toEqual(next);
    await leases.patchNamespacedLease({ namespace, name, body: { spec: { leaseDurationSeconds: 50 } } }, merge);
    expect((await leases.readNamespacedLease({ namespace, name })).spec).toEqual({ ...next, leaseDurationSeconds: 50 });
    const labels = { deletecollection: "true" };
    await leases.createNamespacedLease({ namespace, body: { metadata: { name: "other", labels }, spec } });
    expect(namesOf(await leases.listNamespacedLease({ namespace }))).toEqual(["lease", "other"]);
    await leases.deleteCollectionNamespacedLease({ namespace, labelSelector: "deletecollection=true" });
    expect(namesOf(await leases.listNamespacedLease({ namespace }))).toEqual(["lease"]);
    await leases.deleteNamespacedLease({ namespace, name });
    expect(await codeOf(leases.readNamespacedLease({ namespace, name }))).toBe(404);
  });
});

describe("Node Lifecycle", () => {
  test("should run through the lifecycle of a node", async () => {
    const name = "fake-node";
    await core.createNode({ body: { metadata: { name }, spec: { unschedulable: true } } });
    expect((await core.readNode({ name })).metadata?.name).toBe(name);
    await core.patchNode({ name, body: { metadata: { labels: { [name]: "patched" } } } }, merge);
    expect(namesOf(await core.listNode({ labelSelector: `${name}=patched` }))).toEqual([name]);
    await until("the node is replaced", async () => {
      const node = await core.readNode({ name });
      const metadata = { ...node.metadata, labels: { ...node.metadata?.labels, [name]: "updated" } };
      return (await codeOf(core.replaceNode({ name, body: { ...node, metadata } }))) === 200;
    });
    expect((await core.readNode({ name })).metadata?.labels?.[name]).toBe("updated");
    await core.deleteNode({ name });
    expect(await codeOf(core.readNode({ name }))).toBe(404);
  });
});

/** An object that gets its name here. */
type Sample = KubernetesObject & { readonly metadata: object; readonly spec?: object };

/** Every verb on one kind by its name alone: as a client does that knows only what discovery says. */
async function everyVerb(object: Sample, path: string): Promise<void> {
  const api = KubernetesObjectApi.makeApiClient(config);
  const labelSelector = "every=verb";
  const of = (name: string) => ({
    ...object,
    metadata: { ...object.metadata, name, labels: { every: "verb" } },
  });
  const seen: string[] = [];
  const watching = await new Watch(config).watch(
    path,
    { labelSelector },
    (type) => seen.push(type),
    () => undefined,
  );
  const created = await api.create(of("one"));
  await Promise.all(["two", "three"].map((name) => api.create(of(name))));
  const at = { ...of("one"), metadata: { ...of("one").metadata, namespace: created.metadata?.namespace ?? "" } };
  expect((await api.read(at)).metadata?.uid).toBe(created.metadata?.uid);
  const { apiVersion = "", kind = "" } = object;
  const list = () => api.list(apiVersion, kind, undefined, undefined, undefined, undefined, undefined, labelSelector);
  expect(namesOf(await list())).toEqual(["one", "three", "two"]);
  const annotated = { ...at, metadata: { ...at.metadata, annotations: { patched: "true" } } };
  const patched = await api.patch(annotated, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
  expect(patched.metadata?.annotations).toEqual({ patched: "true" });
  const updated = await api.replace({
    ...patched,
    metadata: { ...patched.metadata!, annotations: { updated: "true" } },
  });
  expect(updated.metadata?.annotations).toEqual({ updated: "true" });
  await until("both changes are told", async () => seen.filter((type) => type === "MODIFIED").length === 2);
  await api.delete(at);
  expect(namesOf(await list())).toEqual(["three", "two"]);
  await until("the deletion is told", async () => seen.includes("DELETED"));
  watching.abort();
}

describe("RuntimeClass", () => {
  test("should support RuntimeClasses API operations", async () => {
    const classes = config.makeApiClient(NodeV1Api);
    expect((await classes.getAPIResources()).resources.map(({ name }) => name)).toContain("runtimeclasses");
    const object = { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: {}, handler: "runc" };
    await everyVerb(object, "/apis/node.k8s.io/v1/runtimeclasses");
    await classes.deleteCollectionRuntimeClass({ labelSelector: "every=verb" });
    expect(namesOf(await classes.listRuntimeClass({ labelSelector: "every=verb" }))).toEqual([]);
  });
});

describe("[DRA] CRUD Tests", () => {
  const apiVersion = "resource.k8s.io/v1";
  const requests = [{ name: "one", exactly: { deviceClassName: "class" } }];
  const pool = { name: "pool", generation: 1, resourceSliceCount: 1 };
  const labelSelector = "every=verb";
  const path = (plural: string) => `/apis/${apiVersion}/${plural}`;

  test("resource.k8s.io/v1 DeviceClass", async () => {
    const api = config.makeApiClient(ResourceV1Api);
    await everyVerb({ apiVersion, kind: "DeviceClass", metadata: {}, spec: {} }, path("deviceclasses"));
    await api.deleteCollectionDeviceClass({ labelSelector });
    expect(namesOf(await api.listDeviceClass({ labelSelector }))).toEqual([]);
  });

  test("resource.k8s.io/v1 ResourceSlice", async () => {
    const api = config.makeApiClient(ResourceV1Api);
    const spec = { driver: "driver.test", pool, nodeName: "node", devices: [] };
    await everyVerb({ apiVersion, kind: "ResourceSlice", metadata: {}, spec }, path("resourceslices"));
    await api.deleteCollectionResourceSlice({ labelSelector });
    expect(namesOf(await api.listResourceSlice({ labelSelector }))).toEqual([]);
  });

  test("resource.k8s.io/v1 ResourceClaim", async () => {
    const api = config.makeApiClient(ResourceV1Api);
    const object = { apiVersion, kind: "ResourceClaim", metadata: { namespace }, spec: { devices: { requests } } };
    await everyVerb(object, path(`namespaces/${namespace}/resourceclaims`));
    const [claim] = (await api.listNamespacedResourceClaim({ namespace, labelSelector })).items;
    const at = { namespace, name: claim?.metadata?.name ?? "" };
    const pools = [{ request: "one", driver: "driver.test", pool: "pool", device: "device" }];
    const body = { status: { allocation: { devices: { results: pools } } } };
    await api.patchNamespacedResourceClaimStatus({ ...at, body }, merge);
    const { status } = await api.readNamespacedResourceClaimStatus(at);
    expect(status?.allocation?.devices?.results).toEqual([expect.objectContaining(pools[0])]);
    await api.deleteCollectionNamespacedResourceClaim({ namespace, labelSelector });
    await until(
      "the claims are gone",
      async () => (await api.listNamespacedResourceClaim({ namespace, labelSelector })).items.length === 0,
    );
  });

  test("resource.k8s.io/v1 ResourceClaimTemplate", async () => {
    const api = config.makeApiClient(ResourceV1Api);
    const spec = { spec: { devices: { requests } } };
    const object = { apiVersion, kind: "ResourceClaimTemplate", metadata: { namespace }, spec };
    await everyVerb(object, path(`namespaces/${namespace}/resourceclaimtemplates`));
    await api.deleteCollectionNamespacedResourceClaimTemplate({ namespace, labelSelector });
    expect(namesOf(await api.listNamespacedResourceClaimTemplate({ namespace, labelSelector }))).toEqual([]);
  });
});
