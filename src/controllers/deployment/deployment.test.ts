import { expect, test } from "vitest";
import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { Pod } from "../../api/core/pod.ts";
import { StatusError, statusCodes } from "../../machinery/status-error.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { deployment, imageOf, kubelet, template } from "../framework/testing/samples.ts";
import { replicaSetController } from "../replication/replica-set.ts";
import { deploymentController } from "./deployment.ts";

const both = [deploymentController, replicaSetController];
const web = ({ cluster }: Harness) => cluster.get(Deployment, "web")!;
const change = (harness: Harness, spec: Partial<Deployment["spec"]>) => {
  const known = web(harness);
  return harness.cluster.client.update(Deployment, { ...known, spec: { ...known.spec, ...spec } });
};
const sizes = ({ cluster }: Harness) =>
  Object.fromEntries(cluster.all(ReplicaSet).map((set) => [imageOf(set), set.spec.replicas]));
const condition = (harness: Harness, type: string) =>
  web(harness).status?.conditions?.find((known) => known.type === type);
const runs = (image: string) => (pod: Pod) => pod.spec.containers[0]?.image === image;

test("a Deployment makes one ReplicaSet, numbers it and reports it available", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment());
  await kubelet(harness);
  const [set, ...others] = harness.cluster.all(ReplicaSet);
  expect(others).toEqual([]);
  const hash = set!.metadata.labels?.["pod-template-hash"] ?? "";
  expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  expect(set!.metadata.name).toBe(`web-${hash}`);
  expect(set!.spec.selector?.matchLabels).toEqual({ app: "web", "pod-template-hash": hash });
  expect(set!.spec.template?.metadata?.labels).toEqual({ app: "web", "pod-template-hash": hash });
  expect(set!.metadata.annotations).toEqual({
    "deployment.kubernetes.io/desired-replicas": "3",
    "deployment.kubernetes.io/max-replicas": "4",
    "deployment.kubernetes.io/revision": "1",
  });
  expect(web(harness).metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("1");
  expect(web(harness).status).toMatchObject({
    observedGeneration: 1,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    terminatingReplicas: 0,
  });
  expect(condition(harness, "Available")).toMatchObject({
    status: "True",
    reason: "MinimumReplicasAvailable",
    message: "Deployment has minimum availability.",
  });
  expect(condition(harness, "Progressing")).toMatchObject({
    status: "True",
    reason: "NewReplicaSetAvailable",
    message: `ReplicaSet "web-${hash}" has successfully progressed.`,
  });
  expect(harness.events()).toContain(`ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 3`);
});

test("a rolling update keeps within surge and unavailability at every moment", async () => {
  await using harness = await run(both);
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
  const spec = { replicas: 6, strategy: { type: "RollingUpdate", rollingUpdate } } as const;
  await harness.cluster.client.create(Deployment, deployment(spec));
  await kubelet(harness);
  await change(harness, { template: template("img:2") });
  const seen = new Set<string>();
  for (let turn = 0; turn < 60; turn += 1) {
    await harness.settle();
    const pods = harness.cluster.all(Pod);
    const alive = pods.filter((pod) => !pod.metadata.deletionTimestamp);
    const available = alive.filter((pod) => pod.status?.conditions?.[0]?.status === "True");
    expect(alive.length).toBeLessThanOrEqual(7);
    expect(available.length).toBeGreaterThanOrEqual(5);
    seen.add(JSON.stringify(sizes(harness)));
    // One pod at a time moves on.
    const isReady = (pod: Pod) => pod.status?.conditions?.[0]?.status === "True";
    const next = alive.find((pod) => !isReady(pod))?.metadata.uid;
    await kubelet(harness, (pod) => isReady(pod) || pod.metadata.uid === next);
  }
  expect(sizes(harness)).toEqual({ "img:1": 0, "img:2": 6 });
  expect(seen.size).toBeGreaterThan(3);
});

