import { describe, expect, test } from "vitest";
import { Job } from "../../api/batch/job.ts";
import { Pod } from "../../api/core/pod.ts";
import { timeOf } from "../../machinery/times.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { podStatus } from "../framework/testing/samples.ts";
import { jobController } from "./job.ts";
import { indexOf } from "./job-pods.ts";
import { ttlAfterFinishedController } from "./ttl-after-finished.ts";

const start = () => run([jobController(), ttlAfterFinishedController]);
const draft = (spec: Partial<Job["spec"]> = {}) => ({
  metadata: { name: "j", namespace: "default" },
  spec: {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed" as const,
    podReplacementPolicy: "TerminatingOrFailed" as const,
    selector: { matchLabels: { job: "j" } },
    template: {
      metadata: { labels: { job: "j" } },
      spec: { restartPolicy: "Never" as const, containers: [{ name: "c", image: "img:1" }] },
    },
    ...spec,
  },
});
const job = ({ cluster }: Harness) => cluster.get(Job, "j")!;
const change = (harness: Harness, spec: Partial<Job["spec"]>) =>
  harness.cluster.client.update(Job, { ...job(harness), spec: { ...job(harness).spec, ...spec } });
const running = ({ cluster }: Harness) =>
  cluster
    .all(Pod)
    .filter(({ metadata, status }) => !metadata.deletionTimestamp && !/Succ|Fail/.test(status?.phase ?? ""));
const indexes = (harness: Harness) => running(harness).map(indexOf).sort();
/** Ends running pods: those that `which` names, or all. */
async function end(
  harness: Harness,
  phase: "Succeeded" | "Failed",
  which: (pod: Pod, place: number) => boolean = () => true,
  exitCode = phase === "Failed" ? 1 : 0,
): Promise<void> {
  const { cluster, clock } = harness;
  running(harness)
    .filter(which)
    .forEach((pod) => {
      const state = { terminated: { exitCode, finishedAt: timeOf(clock.now()) } };
      const containerStatuses = [{ name: "c", image: "", imageID: "", ready: false, restartCount: 0, state }];
      cluster.change(Pod, pod, { status: { phase, containerStatuses } });
    });
  await harness.settle();
}
const conditions = (harness: Harness) =>
  (job(harness).status?.conditions ?? [])
    .filter(({ status }) => status === "True")
    .map(({ type, reason }) => `${type} ${reason}`);
/** Pods that somebody deletes go when nothing holds them. */
async function reap(harness: Harness): Promise<void> {
  await harness.settle();
  for (const pod of harness.cluster.all(Pod)) {
    const { deletionTimestamp } = pod.metadata;
    if (deletionTimestamp) {
      await harness.cluster.client.delete(
        Pod,
        { namespace: "default", name: pod.metadata.name },
        { gracePeriodSeconds: 0 },
      );
    }
  }
  await harness.settle();
}

