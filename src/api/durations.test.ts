import { describe, expect, it } from "vitest";
import { humanDuration, since } from "./durations.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe("a length of time for people", () => {
  it.each([
    [-2 * second, "<invalid>"],
    [-1 * second, "0s"],
    [0, "0s"],
    [119 * second, "119s"],
    [2 * minute, "2m"],
    [5 * minute + 30 * second, "5m30s"],
    [10 * minute + 59 * second, "10m"],
    [179 * minute, "179m"],
    [3 * hour, "3h"],
    [3 * hour + 10 * minute, "3h10m"],
    [8 * hour + 10 * minute, "8h"],
    [47 * hour, "47h"],
    [2 * day + 4 * hour, "2d4h"],
    [8 * day + 4 * hour, "8d"],
    [45 * day, "45d"],
    [729 * day, "729d"],
    [730 * day, "2y"],
    [800 * day, "2y70d"],
    [3000 * day, "8y"],
  ])("%d ms is written %s", (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });

  it("is not known without a time to start from", () => {
    expect(since(undefined, 0)).toBe("<unknown>");
    expect(since(null, 0)).toBe("<unknown>");
  });
});
