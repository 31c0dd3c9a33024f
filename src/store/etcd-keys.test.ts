import { expect, test } from "vitest";
import { EtcdKeys } from "./etcd-keys.ts";

test("keys lie under the prefix and come back without it; the fence is no key", () => {
  const keys = new EtcdKeys("/ours:");
  expect(Buffer.from(keys.encode("/a")).toString()).toBe("/ours:/a");
  expect(keys.decode(Buffer.from("/ours:/é"))).toBe("/é");
  expect(keys.decode(keys.fence)).toBe("");
});

test.each([
  { name: "a prefix ends where the next one begins", prefix: "/ours:", end: "/ours;" },
  { name: "without a prefix a zero byte stands for no end", prefix: "", end: "\0" },
])("$name", ({ prefix, end }) => {
  expect(Buffer.from(new EtcdKeys(prefix).everything.end).toString()).toBe(end);
});

test("ranges never take in the fence", () => {
  const keys = new EtcdKeys("/ours:");
  const { start, end } = keys.range({ start: "", end: "~" });
  expect(Buffer.compare(keys.fence, start)).toBe(-1);
  expect(Buffer.compare(keys.encode("!"), start)).toBe(1);
  expect(Buffer.compare(keys.encode("a"), end)).toBe(-1);
});
