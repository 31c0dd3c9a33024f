import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
  const core = "/api/v1/namespaces/default";
  const secret = (name: string) => [`${core}/secrets`, { metadata: { name } }] as const;
  const claim = (name: string, volumeName: string) =>
    [
      `${core}/persistentvolumeclaims`,
      {
        metadata: { name },
        spec: { accessModes: ["ReadWriteOnce"], volumeName, resources: { requests: { storage: "1Gi" } } },
      },
    ] as const;
  const pod = (name: string, nodeName: string, volumes: readonly object[]) =>
    [
      `${core}/pods`,
      {
        metadata: { name },
        spec: { nodeName, automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }], volumes },
      },
    ] as const;
  await fixture.make(
    secret("used"),
    secret("of-volume"),
    secret("foreign"),
    claim("data", "pv-data"),
    claim("grabs", "pv-foreign"),
    pod("mine", "n1", [
      { name: "a", secret: { secretName: "used" } },
      { name: "b", persistentVolumeClaim: { claimName: "data" } },
      { name: "c", persistentVolumeClaim: { claimName: "grabs" } },
    ]),
    pod("theirs", "n2", [{ name: "a", secret: { secretName: "foreign" } }]),
  );
  const uid = (await fixture.call("GET", `${core}/persistentvolumeclaims/data`)).body.metadata?.uid;
  const volume = (name: string, claimRef: object, secretName: string) =>
    [
      "/api/v1/persistentvolumes",
      {
        metadata: { name },
        spec: {
          accessModes: ["ReadWriteOnce"],
          capacity: { storage: "1Gi" },
          claimRef: { namespace: "default", ...claimRef },
          csi: { driver: "d", volumeHandle: name, nodePublishSecretRef: { namespace: "default", name: secretName } },
        },
      },
    ] as const;
  await fixture.make(
    volume("pv-data", { name: "data", uid }, "of-volume"),
    volume("pv-foreign", { name: "other", uid: "somebody-else" }, "foreign"),
  );
});
afterAll(() => fixture[Symbol.asyncDispose]());

const n1 = { name: "system:node:n1", groups: ["system:nodes"] };
const status = async (method: string, path: string) => (await fixture.call(method, path, { as: n1 })).status;
const why = async (path: string) => String((await fixture.call("GET", path, { as: n1 })).body.message);
const core = "/api/v1/namespaces/default";

describe("what a node reads", () => {
  test.each([
    ["a secret that its pod mounts", `${core}/secrets/used`, 200],
    ["that secret by a list of one name", `${core}/secrets?fieldSelector=metadata.name%3Dused`, 200],
    ["all secrets of a namespace", `${core}/secrets`, 403],
    ["a secret of a pod elsewhere", `${core}/secrets/foreign`, 403],
    ["a secret that a volume of its pod needs", `${core}/secrets/of-volume`, 200],
    ["the claim of its pod", `${core}/persistentvolumeclaims/data`, 200],
    ["all claims", `${core}/persistentvolumeclaims`, 403],
    ["the volume of that claim", "/api/v1/persistentvolumes/pv-data", 200],
    ["a volume that a claim only says is its own", "/api/v1/persistentvolumes/pv-foreign", 403],
    ["its own pods", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", 200],
    ["pods that are not on another node", "/api/v1/pods?fieldSelector=spec.nodeName!%3Dn2", 403],
    ["the pods of another node", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2", 403],
    ["every pod", "/api/v1/pods", 403],
    ["a pod of another node", `${core}/pods/theirs`, 403],
    ["one of its pods", `${core}/pods/mine`, 200],
    ["another Node", "/api/v1/nodes/n2", 403],
    ["services", "/api/v1/services", 200],
    ["leases elsewhere", "/apis/coordination.k8s.io/v1/namespaces/default/leases/n1", 403],
    ["all device slices", "/apis/resource.k8s.io/v1/resourceslices", 403],
    ["its device slices", "/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.nodeName%3Dn1", 200],
    ["roles", "/apis/rbac.authorization.k8s.io/v1/clusterroles", 403],
  ])("%s", async (_, path, expected) => {
    expect(await status("GET", path)).toBe(expected);
  });

  test("a refusal says what the node may do instead", async () => {
    expect(await why("/api/v1/pods")).toBe(
      'pods is forbidden: User "system:node:n1" cannot list resource "pods" in API group "" at the cluster scope: can only list/watch pods with spec.nodeName field selector',
    );
    expect(await why("/api/v1/nodes")).toContain("node 'n1' cannot read all nodes, only its own Node object");
    expect(await why(`${core}/secrets/foreign`)).toContain("no relationship found between node 'n1' and this object");
  });

  test("a list of what a node may do is not complete, and says so", async () => {
    const review = await fixture.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
      as: n1,
      body: { spec: { namespace: "default" } },
    });
    expect(review.body.status).toMatchObject({
      incomplete: true,
      evaluationError: "node authorizer does not support user rule resolution",
    });
  });

  test("a review answers for a list that is narrowed, as the request itself would be", async () => {
    const ask = async (fieldSelector?: object) => {
      const resourceAttributes = { verb: "list", resource: "pods", ...(fieldSelector ? { fieldSelector } : {}) };
      const body = { spec: { user: n1.name, groups: n1.groups, resourceAttributes } };
      const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
      return (await fixture.call("POST", path, { body })).body.status?.allowed;
    };
    const requirement = { key: "spec.nodeName", operator: "In", values: ["n1"] };
    expect(await ask()).toBe(false);
    expect(await ask({ requirements: [requirement] })).toBe(true);
    expect(await ask({ requirements: [{ ...requirement, values: ["n2"] }] })).toBe(false);
    expect(await ask({ rawSelector: "spec.nodeName=n1" })).toBe(true);
  });
});
