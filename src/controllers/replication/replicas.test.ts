import { expect, test } from "vitest";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { Pod } from "../../api/core/pod.ts";
import { ReplicationController } from "../../api/core/replication-controller.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { kubelet, podStatus, template } from "../framework/testing/samples.ts";
import { replicaSetController } from "./replica-set.ts";
import { replicationControllerController } from "./replication-controller.ts";

const labels = { app: "web" };
const metadata = { name: "web", namespace: "default" };
const draft = (spec: Partial<ReplicaSet["spec"]> = {}) => ({
  metadata,
  spec: { replicas: 3, selector: { matchLabels: labels }, template: template(), ...spec },
});
const set = ({ cluster }: Harness) => cluster.get(ReplicaSet, "web")!;
const resize = (harness: Harness, replicas: number) =>
  harness.cluster.client.update(ReplicaSet, { ...set(harness), spec: { ...set(harness).spec, replicas } });
const alive = ({ cluster }: Harness) => cluster.all(Pod).filter((pod) => !pod.metadata.deletionTimestamp);

test("pods come and go until there are as many as asked for, and each is told", async () => {
  await using harness = await run([replicaSetController]);
  await harness.cluster.client.create(ReplicaSet, draft());
  await kubelet(harness);
  expect(alive(harness)).toHaveLength(3);
  expect(set(harness).status).toEqual({
    replicas: 3,
    fullyLabeledReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    terminatingReplicas: 0,
    observedGeneration: 1,
  });
  await resize(harness, 1);
  await kubelet(harness);
  expect(alive(harness)).toHaveLength(1);
  const reasons = harness.events().map((event) => event.replace(/web-\w+$/, "web-x"));
  expect(reasons.filter((event) => event === "SuccessfulCreate: Created pod: web-x")).toHaveLength(3);
  expect(reasons.filter((event) => event === "SuccessfulDelete: Deleted pod: web-x")).toHaveLength(2);
});

test("a ReplicationController does the same with its plain selector", async () => {
  await using harness = await run([replicationControllerController]);
  await harness.cluster.client.create(ReplicationController, {
    metadata,
    spec: { replicas: 2, selector: labels, template: template() },
  });
  await kubelet(harness);
  const status = harness.cluster.get(ReplicationController, "web")?.status;
  expect(status).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2, observedGeneration: 1 });
  expect(status).not.toHaveProperty("terminatingReplicas");
});

test("a pod that failed, or that somebody deleted, is replaced", async () => {
  await using harness = await run([replicaSetController]);
  await harness.cluster.client.create(ReplicaSet, draft());
  await kubelet(harness);
  const [first, second] = harness.cluster.all(Pod);
  harness.cluster.change(Pod, first!, { status: { phase: "Failed" } });
  await harness.cluster.client.delete(Pod, { namespace: "default", name: second!.metadata.name });
  await kubelet(harness);
  expect(set(harness).status?.readyReplicas).toBe(3);
});

test("orphans that match are adopted, and a pod that stops matching is released and replaced", async () => {
  await using harness = await run([replicaSetController]);
  harness.cluster.put(Pod, { metadata: { name: "orphan", namespace: "default", labels }, spec: { containers: [] } });
  await harness.cluster.client.create(ReplicaSet, draft({ replicas: 1 }));
  await kubelet(harness);
  expect(harness.cluster.all(Pod).map(({ metadata }) => metadata.name)).toEqual(["orphan"]);
  const adopted = harness.cluster.get(Pod, "orphan")!;
  expect(adopted.metadata.ownerReferences).toMatchObject([{ kind: "ReplicaSet", name: "web", controller: true }]);
  harness.cluster.change(Pod, adopted, { metadata: { ...adopted.metadata, labels: { app: "other" } } });
  await kubelet(harness);
  expect(harness.cluster.get(Pod, "orphan")?.metadata.ownerReferences).toEqual([]);
  expect(alive(harness)).toHaveLength(2);
});

test("a pod of another controller is never adopted", async () => {
  await using harness = await run([replicaSetController]);
  const ownerReferences = [{ apiVersion: "v1", kind: "Other", name: "x", uid: "x", controller: true }];
  const taken = { name: "taken", namespace: "default", labels, ownerReferences };
  harness.cluster.put(Pod, { metadata: taken, spec: { containers: [] } });
  await harness.cluster.client.create(ReplicaSet, draft({ replicas: 1 }));
  await kubelet(harness);
  expect(harness.cluster.all(Pod)).toHaveLength(2);
});

