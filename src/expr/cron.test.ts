import { describe, expect, test } from "vitest";
import { parseSchedule } from "./cron.ts";

const at = (text: string) => Date.parse(text);
const text = (time: number | undefined) =>
  time === undefined ? undefined : new Date(time).toISOString().replace(".000Z", "Z");

describe("the next time due", () => {
  test.each([
    { name: "every minute", schedule: "* * * * *", after: "2026-01-01T00:00:30Z", next: "2026-01-01T00:01:00Z" },
    {
      name: "never the moment itself",
      schedule: "0 * * * *",
      after: "2026-01-01T05:00:00Z",
      next: "2026-01-01T06:00:00Z",
    },
    { name: "a step", schedule: "*/15 * * * *", after: "2026-01-01T00:16:00Z", next: "2026-01-01T00:30:00Z" },
    {
      name: "a step from a start",
      schedule: "5/20 * * * *",
      after: "2026-01-01T00:46:00Z",
      next: "2026-01-01T01:05:00Z",
    },
    {
      name: "ranges and lists",
      schedule: "0 9-11,20 * * *",
      after: "2026-01-01T11:00:00Z",
      next: "2026-01-01T20:00:00Z",
    },
    { name: "names", schedule: "0 0 * feb mon", after: "2026-01-01T00:00:00Z", next: "2026-02-02T00:00:00Z" },
    {
      name: "a day of both fields is one of either",
      schedule: "0 0 13 * fri",
      after: "2026-01-03T00:00:00Z",
      next: "2026-01-09T00:00:00Z",
    },
    {
      name: "an open field leaves the day to the other",
      schedule: "0 0 13 * *",
      after: "2026-01-03T00:00:00Z",
      next: "2026-01-13T00:00:00Z",
    },
    {
      name: "the end of February in a leap year",
      schedule: "0 0 29 2 *",
      after: "2026-03-01T00:00:00Z",
      next: "2028-02-29T00:00:00Z",
    },
    { name: "a day that never comes", schedule: "0 0 30 2 *", after: "2026-01-01T00:00:00Z", next: undefined },
    { name: "a shorthand", schedule: "@weekly", after: "2026-01-01T00:00:00Z", next: "2026-01-04T00:00:00Z" },
    {
      name: "a fixed interval",
      schedule: "@every 1h30m",
      after: "2026-01-01T00:00:10.5Z",
      next: "2026-01-01T01:30:10Z",
    },
    {
      name: "a question mark is a star",
      schedule: "0 12 ? * ?",
      after: "2026-01-01T13:00:00Z",
      next: "2026-01-02T12:00:00Z",
    },
  ])("$name", ({ schedule, after, next }) => {
    expect(text(parseSchedule(schedule).next(at(after)))).toBe(next);
  });
});

describe("in a time zone", () => {
  test.each([
    {
      name: "hours are local",
      zone: "Asia/Tokyo",
      schedule: "0 9 * * *",
      after: "2026-01-01T00:30:00Z",
      next: "2026-01-02T00:00:00Z",
    },
    {
      name: "half hours too",
      zone: "Asia/Kolkata",
      schedule: "30 5 * * *",
      after: "2026-01-01T01:00:00Z",
      next: "2026-01-02T00:00:00Z",
    },
    {
      name: "an hour that is skipped is skipped",
      zone: "Europe/Berlin",
      schedule: "30 2 * * *",
      after: "2026-03-28T12:00:00Z",
      next: "2026-03-30T00:30:00Z",
    },
    {
      name: "the day after the clocks went forward begins at its midnight",
      zone: "Europe/Berlin",
      schedule: "0 0 * * *",
      after: "2026-03-29T10:00:00Z",
      next: "2026-03-29T22:00:00Z",
    },
    {
      name: "the day after they went back too",
      zone: "Europe/Berlin",
      schedule: "0 0 * * *",
      after: "2026-10-25T10:00:00Z",
      next: "2026-10-25T23:00:00Z",
    },
    {
      name: "a midnight that is skipped is skipped",
      zone: "America/Santiago",
      schedule: "0 0 * * *",
      after: "2026-09-05T12:00:00Z",
      next: "2026-09-07T03:00:00Z",
    },
  ])("$name", ({ zone, schedule, after, next }) => {
    expect(text(parseSchedule(schedule, zone).next(at(after)))).toBe(next);
  });

  test("an hour that comes twice is due twice", () => {
    const schedule = parseSchedule("30 2 * * *", "Europe/Berlin");
    const first = schedule.next(at("2026-10-24T12:00:00Z"));
    expect(text(first)).toBe("2026-10-25T00:30:00Z");
    expect(text(schedule.next(first ?? 0))).toBe("2026-10-25T01:30:00Z");
  });

  test("the zone may stand in the schedule itself", () => {
    expect(text(parseSchedule("CRON_TZ=Asia/Tokyo 0 9 * * *").next(at("2026-01-01T00:30:00Z")))).toBe(
      "2026-01-02T00:00:00Z",
    );
  });
});

test.each([
  "",
  "* * * *",
  "60 * * * *",
  "* * 0 * *",
  "5-1 * * * *",
  "*/0 * * * *",
  "a * * * *",
  "@never",
  "@every",
  "@every x",
])("%j is no schedule", (schedule) => {
  expect(() => parseSchedule(schedule)).toThrow(expect.objectContaining({ code: "invalid" }));
});

test("an unknown zone is refused", () => {
  expect(() => parseSchedule("* * * * *", "Mars/Olympus")).toThrow("unknown time zone Mars/Olympus");
});