describe("a Job", () => {
  test("runs as many pods at a time as it may, until enough have succeeded", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ completions: 3, parallelism: 2 }));
    await harness.settle();
    expect(running(harness)).toHaveLength(2);
    expect(running(harness)[0]?.metadata.finalizers).toEqual(["batch.kubernetes.io/job-tracking"]);
    expect(job(harness).status).toMatchObject({ active: 2, ready: 0, terminating: 0, startTime: expect.any(String) });
    await end(harness, "Succeeded", (_pod, place) => place === 0);
    expect(running(harness)).toHaveLength(2);
    expect(job(harness).status).toMatchObject({ active: 2, succeeded: 1 });
    await end(harness, "Succeeded", (_pod, place) => place === 0);
    expect(running(harness)).toHaveLength(1);
    await end(harness, "Succeeded");
    expect(conditions(harness)).toEqual(["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
    expect(job(harness).status).toMatchObject({
      succeeded: 3,
      completionTime: expect.any(String),
      uncountedTerminatedPods: {},
    });
    expect(job(harness).status).not.toHaveProperty("active");
    expect(harness.cluster.all(Pod).flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
    expect(harness.events()).toContain("Completed: Job completed");
  });

  test("without completions is done when one pod succeeded and all ended", async () => {
    await using harness = await start();
    const { completions: _, ...spec } = draft({ parallelism: 3 }).spec;
    await harness.cluster.client.create(Job, { ...draft(), spec });
    await harness.settle();
    expect(running(harness)).toHaveLength(3);
    await end(harness, "Succeeded", (_pod, place) => place === 0);
    expect(running(harness)).toHaveLength(2);
    expect(conditions(harness)).toEqual([]);
    await end(harness, "Succeeded");
    expect(conditions(harness)).toContain("Complete CompletionsReached");
  });

  test("replaces failed pods after a pause that grows, and fails beyond the limit", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ backoffLimit: 2 }));
    await harness.settle();
    await end(harness, "Failed");
    expect(running(harness)).toHaveLength(0);
    await harness.pass(9000);
    expect(running(harness)).toHaveLength(0);
    await harness.pass(1500);
    expect(running(harness)).toHaveLength(1);
    await end(harness, "Failed");
    await harness.pass(19_000);
    expect(running(harness)).toHaveLength(0);
    await harness.pass(1500);
    await end(harness, "Failed");
    expect(conditions(harness)).toEqual(["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]);
    expect(job(harness).status).toMatchObject({ failed: 3 });
    expect(harness.events()).toContain("BackoffLimitExceeded: Job has reached the specified backoff limit");
    await harness.pass(100_000);
    expect(running(harness)).toHaveLength(0);
  });

  test("whose pods restart in place fails by their restarts", async () => {
    await using harness = await start();
    const template = {
      ...draft().spec.template,
      spec: { restartPolicy: "OnFailure" as const, containers: [{ name: "c" }] },
    };
    await harness.cluster.client.create(Job, draft({ backoffLimit: 2, template }));
    await harness.settle();
    const restarted = (restartCount: number) => {
      const containerStatuses = [{ name: "c", image: "", imageID: "", ready: true, restartCount }];
      const status = { ...podStatus(true, harness.clock.now()), containerStatuses };
      harness.cluster.change(Pod, running(harness)[0]!, {
        spec: { ...running(harness)[0]!.spec, nodeName: "n1" },
        status,
      });
      return harness.settle();
    };
    await restarted(1);
    expect(conditions(harness)).toEqual([]);
    await restarted(2);
    expect(conditions(harness)).toEqual(["FailureTarget BackoffLimitExceeded"]);
    await reap(harness);
    expect(conditions(harness)).toContain("Failed BackoffLimitExceeded");
  });

  test("past its deadline fails, but only when its pods are gone", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ activeDeadlineSeconds: 30, parallelism: 2, completions: 2 }));
    await harness.settle();
    for (const pod of running(harness)) {
      harness.cluster.change(Pod, pod, {
        spec: { ...pod.spec, nodeName: "n1" },
        status: podStatus(true, harness.clock.now()),
      });
    }
    await harness.pass(29_000);
    expect(conditions(harness)).toEqual([]);
    await harness.pass(2000);
    expect(conditions(harness)).toEqual(["FailureTarget DeadlineExceeded"]);
    expect(job(harness).status).toMatchObject({ terminating: 2 });
    await reap(harness);
    expect(conditions(harness)).toEqual(["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]);
    expect(job(harness).status).toMatchObject({ failed: 2, terminating: 0 });
  });

  test("suspended has no pods, and starts anew when resumed", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ suspend: true, parallelism: 2, completions: 2 }));
    await harness.settle();
    expect(running(harness)).toHaveLength(0);
    expect(conditions(harness)).toEqual(["Suspended JobSuspended"]);
    expect(job(harness).status).not.toHaveProperty("startTime");
    await change(harness, { suspend: false });
    await harness.settle();
    expect(running(harness)).toHaveLength(2);
    expect(job(harness).status?.conditions).toMatchObject([
      { type: "Suspended", status: "False", reason: "JobResumed" },
    ]);
    await change(harness, { suspend: true });
    await reap(harness);
    expect(running(harness)).toHaveLength(0);
    expect(harness.events()).toEqual(expect.arrayContaining(["Suspended: Job suspended", "Resumed: Job resumed"]));
  });

  test("managed by somebody else is left alone", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ managedBy: "example.com/other" }));
    await harness.settle();
    expect(harness.cluster.all(Pod)).toEqual([]);
    expect(job(harness).status).toBeUndefined();
  });

  test("that is deleted lets its pods go", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft());
    await harness.settle();
    harness.cluster.remove(Job, job(harness));
    await harness.settle();
    for (const { metadata } of harness.cluster.all(Pod)) {
      await harness.cluster.client.delete(
        Pod,
        { namespace: "default", name: metadata.name },
        { gracePeriodSeconds: 0 },
      );
    }
    await harness.settle();
    expect(harness.cluster.all(Pod)).toEqual([]);
  });

  test("counts each pod once, even if it is killed between any two of its writes", async () => {
    for (let crash = 1; crash <= 8; crash += 1) {
      await using harness = await start();
      await harness.cluster.client.create(Job, draft({ completions: 3, parallelism: 3 }));
      await harness.settle();
      let writes = 0;
      harness.cluster.refuse = () => {
        writes += 1;
        if (writes === crash) throw new Error("the controller was killed");
      };
      await end(harness, "Succeeded");
      await harness.pass(10_000);
      expect(job(harness).status?.succeeded).toBe(3);
      expect(harness.cluster.all(Pod)).toHaveLength(3);
      expect(conditions(harness)).toContain("Complete CompletionsReached");
    }
  });
});

