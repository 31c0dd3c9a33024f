import { describe, expect, it } from "vitest";
import { created, faultsOf, faultsOfChange, received, row } from "../kind-fixture.ts";
import { CronJob } from "./cron-job.ts";
import { Job } from "./job.ts";
import { scheduleFault } from "./schedule.ts";

const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "img:1" }] } };
const job = (more: object = {}) => ({ metadata: { name: "j" }, spec: { template, ...more } });

describe("a job", () => {
  it("runs one pod to its end, and is tied to it by its own uid", () => {
    const { metadata, spec } = created(Job, job());
    expect(spec).toMatchObject({ completions: 1, parallelism: 1, backoffLimit: 6, completionMode: "NonIndexed" });
    expect(spec.selector).toEqual({ matchLabels: { "batch.kubernetes.io/controller-uid": "u1" } });
    expect(spec.template.metadata?.labels).toEqual({
      "batch.kubernetes.io/controller-uid": "u1",
      "batch.kubernetes.io/job-name": "j",
      "controller-uid": "u1",
      "job-name": "j",
    });
    expect(metadata.labels).toEqual(spec.template.metadata?.labels);
  });

  it("that works off a queue has no number of completions", () => {
    expect(received(Job, job({ parallelism: 2 })).spec.completions).toBeUndefined();
  });

  it("leaves a selector alone that was made by hand", () => {
    const labels = { a: "b" };
    const own = {
      manualSelector: true,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { labels } },
    };
    expect(created(Job, job(own)).spec.template.metadata?.labels).toEqual(labels);
    expect(faultsOf(Job, job(own))).toEqual([]);
  });

  it.each([
    ["nothing wrong", {}, []],
    [
      "pods that restart always",
      { template: { spec: { containers: template.spec.containers } } },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      "indexes but no number of them",
      { completionMode: "Indexed", parallelism: 2 },
      ["spec.completions: Required value: when completion mode is Indexed"],
    ],
    [
      "counts below zero",
      { parallelism: -1, ttlSecondsAfterFinished: -1 },
      [
        "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
        "spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0",
      ],
    ],
  ])("with %s", (_what, more, faults) => {
    expect(faultsOf(Job, job(more))).toEqual(faults);
  });

  it("keeps how often it must succeed, but not how many pods try at a time", () => {
    expect(faultsOfChange(Job, job({ completions: 1 }), { ...created(Job, job({ completions: 2 })) })).toEqual([
      "spec.completions: Invalid value: 2: field is immutable",
    ]);
    expect(faultsOfChange(Job, job(), { ...created(Job, job({ parallelism: 2, completions: 1 })) })).toEqual([]);
  });

  it("that grows by its indexes may change both counts alike", () => {
    const indexed = (count: number) => job({ completionMode: "Indexed", completions: count, parallelism: count });
    expect(faultsOfChange(Job, indexed(2), { ...created(Job, indexed(3)) })).toEqual([]);
  });

  it("shows its progress and how long it took", () => {
    const status = { startTime: "2020-01-01T00:00:00Z", completionTime: "2020-01-01T00:01:30Z", succeeded: 3 };
    expect(row(Job, { ...created(Job, job({ completions: 3 })), status })).toMatchObject({
      Status: "Running",
      Completions: "3/3",
      Duration: "90s",
    });
    expect(row(Job, created(Job, job({ parallelism: 2 })))).toMatchObject({ Completions: "0/1 of 2", Duration: "" });
  });
});

describe("a cron job", () => {
  const cron = (more: object = {}) => ({
    spec: { schedule: "*/5 * * * *", jobTemplate: { spec: { template } }, ...more },
  });

  it("lets runs overlap, and keeps three good ones and a bad one", () => {
    expect(received(CronJob, cron()).spec).toMatchObject({
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    expect(faultsOf(CronJob, cron())).toEqual([]);
  });

  it.each([
    ["no schedule", { schedule: "" }, ["spec.schedule: Required value"]],
    [
      "an unknown time zone",
      { timeZone: "Mars/Olympus" },
      ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'],
    ],
    [
      "an unknown policy",
      { concurrencyPolicy: "Maybe" },
      ['spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"'],
    ],
  ])("with %s is refused", (_what, more, faults) => {
    expect(faultsOf(CronJob, cron(more))).toEqual(faults);
  });

  it("has a name that leaves room for the names of its jobs", () => {
    const name = "a".repeat(53);
    expect(faultsOf(CronJob, { ...cron(), metadata: { name } })).toEqual([
      `metadata.name: Invalid value: "${name}": must be no more than 52 characters`,
    ]);
  });
});

describe("a schedule", () => {
  it.each([
    "* * * * *",
    "0 0 1 jan-mar mon,fri",
    "*/15 8-18 * * 1-5",
    "@hourly",
    "@every 1h30m",
    "TZ=UTC 0 0 * * *",
    "5/10 ? * * SUN",
  ])("%s is one", (schedule) => {
    expect(scheduleFault(schedule)).toBeUndefined();
  });

  it.each([
    ["", "empty spec string"],
    ["* * *", "expected exactly 5 fields, found 3: [* * *]"],
    ["61 * * * *", "end of range (61) above maximum (59): 61"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["9-5 * * * *", "beginning of range (9) beyond end of range (5): 9-5"],
    ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ["@sometimes", "unrecognized descriptor: @sometimes"],
  ])("%s is none", (schedule, fault) => {
    expect(scheduleFault(schedule)).toBe(fault);
  });
});
