import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const day = 86_400_000;

test("what is due in a hundred days comes then, and not at once", () => {
  let fired = 0;
  systemClock.after(100 * day, () => {
    fired += 1;
  });
  vi.advanceTimersByTime(100 * day - 1);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
});

test("what is disposed after its first month does not come", () => {
  const timer = systemClock.after(100 * day, () => expect.unreachable());
  vi.advanceTimersByTime(30 * day);
  timer[Symbol.dispose]();
  vi.advanceTimersByTime(100 * day);
  expect(vi.getTimerCount()).toBe(0);
});