describe("an indexed Job", () => {
  const indexed = (spec: Partial<Job["spec"]> = {}) =>
    draft({ completionMode: "Indexed", completions: 4, parallelism: 4, ...spec });

  test("gives each pod its index, and runs each until it succeeds", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, indexed({ parallelism: 2 }));
    await harness.settle();
    expect(indexes(harness)).toEqual([0, 1]);
    const pod = running(harness)[0]!;
    expect(pod.metadata.name).toMatch(/^j-0-/);
    expect(pod.metadata.labels?.["batch.kubernetes.io/job-completion-index"]).toBe("0");
    expect(pod.spec.hostname).toBe("j-0");
    expect(pod.spec.containers[0]?.env).toEqual([
      {
        name: "JOB_COMPLETION_INDEX",
        valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
      },
    ]);
    await end(harness, "Succeeded", (each) => indexOf(each) === 1);
    expect(indexes(harness)).toEqual([0, 2]);
    expect(job(harness).status).toMatchObject({ completedIndexes: "1", succeeded: 1 });
    await end(harness, "Failed", (each) => indexOf(each) === 0);
    await harness.pass(11_000);
    expect(indexes(harness)).toContain(0);
    await end(harness, "Succeeded");
    await end(harness, "Succeeded");
    expect(job(harness).status).toMatchObject({ completedIndexes: "0-3", succeeded: 4, failed: 1 });
    expect(conditions(harness)).toContain("Complete CompletionsReached");
  });

  test("with a limit per index gives up single indexes, and fails when all others are done", async () => {
    await using harness = await start();
    const spec = { completions: 2, parallelism: 2, backoffLimit: 0x7fffffff, backoffLimitPerIndex: 1 };
    await harness.cluster.client.create(Job, indexed(spec));
    await harness.settle();
    await end(harness, "Failed", (each) => indexOf(each) === 0);
    expect(indexes(harness)).toEqual([1]);
    await harness.pass(11_000);
    expect(indexes(harness)).toEqual([0, 1]);
    const again = running(harness).find((each) => indexOf(each) === 0);
    expect(again?.metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"]).toBe("1");
    await end(harness, "Failed", (each) => indexOf(each) === 0);
    expect(job(harness).status).toMatchObject({ failedIndexes: "0", failed: 2 });
    await harness.pass(60_000);
    expect(indexes(harness)).toEqual([1]);
    await end(harness, "Succeeded");
    expect(conditions(harness)).toContain("Failed FailedIndexes");
    expect(job(harness).status).toMatchObject({ completedIndexes: "1", failedIndexes: "0", failed: 2, succeeded: 1 });
  });

  test("gives up when more indexes failed than may", async () => {
    await using harness = await start();
    const spec = { backoffLimit: 0x7fffffff, backoffLimitPerIndex: 0, maxFailedIndexes: 1 };
    await harness.cluster.client.create(Job, indexed(spec));
    await harness.settle();
    await end(harness, "Failed", (each) => (indexOf(each) ?? 0) < 2);
    await reap(harness);
    expect(conditions(harness)).toContain("Failed MaxFailedIndexesExceeded");
  });

  test("succeeds early when its policy says that enough have", async () => {
    await using harness = await start();
    const successPolicy = { rules: [{ succeededIndexes: "0,2-3", succeededCount: 2 }] };
    await harness.cluster.client.create(Job, indexed({ successPolicy }));
    await harness.settle();
    await end(harness, "Succeeded", (each) => indexOf(each) === 1 || indexOf(each) === 3);
    expect(conditions(harness)).toEqual([]);
    await end(harness, "Succeeded", (each) => indexOf(each) === 0);
    await reap(harness);
    expect(conditions(harness)).toEqual(["SuccessCriteriaMet SuccessPolicy", "Complete SuccessPolicy"]);
  });
});