test("a storm of refusals costs few calls, and is told in a condition", async () => {
  await using harness = await run([replicaSetController]);
  harness.cluster.refuse = ({ verb, kind }) => {
    if (verb === "create" && kind === "Pod") throw new StatusError("Forbidden", "exceeded quota");
  };
  await harness.cluster.client.create(ReplicaSet, draft({ replicas: 500 }));
  await harness.settle();
  const tried = harness.cluster.calls.filter(({ verb, kind }) => verb === "create" && kind === "Pod");
  expect(tried.length).toBeLessThanOrEqual(3);
  expect(set(harness).status?.conditions).toMatchObject([
    { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" },
  ]);
  expect(harness.events()).toContain("FailedCreate: Error creating: exceeded quota");
});

test("refusals that name another pod each time wake nobody: the condition keeps its first text", async () => {
  await using harness = await run([replicaSetController]);
  let refused = 0;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (verb === "create" && kind === "Pod") throw new StatusError("Forbidden", `pods "web-${++refused}" is forbidden`);
  };
  await harness.cluster.client.create(ReplicaSet, draft());
  await harness.pass(10_000);
  expect(refused).toBeGreaterThan(3);
  expect(harness.cluster.calls.filter(({ verb }) => verb === "updateStatus")).toHaveLength(1);
  expect(set(harness).status?.conditions).toMatchObject([{ message: 'pods "web-1" is forbidden' }]);
});

test("a namespace that is going away is no failure", async () => {
  await using harness = await run([replicaSetController]);
  harness.cluster.refuse = ({ verb, kind }) => {
    if (verb !== "create" || kind !== "Pod") return;
    throw new StatusError("Forbidden", "is being terminated", {
      details: { causes: [{ reason: "NamespaceTerminating" as never }] },
    });
  };
  await harness.cluster.client.create(ReplicaSet, draft());
  await harness.settle();
  expect(set(harness).status?.conditions ?? []).toEqual([]);
  expect(harness.events()).toEqual([]);
});

test("readiness counts as availability only after minReadySeconds, without anything else happening", async () => {
  await using harness = await run([replicaSetController]);
  await harness.cluster.client.create(ReplicaSet, draft({ minReadySeconds: 30 }));
  await kubelet(harness);
  expect(set(harness).status).toMatchObject({ readyReplicas: 3 });
  expect(set(harness).status?.availableReplicas).toBeUndefined();
  await harness.pass(29_000);
  expect(set(harness).status?.availableReplicas).toBeUndefined();
  await harness.pass(2000);
  expect(set(harness).status?.availableReplicas).toBe(3);
});

test("one that is being deleted makes no pods any more, and adopts none", async () => {
  await using harness = await run([replicaSetController], {
    given: (cluster) => {
      const dying = { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["foregroundDeletion"] };
      cluster.put(ReplicaSet, { ...draft(), metadata: dying });
      cluster.put(Pod, { metadata: { name: "orphan", namespace: "default", labels }, spec: { containers: [] } });
    },
  });
  expect(harness.cluster.all(Pod)).toHaveLength(1);
  expect(harness.cluster.get(Pod, "orphan")?.metadata.ownerReferences).toBeUndefined();
});

test("a deleted pod counts as terminating until it is gone", async () => {
  await using harness = await run([replicaSetController]);
  await harness.cluster.client.create(ReplicaSet, draft());
  await kubelet(harness);
  await resize(harness, 1);
  await harness.settle();
  expect(set(harness).status).toMatchObject({ replicas: 1, terminatingReplicas: 2 });
});

test("a deletion that the server refuses with a conflict is tried again", async () => {
  await using harness = await run([replicaSetController]);
  await harness.cluster.client.create(ReplicaSet, draft());
  await kubelet(harness);
  let refusals = 1;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (verb === "delete" && kind === "Pod" && refusals-- > 0) throw new StatusError("Conflict", "somebody was first");
  };
  await resize(harness, 2);
  await harness.pass(1000);
  await kubelet(harness);
  expect(alive(harness)).toHaveLength(2);
});

test("many changes of many pods are served by few looks", async () => {
  await using harness = await run([replicaSetController]);
  await harness.cluster.client.create(ReplicaSet, draft({ replicas: 600 }));
  await kubelet(harness, () => false);
  await harness.pass(1000);
  const looks = () => harness.cluster.calls.filter(({ verb }) => verb === "updateStatus").length;
  const before = looks();
  for (const pod of harness.cluster.all(Pod).slice(0, 50)) {
    harness.cluster.change(Pod, pod, { status: podStatus(true, harness.clock.now()) });
    await harness.settle();
  }
  await harness.pass(1000);
  expect(looks() - before).toBeLessThanOrEqual(2);
  expect(set(harness).status?.readyReplicas).toBe(50);
});
