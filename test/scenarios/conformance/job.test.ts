import { describe, expect, test } from "vitest";
import { Job } from "../../../src/api/batch/job.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { labels, openStage, type Stage, template } from "./stage.ts";

const make = (stage: Stage, spec: object = {}, podSpec: object = {}) =>
  stage.make(Job, {
    metadata: { name: "j", labels },
    spec: { template: template({ restartPolicy: "Never", ...podSpec }), ...spec },
  });
const status = async (stage: Stage) => (await stage.get(Job, "j")).status;
const conditions = async (stage: Stage) =>
  (await status(stage))?.conditions
    ?.filter(({ status: holds }) => holds === "True")
    .map(({ type, reason }) => `${type} ${reason ?? ""}`.trim());
const active = async (stage: Stage) => (await stage.list(Pod)).filter(({ status: of }) => of?.phase === "Running");
const indexOf = (pod: Pod) => pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"];
const succeed = { phase: "Succeeded" } as const;
const fail = { phase: "Failed" } as const;
/** Indexed pods are named after the job and their index. */
const index = (number: number | string) => ({ name: `j-${number}-.*` });
const indexed = { completionMode: "Indexed", completions: 4, parallelism: 4 };

describe("[sig-apps] Job", () => {
  test("should adopt matching orphans and release non-matching pods", async () => {
    await using stage = await openStage();
    await make(stage, { parallelism: 2, completions: 2 });
    await stage.rest();
    const [pod] = await stage.list(Pod);
    const name = pod!.metadata.name;
    const owner = async () => (await stage.get(Pod, name)).metadata.ownerReferences?.[0]?.name;
    await stage.change(Pod, name, { metadata: { ownerReferences: null } });
    await stage.rest();
    expect(await owner()).toBe("j");
    const released = Object.fromEntries(Object.keys(pod!.metadata.labels ?? {}).map((label) => [label, null]));
    await stage.change(Pod, name, { metadata: { labels: released } });
    await stage.rest();
    expect(await owner()).toBeUndefined();
  });

  const ignoring = {
    backoffLimit: 0,
    podFailurePolicy: {
      rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
    },
  };
  test("should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition", async () => {
    await using stage = await openStage();
    await make(stage, ignoring);
    await stage.rest();
    const [pod] = await stage.list(Pod);
    const key = { namespace: "default", name: pod!.metadata.name };
    stage.kubelets.rule([{ terminate: false }]);
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: key };
    await stage.client.createSubresource(Pod, key, "eviction", eviction);
    // What a kubelet reports of a pod that it has ended, before it lets it go.
    await stage.change(Pod, key.name, { status: { phase: "Failed" } }, "status");
    stage.kubelets.rule([]);
    await stage.rest(20);
    expect(await conditions(stage)).toBeUndefined();
    stage.kubelets.pin({ match: {}, ...succeed });
    await stage.rest();
    expect(await conditions(stage)).toEqual(["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
  });

  test("should allow to use a pod failure policy to ignore failure matching on exit code", async () => {
    await using stage = await openStage();
    const rules = [{ action: "Ignore", onExitCodes: { operator: "In", values: [1] } }];
    await make(stage, { backoffLimit: 0, podFailurePolicy: { rules } });
    await stage.rest();
    stage.kubelets.pin({ match: {}, ...fail });
    await stage.rest(20);
    stage.kubelets.pin({ match: {}, ...succeed });
    await stage.rest();
    expect(await status(stage)).toMatchObject({ succeeded: 1 });
    expect(await conditions(stage)).toContain("Complete CompletionsReached");
  });

  test("should apply changes to a job status", async () => {
    await using stage = await openStage();
    await make(stage);
    await stage.rest();
    const start = (await status(stage))?.startTime;
    await stage.change(Job, "j", { metadata: { annotations: { patched: "true" } }, status: {} }, "status");
    const known = await stage.get(Job, "j");
    expect([known.metadata.annotations?.patched, known.status?.startTime]).toEqual(["true", start]);
    const conditionsNow = [...(known.status?.conditions ?? []), { type: "CustomCondition", status: "True" }];
    await stage.change(Job, "j", { status: { conditions: conditionsNow } }, "status");
    expect(await conditions(stage)).toContain("CustomCondition");
  });

  test("should create pods for an Indexed job with completion indexes and specified hostname", async () => {
    await using stage = await openStage();
    await make(stage, { ...indexed, parallelism: 2 }, { subdomain: "headless" });
    await stage.rest();
    expect((await active(stage)).map(({ spec }) => spec.hostname).sort()).toEqual(["j-0", "j-1"]);
    for (let round = 0; round < 3; round += 1) {
      stage.kubelets.pin({ match: {}, ...succeed });
      await stage.rest();
    }
    expect(await status(stage)).toMatchObject({ completedIndexes: "0-3", succeeded: 4 });
    expect((await stage.list(Pod)).map(indexOf).sort()).toEqual(["0", "1", "2", "3"]);
  });

  test("should delete a job", async () => {
    await using stage = await openStage();
    await make(stage, { parallelism: 2, completions: 2 });
    await stage.rest();
    await stage.remove(Job, "j", { propagationPolicy: "Foreground" });
    await stage.rest();
    expect([...(await stage.list(Job)), ...(await stage.list(Pod))]).toEqual([]);
  });

  test("should execute all indexes despite some failing when using backoffLimitPerIndex", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([{ match: index("[02]"), ...fail }, succeed]);
    await make(stage, { ...indexed, backoffLimitPerIndex: 1 });
    await stage.rest(60);
    expect(await status(stage)).toMatchObject({
      failedIndexes: "0,2",
      completedIndexes: "1,3",
      failed: 4,
      succeeded: 2,
    });
    expect(await conditions(stage)).toEqual(["FailureTarget FailedIndexes", "Failed FailedIndexes"]);
  });

  test("should manage the lifecycle of a job", async () => {
    await using stage = await openStage();
    await make(stage, { suspend: true, parallelism: 1 });
    await stage.rest();
    expect(await stage.list(Pod)).toEqual([]);
    await stage.change(Job, "j", { metadata: { labels: { state: "patched" } }, spec: { suspend: false } });
    await stage.rest();
    expect(await active(stage)).toHaveLength(1);
    const known = await stage.get(Job, "j");
    await stage.client.update(Job, { ...known, metadata: { ...known.metadata, annotations: { updated: "true" } } });
    stage.kubelets.pin({ match: {}, ...succeed });
    await stage.rest();
    expect(await conditions(stage)).toContain("Complete CompletionsReached");
    await stage.client.deleteCollection(Job, {
      namespace: "default",
      labelSelector: "state=patched",
      propagationPolicy: "Background",
    });
    await stage.rest();
    expect([...(await stage.list(Job)), ...(await stage.list(Pod))]).toEqual([]);
  });

  test("should mark indexes as failed when the FailIndex action is matched in podFailurePolicy", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([{ match: index(0), ...fail }, succeed]);
    const rules = [{ action: "FailIndex", onExitCodes: { operator: "In", values: [1] } }];
    await make(stage, { ...indexed, backoffLimitPerIndex: 1, podFailurePolicy: { rules } });
    await stage.rest(60);
    expect(await status(stage)).toMatchObject({ failedIndexes: "0", completedIndexes: "1-3", failed: 1 });
  });

  test("should run a job to completion when tasks sometimes fail and are locally restarted", async () => {
    await using stage = await openStage();
    await make(stage, { completions: 4, parallelism: 2, backoffLimit: 6 }, { restartPolicy: "OnFailure" });
    await stage.rest();
    stage.kubelets.pin({ match: {}, count: 1, ready: true, restarts: 1 });
    await stage.rest();
    for (let round = 0; round < 3; round += 1) {
      stage.kubelets.pin({ match: {}, ...succeed });
      await stage.rest();
    }
    expect(await status(stage)).toMatchObject({ succeeded: 4 });
    expect(await conditions(stage)).toContain("Complete CompletionsReached");
  });

  test("should terminate job execution when the number of failed indexes exceeds maxFailedIndexes", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([fail]);
    await make(stage, { ...indexed, parallelism: 1, backoffLimitPerIndex: 1, maxFailedIndexes: 0 });
    await stage.rest(60);
    expect(await status(stage)).toMatchObject({ failedIndexes: "0" });
    expect(await conditions(stage)).toEqual([
      "FailureTarget MaxFailedIndexesExceeded",
      "Failed MaxFailedIndexesExceeded",
    ]);
    expect(await active(stage)).toEqual([]);
  });

  test("with successPolicy should succeeded when all indexes succeeded", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([succeed]);
    await make(stage, { ...indexed, completions: 2, successPolicy: { rules: [{ succeededCount: 2 }] } });
    await stage.rest();
    expect(await status(stage)).toMatchObject({ completedIndexes: "0,1", succeeded: 2 });
    expect(await conditions(stage)).toEqual(["SuccessCriteriaMet SuccessPolicy", "Complete SuccessPolicy"]);
  });

  test("with successPolicy succeededCount rule should succeeded even when some indexes remain pending", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([{ match: index(0), ...succeed }]);
    await make(stage, { ...indexed, successPolicy: { rules: [{ succeededCount: 1 }] } });
    await stage.rest();
    expect(await status(stage)).toMatchObject({ completedIndexes: "0", succeeded: 1, terminating: 0 });
    expect(await conditions(stage)).toEqual(["SuccessCriteriaMet SuccessPolicy", "Complete SuccessPolicy"]);
    expect(await active(stage)).toEqual([]);
  });

  test("with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending", async () => {
    await using stage = await openStage();
    stage.kubelets.rule([{ match: index(0), ...succeed }]);
    await make(stage, { ...indexed, successPolicy: { rules: [{ succeededIndexes: "0" }] } });
    await stage.rest();
    expect(await status(stage)).toMatchObject({ completedIndexes: "0", succeeded: 1 });
    expect(await conditions(stage)).toEqual(["SuccessCriteriaMet SuccessPolicy", "Complete SuccessPolicy"]);
  });
});
