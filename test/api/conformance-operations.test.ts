import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRequest } from "../../src/cluster/certificates.ts";
import { openServerFixture, type ServerFixture } from "../../src/server/server-fixture.ts";

/* Kinds of networks, storage and accounts of which upstream's conformance list asks that every verb works. */

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

interface Kind {
  /** `v1`, `networking.k8s.io/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced?: boolean;
  /** What an object has besides its metadata. */
  readonly body: object;
  /** What its status may be changed to. */
  readonly status?: object;
  /** What its objects are called after, if another test makes objects of the kind too. */
  readonly mark?: string;
}

const merge = { "content-type": "application/merge-patch+json" };
interface Listed {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

/** Makes, finds, watches, changes and deletes objects of a kind; the answers are as they should be. */
async function everyVerb({
  apiVersion,
  kind,
  plural,
  namespaced = true,
  body,
  status,
  mark = "every",
}: Kind): Promise<void> {
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const all = `${root}/${namespaced ? "namespaces/default/" : ""}${plural}`;
  const call = async (code: number, method: string, path: string, sent?: object, headers?: Record<string, string>) => {
    const answer = await fixture.call(method, path, { body: sent, ...(headers ? { headers } : {}) });
    expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(code);
    return answer;
  };
  const selected = `labelSelector=marked%3D${mark}`;
  const names = async (path: string) =>
    ((await call(200, "GET", `${path}?${selected}`)).body as unknown as Listed).items
      .map(({ metadata }) => metadata.name)
      .sort();
  const make = (name: string) =>
    call(201, "POST", all, { apiVersion, kind, metadata: { name, labels: { marked: mark } }, ...body });
  const discovered = (await call(200, "GET", root)).body.resources as unknown as readonly { readonly name: string }[];
  expect(discovered.map(({ name }) => name)).toContain(plural);
  const [first, ...others] = ["one", "three", "two"].map((number) => `${mark}-${number}`);
  for (const name of [first!, ...others]) await make(name);
  for (const path of new Set([all, `${root}/${plural}`])) expect(await names(path)).toEqual([first, ...others]);
  const before = (await call(200, "GET", all)).body.metadata?.resourceVersion;
  const one = `${all}/${first}`;
  const note = (value: string) => ({ metadata: { annotations: { note: value } } });
  expect((await call(200, "PATCH", one, note("patched"), merge)).body.metadata).toMatchObject(note("patched").metadata);
  const found = (await call(200, "GET", one)).body;
  const updated = { ...found, metadata: { ...found.metadata, ...note("updated").metadata } };
  expect((await call(200, "PUT", one, updated)).body.metadata).toMatchObject(note("updated").metadata);
  if (status) {
    expect((await call(200, "PATCH", `${one}/status`, { status }, merge)).body).toMatchObject({ status });
    const now = (await call(200, "GET", `${one}/status`)).body;
    expect((await call(200, "PUT", `${one}/status`, { ...now })).body).toMatchObject({ status });
  }
  await call(200, "PATCH", one, { metadata: { finalizers: null } }, merge);
  await call(200, "DELETE", one);
  expect(await names(all)).toEqual(others);
  const watch = `${all}?watch=true&${selected}&resourceVersion=${before}&timeoutSeconds=1`;
  const told = (await call(200, "GET", watch)).text.trim().split("\n");
  const types = told.map((line) => (JSON.parse(line) as { readonly type: string }).type);
  expect([types[0], types.at(-1)]).toEqual(["MODIFIED", "DELETED"]);
  for (const name of others) await call(200, "PATCH", `${all}/${name}`, { metadata: { finalizers: null } }, merge);
  await call(200, "DELETE", `${all}?${selected}`);
  expect(await names(all)).toEqual([]);
}

const networking = "networking.k8s.io/v1";
const storage = "storage.k8s.io/v1";
const port = { number: 80 };
const labels = { app: "web" };
const modes = { accessModes: ["ReadWriteOnce"] };
describe.concurrent("Ingress API", () => {
  test("should support creating Ingress API operations", () =>
    everyVerb({
      ...{ apiVersion: networking, kind: "Ingress", plural: "ingresses" },
      body: { spec: { defaultBackend: { service: { name: "web", port } } } },
      status: { loadBalancer: { ingress: [{ ip: "169.1.1.1" }] } },
    }));
});

describe.concurrent("IngressClass API", () => {
  test("should support creating IngressClass API operations", () =>
    everyVerb({
      ...{ apiVersion: networking, kind: "IngressClass", plural: "ingressclasses", namespaced: false },
      body: { spec: { controller: "example.com/controller" } },
    }));
});

describe.concurrent("EndpointSlice", () => {
  test("should support creating EndpointSlice API operations", () =>
    everyVerb({
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", plural: "endpointslices" },
      body: { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }], ports: [{ name: "http", port: 80 }] },
    }));
});