test("a rollout that never gets ready stops, keeps the old pods and exceeds its deadline", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment({ replicas: 4, progressDeadlineSeconds: 60 }));
  await kubelet(harness);
  await change(harness, { template: template("missing:1") });
  await kubelet(harness, runs("img:1"));
  expect(sizes(harness)).toEqual({ "img:1": 3, "missing:1": 2 });
  expect(condition(harness, "Progressing")).toMatchObject({ status: "True", reason: "ReplicaSetUpdated" });
  await harness.pass(50_000);
  expect(condition(harness, "Progressing")?.status).toBe("True");
  await harness.pass(20_000);
  expect(condition(harness, "Progressing")).toMatchObject({
    status: "False",
    reason: "ProgressDeadlineExceeded",
    message: expect.stringMatching(/^ReplicaSet "web-.*" has timed out progressing\.$/),
  });
  expect(condition(harness, "Available")?.status).toBe("True");
  expect(harness.cluster.all(Pod).filter(runs("img:1"))).toHaveLength(3);

  await change(harness, { template: template("img:1") });
  await kubelet(harness, runs("img:1"));
  expect(sizes(harness)).toEqual({ "img:1": 4, "missing:1": 0 });
  expect(condition(harness, "Progressing")).toMatchObject({ status: "True", reason: "NewReplicaSetAvailable" });
  expect(web(harness).metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("3");
  const back = harness.cluster.all(ReplicaSet).find((set) => imageOf(set) === "img:1");
  expect(back?.metadata.annotations?.["deployment.kubernetes.io/revision-history"]).toBe("1");
});

test("Recreate makes new pods only when the last old one is gone", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment({ strategy: { type: "Recreate" } }));
  await kubelet(harness);
  await change(harness, { template: template("img:2") });
  await harness.settle();
  expect(sizes(harness)).toEqual({ "img:1": 0 });
  const leaving = harness.cluster.all(Pod);
  expect(leaving.every((pod) => pod.metadata.deletionTimestamp)).toBe(true);
  expect(leaving).toHaveLength(3);
  harness.cluster.remove(Pod, leaving[0]!);
  harness.cluster.remove(Pod, leaving[1]!);
  await harness.settle();
  expect(sizes(harness)).toEqual({ "img:1": 0 });
  await kubelet(harness);
  expect(sizes(harness)).toEqual({ "img:1": 0, "img:2": 3 });
  expect(web(harness).status?.availableReplicas).toBe(3);
});

test("scaling in the middle of a rollout shares the pods out in proportion", async () => {
  await using harness = await run(both);
  const rollingUpdate = { maxSurge: 3, maxUnavailable: 2 };
  const spec = { replicas: 10, strategy: { type: "RollingUpdate", rollingUpdate } } as const;
  await harness.cluster.client.create(Deployment, deployment(spec));
  await kubelet(harness);
  await change(harness, { template: template("missing:1") });
  await kubelet(harness, runs("img:1"));
  expect(sizes(harness)).toEqual({ "img:1": 8, "missing:1": 5 });
  await change(harness, { replicas: 30 });
  await kubelet(harness, runs("img:1"));
  expect(sizes(harness)).toEqual({ "img:1": 20, "missing:1": 13 });
});

test("a paused Deployment scales but does not roll, and goes on when resumed", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment());
  await kubelet(harness);
  await change(harness, { paused: true });
  await harness.settle();
  expect(condition(harness, "Progressing")).toMatchObject({ status: "Unknown", reason: "DeploymentPaused" });
  await change(harness, { template: template("img:2"), replicas: 5 });
  await kubelet(harness);
  expect(sizes(harness)).toEqual({ "img:1": 5 });
  await change(harness, { paused: false });
  await kubelet(harness);
  expect(sizes(harness)).toEqual({ "img:1": 0, "img:2": 5 });
  expect(condition(harness, "Progressing")).toMatchObject({ status: "True", reason: "NewReplicaSetAvailable" });
});

test("only as many empty ReplicaSets are kept as the history limit says, the newest", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment({ revisionHistoryLimit: 2 }));
  for (const image of ["img:1", "img:2", "img:3", "img:4", "img:5"]) {
    await change(harness, { template: template(image) });
    await kubelet(harness);
  }
  expect(sizes(harness)).toEqual({ "img:3": 0, "img:4": 0, "img:5": 3 });
});

