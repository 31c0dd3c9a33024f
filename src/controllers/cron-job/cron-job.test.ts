import { describe, expect, test } from "vitest";
import { CronJob } from "../../api/batch/cron-job.ts";
import { Job } from "../../api/batch/job.ts";
import { parseSchedule } from "../../expr/cron.ts";
import { timeOf } from "../../machinery/times.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { cronJobController } from "./cron-job.ts";
import { due, mailDate } from "./due.ts";

const minute = 60_000;
const start = () => run([cronJobController]);
const draft = (spec: Partial<CronJob["spec"]> = {}) => ({
  metadata: { name: "cj", namespace: "default" },
  spec: {
    schedule: "* * * * *",
    concurrencyPolicy: "Allow" as const,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
    jobTemplate: { metadata: { labels: { from: "cj" } }, spec: { template: {} } },
    ...spec,
  },
});
const cronJob = ({ cluster }: Harness) => cluster.get(CronJob, "cj")!;
const jobs = ({ cluster }: Harness) => cluster.all(Job).map(({ metadata }) => metadata.name);
const active = (harness: Harness) => (cronJob(harness).status?.active ?? []).map(({ name }) => name);
async function end(harness: Harness, type: "Complete" | "Failed" = "Complete"): Promise<void> {
  const time = timeOf(harness.clock.now());
  for (const job of harness.cluster.all(Job)) {
    if (job.status?.conditions) continue;
    const status = {
      startTime: time,
      conditions: [{ type, status: "True" as const }],
      ...(type === "Complete" ? { completionTime: time } : {}),
    };
    harness.cluster.change(Job, job, { status });
  }
  await harness.settle();
}
// The clock of these tests begins at midnight, 1 January 2026.
const named = (minutes: number) => `cj-${Date.UTC(2026, 0, 1) / minute + minutes}`;

describe("a CronJob", () => {
  test("makes a Job at each time due, and lists it while it runs", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft());
    await harness.pass(59_000);
    expect(jobs(harness)).toEqual([]);
    await harness.pass(2000);
    expect(jobs(harness)).toEqual([named(1)]);
    const [job] = harness.cluster.all(Job);
    expect(job?.metadata).toMatchObject({
      labels: { from: "cj" },
      annotations: { "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T00:01:00Z" },
      ownerReferences: [{ kind: "CronJob", name: "cj", controller: true }],
    });
    expect(cronJob(harness).status).toMatchObject({ lastScheduleTime: "2026-01-01T00:01:00Z" });
    await harness.pass(minute);
    expect(active(harness)).toEqual([named(1), named(2)]);
    await end(harness);
    expect(active(harness)).toEqual([]);
    expect(cronJob(harness).status?.lastSuccessfulTime).toBe("2026-01-01T00:02:01Z");
    expect(harness.events()).toEqual(
      expect.arrayContaining([
        `SuccessfulCreate: Created job ${named(1)}`,
        `SawCompletedJob: Saw completed job: ${named(1)}, status: Complete`,
      ]),
    );
  });

  test("that forbids concurrency skips while a Job runs", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft({ concurrencyPolicy: "Forbid" }));
    await harness.pass(2.5 * minute);
    expect(jobs(harness)).toEqual([named(1)]);
    expect(harness.events()).toContain(
      "JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid",
    );
    await end(harness);
    expect(jobs(harness)).toEqual([named(1), named(2)]);
  });

  test("that replaces deletes the Job that runs", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft({ concurrencyPolicy: "Replace" }));
    await harness.pass(2.5 * minute);
    expect(jobs(harness)).toEqual([named(2)]);
    expect(active(harness)).toEqual([named(2)]);
    expect(harness.events()).toContain(`SuccessfulDelete: Deleted job ${named(1)}`);
  });

  test("keeps the last three that succeeded and the last one that failed", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft());
    for (let round = 1; round <= 7; round += 1) {
      await harness.pass(minute + (round === 1 ? 1000 : 0));
      await end(harness, round % 3 === 0 ? "Failed" : "Complete");
    }
    expect(jobs(harness)).toEqual([named(4), named(5), named(6), named(7)]);
  });

  test("suspended does nothing, and resumed does not make up for what it missed", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft({ suspend: true }));
    await harness.pass(5.5 * minute);
    expect(jobs(harness)).toEqual([]);
    await harness.cluster.client.update(CronJob, { ...cronJob(harness), spec: draft().spec });
    await harness.settle();
    expect(jobs(harness)).toEqual([named(5)]);
  });

  test("notices that an active Job was deleted", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft());
    await harness.pass(61_000);
    harness.cluster.remove(Job, harness.cluster.all(Job)[0]!);
    await harness.settle();
    expect(active(harness)).toEqual([]);
    expect(harness.events()).toContain(`MissingJob: Active job went missing: ${named(1)}`);
    await harness.pass(30_000);
    expect(jobs(harness)).toEqual([]);
  });

  test("makes no second Job for a time when it is killed between its two writes", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft());
    await harness.settle();
    let killed = false;
    harness.cluster.refuse = ({ verb }) => {
      if (verb !== "updateStatus" || killed) return;
      killed = true;
      throw new Error("the controller was killed");
    };
    await harness.pass(70_000);
    expect(killed).toBe(true);
    expect(jobs(harness)).toEqual([named(1)]);
    expect(active(harness)).toEqual([named(1)]);
  });

  test("whose schedule or time zone makes no sense says so", async () => {
    await using harness = await start();
    await harness.cluster.client.create(CronJob, draft({ timeZone: "Mars/Olympus" }));
    await harness.settle();
    expect(harness.events()).toContain(
      'UnknownTimeZone: invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus',
    );
    await harness.cluster.client.update(CronJob, { ...cronJob(harness), spec: draft({ schedule: "x" }).spec });
    await harness.settle();
    expect(harness.events().join()).toContain('UnparseableSchedule: unparseable schedule: "x"');
  });
});

