import { describe, expect, test } from "vitest";
import { CronJob } from "../../../src/api/batch/cron-job.ts";
import { Job } from "../../../src/api/batch/job.ts";
import { labels, openStage, type Stage, template } from "./stage.ts";

const make = (stage: Stage, concurrencyPolicy: string, more: object = {}) =>
  stage.make(CronJob, {
    metadata: { name: "cj", labels },
    spec: {
      schedule: "*/1 * * * ?",
      concurrencyPolicy,
      jobTemplate: { spec: { template: template({ restartPolicy: "OnFailure" }) } },
      ...more,
    },
  });
const names = async (stage: Stage) => (await stage.list(Job)).map(({ metadata }) => metadata.name).sort();

describe("[sig-apps] CronJob", () => {
  test("should not schedule jobs when suspended", async () => {
    await using stage = await openStage();
    await make(stage, "Allow", { suspend: true });
    await stage.rest(200);
    expect(await names(stage)).toEqual([]);
    expect((await stage.get(CronJob, "cj")).status?.active ?? []).toEqual([]);
  });

  test("should not schedule new jobs when ForbidConcurrent", async () => {
    await using stage = await openStage();
    await make(stage, "Forbid");
    await stage.rest(65);
    const first = await names(stage);
    expect(first).toHaveLength(1);
    await stage.rest(120);
    expect(await names(stage)).toEqual(first);
  });

  test("should replace jobs when ReplaceConcurrent", async () => {
    await using stage = await openStage();
    await make(stage, "Replace");
    await stage.rest(65);
    const first = await names(stage);
    await stage.rest(60);
    const second = await names(stage);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
  });

  test("should schedule multiple jobs concurrently", async () => {
    await using stage = await openStage();
    await make(stage, "Allow");
    await stage.rest(125);
    expect(await names(stage)).toHaveLength(2);
    expect((await stage.get(CronJob, "cj")).status?.active).toHaveLength(2);
  });

  test("should support CronJob API operations", async () => {
    await using stage = await openStage();
    await make(stage, "Allow", { suspend: true });
    expect((await stage.list(CronJob, "app=web")).map(({ metadata }) => metadata.name)).toEqual(["cj"]);
    await stage.change(CronJob, "cj", { metadata: { annotations: { patched: "true" } } });
    await stage.rest();
    const known = await stage.get(CronJob, "cj");
    await stage.client.update(CronJob, { ...known, metadata: { ...known.metadata, annotations: { updated: "true" } } });
    await stage.change(CronJob, "cj", { status: { lastScheduleTime: "2025-12-31T23:00:00Z" } }, "status");
    const changed = await stage.get(CronJob, "cj");
    expect([changed.metadata.annotations, changed.status?.lastScheduleTime]).toEqual([
      { updated: "true" },
      "2025-12-31T23:00:00Z",
    ]);
    await stage.client.deleteCollection(CronJob, { namespace: "default", labelSelector: "app=web" });
    expect(await stage.list(CronJob)).toEqual([]);
  });
});