test("a rollback asked for by annotation puts the earlier template and its annotations back", async () => {
  await using harness = await run(both);
  const draft = deployment();
  const annotations = { "kubernetes.io/change-cause": "first" };
  await harness.cluster.client.create(Deployment, { ...draft, metadata: { ...draft.metadata, annotations } });
  await kubelet(harness);
  const known = web(harness);
  await harness.cluster.client.update(Deployment, {
    ...known,
    metadata: {
      ...known.metadata,
      annotations: { ...known.metadata.annotations, "kubernetes.io/change-cause": "second" },
    },
    spec: { ...known.spec, template: template("img:2") },
  });
  await kubelet(harness);
  const ask = (revision: string) => {
    const { metadata } = web(harness);
    const asked = { ...metadata.annotations, "deprecated.deployment.rollback.to": revision };
    return harness.cluster.client.update(Deployment, {
      ...web(harness),
      metadata: { ...metadata, annotations: asked },
    });
  };
  await ask("0");
  await kubelet(harness);
  expect(sizes(harness)).toEqual({ "img:1": 3, "img:2": 0 });
  expect(web(harness).metadata.annotations).toMatchObject({
    "kubernetes.io/change-cause": "first",
    "deployment.kubernetes.io/revision": "3",
  });
  expect(web(harness).metadata.annotations).not.toHaveProperty("deprecated.deployment.rollback.to");
  expect(harness.events()).toContain('DeploymentRollback: Rolled back deployment "web" to revision 1');

  await ask("17");
  await harness.settle();
  expect(harness.events()).toContain("DeploymentRollbackRevisionNotFound: Unable to find the revision to rollback to.");
  await ask("3");
  await harness.settle();
  expect(harness.events()).toContain(
    'DeploymentRollbackTemplateUnchanged: The rollback revision contains the same template as current deployment "web"',
  );
});

test("an orphaned ReplicaSet with the selector's labels is adopted, and the oldest of equal ones is the current one", async () => {
  await using harness = await run(both, {
    given: (cluster) => {
      const labels = { app: "web" };
      const selector = { matchLabels: labels };
      const metadata = { name: "found", namespace: "default", labels };
      cluster.put(ReplicaSet, { metadata, spec: { replicas: 1, selector, template: template() } });
    },
  });
  await harness.cluster.client.create(Deployment, deployment());
  await kubelet(harness);
  const sets = harness.cluster.all(ReplicaSet);
  expect(sets.map(({ metadata }) => metadata.name)).toEqual(["found"]);
  expect(sets[0]?.metadata.ownerReferences?.[0]).toMatchObject({ kind: "Deployment", name: "web", controller: true });
  expect(sets[0]?.spec.replicas).toBe(3);
});

test("a ReplicaSet of somebody else under the hashed name is a collision: another name is taken", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment());
  await kubelet(harness);
  const [first] = harness.cluster.all(ReplicaSet);
  harness.cluster.remove(Deployment, web(harness));
  harness.cluster.change(ReplicaSet, first!, { metadata: { ...first!.metadata, labels: {}, ownerReferences: [] } });
  await harness.cluster.client.create(Deployment, deployment());
  await kubelet(harness);
  await harness.pass(100);
  await kubelet(harness);
  expect(web(harness).status).toMatchObject({ collisionCount: 1, availableReplicas: 3 });
  expect(harness.cluster.all(ReplicaSet).map(({ metadata }) => metadata.name)).toHaveLength(2);
});

test("a refused ReplicaSet is told in a condition and an event, and tried again", async () => {
  await using harness = await run(both);
  let refused = true;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (refused && verb === "create" && kind === "ReplicaSet") {
      throw new StatusError("Forbidden", "exceeded quota", { code: statusCodes.Forbidden });
    }
  };
  await harness.cluster.client.create(Deployment, deployment());
  await harness.settle();
  const message = expect.stringMatching(/^Failed to create new replica set "web-\w+": exceeded quota$/);
  expect(condition(harness, "Progressing")).toMatchObject({
    status: "False",
    reason: "ReplicaSetCreateError",
    message,
  });
  refused = false;
  await harness.pass(10_000);
  await kubelet(harness);
  expect(web(harness).status?.availableReplicas).toBe(3);
});

test("pods that quota refuses show as ReplicaFailure, and the condition goes when they come", async () => {
  await using harness = await run(both);
  let refused = true;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (refused && verb === "create" && kind === "Pod") throw new StatusError("Forbidden", "exceeded quota");
  };
  await harness.cluster.client.create(Deployment, deployment());
  await harness.settle();
  expect(condition(harness, "ReplicaFailure")).toMatchObject({
    status: "True",
    reason: "FailedCreate",
    message: "exceeded quota",
  });
  refused = false;
  await harness.pass(60_000);
  await kubelet(harness);
  expect(condition(harness, "ReplicaFailure")).toBeUndefined();
  expect(web(harness).status?.availableReplicas).toBe(3);
});

test("a Deployment that selects everything is left alone, with a warning", async () => {
  await using harness = await run(both);
  await harness.cluster.client.create(Deployment, deployment({ selector: {} }));
  await harness.settle();
  expect(harness.cluster.all(ReplicaSet)).toEqual([]);
  expect(harness.events()).toContain(
    "SelectingAll: This deployment is selecting all pods. A non-empty selector is required.",
  );
  expect(web(harness).status?.observedGeneration).toBe(1);
});
