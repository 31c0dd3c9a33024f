import { describe, expect, test } from "vitest";
import * as times from "./times.ts";

describe("times", () => {
  test.each([
    ["2016-03-17T00:00:00Z", "2016-03-17T00:00:00Z"],
    ["2016-02-29T23:59:59Z", "2016-02-29T23:59:59Z"],
    ["2016-03-17T01:30:00+01:30", "2016-03-17T00:00:00Z"],
    ["2016-03-17T00:00:00.999Z", "2016-03-17T00:00:00Z"],
    ["0001-01-01T00:00:00Z", undefined],
  ])("%s becomes %s", (text, canonical) => expect(times.canonicalTime(text)).toBe(canonical));

  test.each([
    ["2016-03-17T00:00:00.5Z", "2016-03-17T00:00:00.500000Z"],
    ["2016-03-17T00:00:00.1234567Z", "2016-03-17T00:00:00.123456Z"],
  ])("%s becomes %s, with microseconds", (text, canonical) => expect(times.canonicalMicroTime(text)).toBe(canonical));

  test.each([
    "",
    "yesterday",
    "2015-02-29T00:00:00Z",
    "2016-13-01T00:00:00Z",
    "2016-03-17T24:00:00Z",
    "2016-03-17",
    "2016-03-17T00:00:60Z",
  ])("%j is no time", (text) => expect(() => times.canonicalTime(text)).toThrow(/^parsing time/));

  test("what is said of text that is no time is Go's", () => {
    expect(() => times.canonicalTime("x")).toThrow(
      'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    );
  });

  test("moments that text cannot write are refused", () => {
    const outside = "year outside of range [0,9999]";
    for (const seconds of [1e12, -1e12, 1e300, Number.NaN]) {
      expect(() => times.formatSeconds(seconds)).toThrow(outside);
      expect(() => times.formatMicro({ seconds, nanos: 0 })).toThrow(outside);
    }
    expect(() => times.formatMicro({ seconds: 0, nanos: -5 })).toThrow("nanoseconds outside of range");
    expect(() => times.canonicalTime("9999-12-31T23:59:59-10:00")).toThrow(outside);
  });

  test("milliseconds become times", () => {
    expect(times.timeOf(1458172800999)).toBe("2016-03-17T00:00:00Z");
    expect(times.microTimeOf(1458172800123.5)).toBe("2016-03-17T00:00:00.123500Z");
    expect(times.timeMillis("2016-03-17T00:00:00.25Z")).toBe(1458172800250);
  });
});

describe("durations", () => {
  test.each([
    ["60s", "1m0s"],
    ["1h30m", "1h30m0s"],
    ["1.5s", "1.5s"],
    ["-0.5ms", "-500µs"],
    ["100000us", "100ms"],
    ["0", "0s"],
    ["36h", "36h0m0s"],
    ["1ns", "1ns"],
  ])("%s is written %s", (text, written) => expect(times.formatDuration(times.parseDuration(text))).toBe(written));

  test.each([
    ["", 'time: invalid duration ""'],
    ["5", 'time: missing unit in duration "5"'],
    ["5d", 'time: unknown unit "d" in duration "5d"'],
  ])("%j is refused", (text, message) => expect(() => times.parseDuration(text)).toThrow(message));
});