describe("what is due", () => {
  const job = (last: string, deadline?: number) =>
    ({
      metadata: { creationTimestamp: "2025-01-01T00:00:00Z" },
      spec: deadline === undefined ? {} : { startingDeadlineSeconds: deadline },
      status: { lastScheduleTime: last },
    }) as unknown as CronJob;
  const now = Date.parse("2026-01-01T10:29:30Z");
  const hourly = parseSchedule("0 * * * *");
  test.each([
    { name: "nothing before the next time", last: "2026-01-01T10:00:00Z", at: undefined, tooMany: false },
    { name: "the one time that was missed", last: "2026-01-01T09:00:00Z", at: "2026-01-01T10:00:00Z", tooMany: false },
    { name: "only the latest of several", last: "2026-01-01T03:00:00Z", at: "2026-01-01T10:00:00Z", tooMany: false },
    {
      name: "the latest of very many, with a complaint",
      last: "2025-01-01T00:00:00Z",
      at: "2026-01-01T10:00:00Z",
      tooMany: true,
    },
    {
      name: "nothing older than the deadline",
      last: "2026-01-01T03:00:00Z",
      deadline: 600,
      at: undefined,
      tooMany: false,
    },
  ])("$name", ({ last, deadline, at, tooMany }) => {
    const found = due(job(last, deadline), hourly, now);
    expect(found.at === undefined ? undefined : timeOf(found.at)).toBe(at);
    expect(found.tooMany).toBe(tooMany);
    expect(found.wait).toBe(30.5 * minute + 100);
  });

  test("uneven schedules are walked to their latest time", () => {
    const uneven = parseSchedule("0 0,1,22 * * *");
    const found = due(job("2025-12-20T00:00:00Z"), uneven, now);
    expect(timeOf(found.at ?? 0)).toBe("2026-01-01T01:00:00Z");
  });

  test("a missed time is told as mail tells it", () => {
    expect(mailDate(Date.parse("2026-01-01T09:05:00Z"))).toBe("Thu, 01 Jan 2026 09:05:00 +0000");
  });
});
