import { expect, test } from "vitest";
import { electionFromFlags, lastingIdentity } from "./election.ts";

test("elections keep upstream's times, and flags change them", () => {
  const usual = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2000 };
  expect(electionFromFlags({})).toEqual(usual);
  const flags = { "leader-elect": "true", "leader-elect-lease-duration": "1m", "leader-elect-retry-period": "500ms" };
  expect(electionFromFlags(flags)).toEqual({ ...usual, leaseDuration: 60_000, retryPeriod: 500 });
  expect(electionFromFlags({ "leader-elect": "false" })).toBeUndefined();
});

test.each([
  { why: "a lease that runs out before its holder gives up", flags: { "leader-elect-lease-duration": "10s" } },
  { why: "a holder that hardly gets to a second try", flags: { "leader-elect-renew-deadline": "2s" } },
  { why: "no pause between tries", flags: { "leader-elect-retry-period": "0s" } },
])("$why is refused", ({ flags }) => {
  expect(() => electionFromFlags(flags as unknown as Record<string, string>)).toThrow("must be greater than");
});

test("a lasting identity is the host's name and one identifier per cluster", () => {
  const identity = lastingIdentity("host", "key");
  expect(identity).toMatch(/^host_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(lastingIdentity("host", "key")).toBe(identity);
  expect(lastingIdentity("host", "other key")).not.toBe(identity);
});
