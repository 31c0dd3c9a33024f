import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AnyBody, openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
let uids: Record<string, unknown>;
beforeAll(async () => {
  fixture = await openServerFixture();
  await fixture.make(
    ["/api/v1/nodes", { metadata: { name: "n1", labels: { "kubernetes.io/os": "linux" } } }],
    ["/api/v1/nodes", { metadata: { name: "n2" } }],
    [pods, pod("mine", { nodeName: "n1" })],
    [pods, pod("theirs", { nodeName: "n2" })],
  );
  const uid = async (path: string) => (await fixture.call("GET", path)).body.metadata?.uid;
  uids = {
    n1: await uid("/api/v1/nodes/n1"),
    mine: await uid(`${pods}/mine`),
    theirs: await uid(`${pods}/theirs`),
  };
});
afterAll(() => fixture[Symbol.asyncDispose]());

const pods = "/api/v1/namespaces/default/pods";
const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, ...metadata },
  spec: { containers: [{ name: "c", image: "img:1" }], ...spec },
});
const n1 = { name: "system:node:n1", groups: ["system:nodes"] };
const merge = { "content-type": "application/merge-patch+json" };

async function refusal(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await fixture.call(method, path, { as: n1, headers, ...(body === undefined ? {} : { body }) });
  return answer.status < 300 ? `allowed (${answer.status})` : String((answer.body as AnyBody).message);
}

describe("a node and its own Node object", () => {
  const patch = (name: string, body: object) => refusal("PATCH", `/api/v1/nodes/${name}`, body, merge);

  test.each([
    ["another node", "n2", { metadata: { labels: { a: "b" } } }, 'node "n1" is not allowed to modify node "n2"'],
    [
      "its taints",
      "n1",
      { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } },
      'node "n1" is not allowed to modify taints',
    ],
    [
      "its owners",
      "n1",
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u" }] } },
      'node "n1" is not allowed to modify ownerReferences',
    ],
    [
      "a reserved label",
      "n1",
      { metadata: { labels: { "node-restriction.kubernetes.io/pci": "1" } } },
      "is not allowed to modify labels: node-restriction.kubernetes.io/pci",
    ],
    [
      "a label of Kubernetes that is not a kubelet's",
      "n1",
      { metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } },
      "is not allowed to modify labels: node-role.kubernetes.io/control-plane",
    ],
  ])("cannot change %s", async (_, name, body, why) => {
    expect(await patch(name, body)).toBe(`nodes "${name}" is forbidden: ${why}`);
  });

  test("may change what is its own to say", async () => {
    expect(await patch("n1", { metadata: { labels: { "kubernetes.io/arch": "amd64", custom: "x" } } })).toBe(
      "allowed (200)",
    );
  });
});

describe("a node and pods", () => {
  test("cannot delete, evict or report on those of other nodes", async () => {
    expect(await refusal("DELETE", `${pods}/theirs`)).toBe(
      'pods "theirs" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    );
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "theirs" } };
    expect(await refusal("POST", `${pods}/theirs/eviction`, eviction)).toBe(
      'pods "theirs" is forbidden: node n1 can only evict pods with spec.nodeName set to itself',
    );
    expect(await refusal("PATCH", `${pods}/theirs/status`, { status: { phase: "Failed" } }, merge)).toBe(
      'pods "theirs" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    );
  });

  test("reports on its own, without relabelling them", async () => {
    expect(await refusal("PATCH", `${pods}/mine/status`, { status: { phase: "Running" } }, merge)).toBe(
      "allowed (200)",
    );
    expect(await refusal("PATCH", `${pods}/mine/status`, { metadata: { labels: { a: "b" } } }, merge)).toBe(
      'pods "mine" is forbidden: node "n1" cannot update labels through pod status',
    );
  });

  test("cannot claim in a status that they use what it would like to read", async () => {
    const status = { resourceClaimStatuses: [{ name: "gpu", resourceClaimName: "of-somebody-else" }] };
    expect(await refusal("PATCH", `${pods}/mine/status`, { status }, merge)).toBe(
      'pods "mine" is forbidden: node "n1" cannot update resource claim statuses',
    );
  });

  test("makes mirror pods only, owned by itself and opening nothing", async () => {
    const annotations = { "kubernetes.io/config.mirror": "hash" };
    const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: uids.n1, controller: true };
    const make = (spec: object, metadata: object) =>
      refusal("POST", pods, pod("m", { automountServiceAccountToken: false, ...spec }, metadata));
    expect(await make({ nodeName: "n1" }, {})).toContain("can only create mirror pods");
    expect(await make({ nodeName: "n2" }, { annotations })).toContain(
      "can only create pods with spec.nodeName set to itself",
    );
    expect(await make({ nodeName: "n1" }, { annotations })).toContain("with an owner reference set to itself");
    const volumes = [{ name: "v", secret: { secretName: "s" } }];
    expect(await make({ nodeName: "n1", volumes }, { annotations, ownerReferences: [owner] })).toContain(
      "can not create pods that reference secrets",
    );
    expect(await make({ nodeName: "n1" }, { annotations, ownerReferences: [owner] })).toBe("allowed (201)");
  });
});

describe("a node and tokens", () => {
  const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const ask = (boundObjectRef: object | undefined, audiences: readonly string[] = []) =>
    refusal("POST", path, { spec: { audiences, ...(boundObjectRef ? { boundObjectRef } : {}) } });
  const bound = (name: string, uid: unknown) => ({ apiVersion: "v1", kind: "Pod", name, uid });

  test("gets those of its own pods, for what they name", async () => {
    expect(await ask(bound("mine", uids.mine))).toBe("allowed (201)");
  });

  test.each([
    ["that are not bound to a pod", () => undefined, [], "node requested token not bound to a pod"],
    [
      "bound to a pod of another node",
      () => bound("theirs", uids.theirs),
      [],
      "node requested token bound to a pod scheduled on a different node",
    ],
    ["bound to a pod that is no more", () => bound("mine", "old"), [], "does not match the UID in record"],
    [
      "for audiences that the pod does not name",
      () => bound("mine", uids.mine),
      ["vault"],
      'audience "vault" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    ],
  ])("gets none %s", async (_, reference, audiences, why) => {
    expect(await ask(reference(), audiences)).toContain(why);
  });
});

test("a lease of another node cannot be made, though its name is not in the path", async () => {
  const body = { metadata: { name: "n2" }, spec: { holderIdentity: "n1" } };
  expect(await refusal("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", body)).toContain(
    "can only access node lease with the same name as the requesting node",
  );
});