describe.concurrent("Services", () => {
  test("should test the lifecycle of an Endpoint", () =>
    everyVerb({
      ...{ apiVersion: "v1", kind: "Endpoints", plural: "endpoints" },
      body: { subsets: [{ addresses: [{ ip: "10.0.0.24" }], ports: [{ name: "http", port: 80 }] }] },
    }));

  test("should complete a service status lifecycle", () =>
    everyVerb({
      ...{ apiVersion: "v1", kind: "Service", plural: "services" },
      body: { spec: { selector: labels, type: "LoadBalancer", ports: [{ port: 80 }] } },
      status: { loadBalancer: { ingress: [{ ip: "203.0.113.1" }] } },
    }));
});

describe.concurrent("ServiceAccounts", () => {
  test("should run through the lifecycle of a ServiceAccount", () =>
    everyVerb({ apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts", body: {} }));
});

describe.concurrent("PersistentVolumes", () => {
  const pv = { apiVersion: "v1", kind: "PersistentVolume", plural: "persistentvolumes", namespaced: false };
  const pvc = { apiVersion: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims" };
  const volume = {
    ...modes,
    capacity: { storage: "1Gi" },
    hostPath: { path: "/tmp/volume" },
    storageClassName: "manual",
  };
  const claim = { ...modes, resources: { requests: { storage: "1Gi" } }, storageClassName: "manual" };

  test("CSI Conformance should run through the lifecycle of a PV and a PVC", async () => {
    await everyVerb({ ...pv, body: { spec: volume } });
    await everyVerb({ ...pvc, body: { spec: claim } });
  });

  test("CSI Conformance should apply changes to a pv/pvc status", async () => {
    await everyVerb({
      ...pv,
      mark: "state",
      body: { spec: volume },
      status: { phase: "Failed", reason: "E2E", message: "of a test" },
    });
    const conditions = [{ type: "StatusPatched", status: "True", reason: "E2E" }];
    await everyVerb({ ...pvc, mark: "state", body: { spec: claim }, status: { conditions } });
  });
});

describe.concurrent("StorageClasses", () => {
  test("CSI Conformance should run through the lifecycle of a StorageClass", () =>
    everyVerb({
      ...{ apiVersion: storage, kind: "StorageClass", plural: "storageclasses", namespaced: false },
      body: { provisioner: "example.com/provisioner" },
    }));
});

describe.concurrent("VolumeAttachment", () => {
  const attachment = { apiVersion: storage, kind: "VolumeAttachment", plural: "volumeattachments", namespaced: false };
  const body = { spec: { attacher: "example.com", nodeName: "node", source: { persistentVolumeName: "volume" } } };
  test("Conformance should run through the lifecycle of a VolumeAttachment", () => everyVerb({ ...attachment, body }));
  test("Conformance should apply changes to a volumeattachment status", () =>
    everyVerb({ ...attachment, mark: "state", body, status: { attached: true } }));
});

describe.concurrent("CSIInlineVolumes", () => {
  test("should run through the lifecycle of a CSIDriver", () =>
    everyVerb({
      ...{ apiVersion: storage, kind: "CSIDriver", plural: "csidrivers", namespaced: false },
      body: { spec: { attachRequired: false, volumeLifecycleModes: ["Ephemeral"] } },
    }));

  test("should support CSIVolumeSource in Pod API", () =>
    everyVerb({
      ...{ apiVersion: "v1", kind: "Pod", plural: "pods" },
      body: {
        spec: {
          containers: [{ name: "main", image: "image" }],
          volumes: [{ name: "inline", csi: { driver: "e2e.example.com", readOnly: true } }],
        },
      },
    }));
});

describe.concurrent("CSINodes", () => {
  test("CSI Conformance should run through the lifecycle of a csinode", () =>
    everyVerb({
      ...{ apiVersion: storage, kind: "CSINode", plural: "csinodes", namespaced: false },
      body: { spec: { drivers: [{ name: "e2e.example.com", nodeID: "node" }] } },
    }));
});

describe.concurrent("CSIStorageCapacity", () => {
  test("should support CSIStorageCapacities API operations", () =>
    everyVerb({
      ...{ apiVersion: storage, kind: "CSIStorageCapacity", plural: "csistoragecapacities" },
      body: { storageClassName: "class", capacity: "1Gi" },
    }));
});

describe.concurrent("Certificates API", () => {
  test("should support CSR API operations", async () => {
    const { pem } = await makeRequest({ commonName: "e2e-user", usage: "client" });
    const kind = "CertificateSigningRequest";
    const apiVersion = "certificates.k8s.io/v1";
    const plural = "certificatesigningrequests";
    const usages = ["digital signature", "client auth"];
    const body = {
      spec: { request: Buffer.from(pem).toString("base64"), signerName: "example.com/test", usages },
    };
    const failed = [{ type: "Failed", status: "True", reason: "E2E", message: "of a test" }];
    await everyVerb({ apiVersion, kind, plural, namespaced: false, body, status: { conditions: failed } });
    const path = `/apis/${apiVersion}/${plural}`;
    await fixture.make([path, { apiVersion, kind, metadata: { name: "approved" }, ...body }]);
    const conditions = [{ type: "Approved", status: "True", reason: "E2E", message: "of a test" }];
    const approval = `${path}/approved/approval`;
    const patched = await fixture.call("PATCH", approval, { body: { status: { conditions } }, headers: merge });
    expect(patched.status, patched.text).toBe(200);
    const read = await fixture.call("GET", approval);
    expect((read.body as unknown as { readonly status: object }).status).toMatchObject({ conditions });
    const updated = await fixture.call("PUT", approval, { body: read.body });
    expect(updated.status, updated.text).toBe(200);
  });
});

describe.concurrent("ServiceCIDR and IPAddress API", () => {
  test("should support IPAddress API operations", async () => {
    const addresses = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];
    const [apiVersion, kind] = [networking, "IPAddress"];
    const spec = { parentRef: { resource: "services", namespace: "default", name: "web" } };
    const path = `/apis/${apiVersion}/ipaddresses`;
    const labels = { marked: "addresses" };
    for (const name of addresses) await fixture.make([path, { apiVersion, kind, metadata: { name, labels }, spec }]);
    const listed = async () =>
      ((await fixture.call("GET", `${path}?labelSelector=marked%3Daddresses`)).body as unknown as Listed).items;
    expect((await listed()).map(({ metadata }) => metadata.name)).toEqual(addresses);
    const body = { metadata: { annotations: { note: "patched" } } };
    const patched = await fixture.call("PATCH", `${path}/${addresses[0]}`, { body, headers: merge });
    expect(patched.body.metadata).toMatchObject(body.metadata);
    expect((await fixture.call("PUT", `${path}/${addresses[0]}`, { body: patched.body })).status).toBe(200);
    expect((await fixture.call("DELETE", `${path}/${addresses[0]}`)).status).toBe(200);
    expect((await fixture.call("DELETE", `${path}?labelSelector=marked%3Daddresses`)).status).toBe(200);
    expect(await listed()).toEqual([]);
  });

  test("should support ServiceCIDR API operations", () =>
    everyVerb({
      ...{ apiVersion: networking, kind: "ServiceCIDR", plural: "servicecidrs", namespaced: false },
      body: { spec: { cidrs: ["203.0.113.0/24"] } },
      status: {
        conditions: [
          {
            type: "Ready",
            status: "True",
            reason: "E2E",
            message: "of a test",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ],
      },
    }));
});

describe.concurrent("SubjectReview", () => {
  test("should support SubjectReview API operations", async () => {
    const user = "system:serviceaccount:default:reviewed";
    const resourceAttributes = { namespace: "default", verb: "list", resource: "configmaps" };
    const [apiVersion, roles] = ["authorization.k8s.io/v1", "rbac.authorization.k8s.io"];
    const allowed = async (kind: string, path: string): Promise<unknown> => {
      const body = { apiVersion, kind, metadata: { namespace: "default" }, spec: { user, resourceAttributes } };
      const answer = await fixture.call("POST", `/apis/${apiVersion}/${path}`, { body });
      return (answer.body as unknown as { readonly status: { readonly allowed: unknown } }).status.allowed;
    };
    const answers = async () => [
      await allowed("SubjectAccessReview", "subjectaccessreviews"),
      await allowed("LocalSubjectAccessReview", "namespaces/default/localsubjectaccessreviews"),
      (await fixture.call("GET", "/api/v1/namespaces/default/configmaps", { as: { name: user, groups: [] } })).status,
    ];
    expect(await answers()).toEqual([false, false, 403]);
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }];
    const at = `/apis/${roles}/v1/namespaces/default`;
    const subjects = [{ kind: "ServiceAccount", name: "reviewed", namespace: "default" }];
    const roleRef = { apiGroup: roles, kind: "Role", name: "reader" };
    await fixture.make(
      [`${at}/roles`, { metadata: { name: "reader" }, rules }],
      [`${at}/rolebindings`, { metadata: { name: "reader" }, subjects, roleRef }],
    );
    expect(await answers()).toEqual([true, true, 200]);
  });
});

/** What is not to change any more keeps its data and that it is so; its metadata may change, and it may go. */
async function staysImmutable(plural: string, kind: string, value: (text: string) => string): Promise<void> {
  const path = `/api/v1/namespaces/default/${plural}`;
  const data = (text: string) => ({ data: { key: value(text) } });
  await fixture.make([path, { kind, apiVersion: "v1", metadata: { name: "fixed" }, ...data("1") }]);
  const patch = async (body: object) => (await fixture.call("PATCH", `${path}/fixed`, { body, headers: merge })).status;
  expect(await patch(data("2"))).toBe(200);
  expect(await patch({ immutable: true })).toBe(200);
  expect(await patch(data("3"))).toBe(422);
  expect(await patch({ immutable: false })).toBe(422);
  expect(await patch({ metadata: { labels: { changed: "yes" } } })).toBe(200);
  expect((await fixture.call("GET", `${path}/fixed`)).body.data).toEqual(data("2").data);
  expect((await fixture.call("DELETE", `${path}/fixed`)).status).toBe(200);
}

describe.concurrent("ConfigMap", () => {
  test("should be immutable if `immutable` field is set", () =>
    staysImmutable("configmaps", "ConfigMap", (text) => text));
});

describe.concurrent("Secrets", () => {
  test("should be immutable if `immutable` field is set", () => staysImmutable("secrets", "Secret", btoa));
});
