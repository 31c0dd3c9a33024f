import { expect, test } from "vitest";
import { addressesAt, lastNumber } from "./pod-addresses.ts";

test.each([
  ["10.244.3.0/24", 254],
  ["10.244.0.0/16", 254],
  ["10.244.3.64/26", 62],
  ["fd00:10:244:3::/64", 254],
])("pods' addresses in %s go as far as %i", (range, last) => {
  expect(lastNumber(range)).toBe(last);
});

test("a pod has the same number in each of its node's ranges", () => {
  expect(addressesAt(["10.244.3.64/26", "fd00:10:244:3::/64"], 7)).toEqual(["10.244.3.71", "fd00:10:244:3::7"]);
  expect(addressesAt([], 7)).toEqual([]);
});