describe("a failure policy", () => {
  const podFailurePolicy = {
    rules: [
      { action: "FailJob" as const, onExitCodes: { operator: "In" as const, values: [42] } },
      { action: "Ignore" as const, onPodConditions: [{ type: "DisruptionTarget" as const, status: "True" as const }] },
    ],
  };
  const spec = { podFailurePolicy, podReplacementPolicy: "Failed" as const, backoffLimit: 0 };

  test("fails the Job at once on an exit code that no repetition mends", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ ...spec, backoffLimit: 6 }));
    await harness.settle();
    const { name } = running(harness)[0]!.metadata;
    await end(harness, "Failed", undefined, 42);
    expect(conditions(harness)).toContain("Failed PodFailurePolicy");
    expect(job(harness).status?.conditions?.[0]?.message).toBe(
      `Container c for pod default/${name} failed with exit code 42 matching FailJob rule at index 0`,
    );
  });

  test("does not count a pod that was disrupted", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft(spec));
    await harness.settle();
    const pod = running(harness)[0]!;
    const conditions = [
      { type: "DisruptionTarget" as const, status: "True" as const, reason: "EvictionByEvictionAPI" },
    ];
    harness.cluster.change(Pod, pod, { status: { phase: "Failed", conditions } });
    await harness.pass(11_000);
    expect(running(harness)).toHaveLength(1);
    expect(job(harness).status).not.toHaveProperty("failed");
    await end(harness, "Failed");
    expect(job(harness).status).toMatchObject({ failed: 1 });
  });

  test("waits for a pod on its way out to end before it is replaced", async () => {
    await using harness = await start();
    await harness.cluster.client.create(Job, draft({ ...spec, backoffLimit: 6 }));
    await harness.settle();
    const pod = running(harness)[0]!;
    harness.cluster.change(Pod, pod, {
      spec: { ...pod.spec, nodeName: "n1" },
      status: podStatus(true, harness.clock.now()),
    });
    await harness.cluster.client.delete(Pod, { namespace: "default", name: pod.metadata.name });
    await harness.pass(60_000);
    expect(running(harness)).toHaveLength(0);
    expect(job(harness).status).toMatchObject({ terminating: 1 });
    harness.cluster.change(Pod, pod, {
      metadata: harness.cluster.get(Pod, pod.metadata.name)!.metadata,
      status: { phase: "Failed" },
    });
    await harness.pass(60_000);
    expect(running(harness)).toHaveLength(1);
  });
});

test("a finished Job is deleted when its time is over", async () => {
  await using harness = await start();
  await harness.cluster.client.create(Job, draft({ ttlSecondsAfterFinished: 60 }));
  await harness.settle();
  await harness.pass(100_000);
  await end(harness, "Succeeded");
  await harness.pass(59_000);
  expect(job(harness).metadata.deletionTimestamp).toBeUndefined();
  await harness.pass(2000);
  expect(job(harness).metadata.finalizers).toEqual(["foregroundDeletion"]);
});
