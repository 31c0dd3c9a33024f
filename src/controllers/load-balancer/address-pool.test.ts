import { describe, expect, test } from "vitest";
import { readAddressPool } from "./address-pool.ts";

function given(text: string, family: "IPv4" | "IPv6" = "IPv4"): string[] {
  const pool = readAddressPool(text);
  const taken = new Set<string>();
  for (let address = pool.free(family, (one) => taken.has(one)); address && taken.size < 9; ) {
    taken.add(address);
    address = pool.free(family, (one) => taken.has(one));
  }
  return [...taken];
}

describe("a pool of addresses", () => {
  test.each([
    ["192.0.2.0/29", ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"]],
    ["192.0.2.8/31", ["192.0.2.8", "192.0.2.9"]],
    ["192.0.2.254-192.0.3.1", ["192.0.2.254", "192.0.2.255", "192.0.3.0", "192.0.3.1"]],
    ["192.0.2.7, 192.0.2.3/32", ["192.0.2.7", "192.0.2.3"]],
  ])("%s gives %j", (text, addresses) => {
    expect(given(text)).toEqual(addresses);
  });

  test("gives each family its own", () => {
    const text = "192.0.2.1,2001:db8::fffe-2001:db8::1:1";
    expect(given(text, "IPv6")).toEqual(["2001:db8::fffe", "2001:db8::ffff", "2001:db8::1:0", "2001:db8::1:1"]);
    expect(readAddressPool("192.0.2.1").serves("IPv6")).toBe(false);
  });

  test("knows its own", () => {
    const pool = readAddressPool("192.0.2.0/29");
    expect(["192.0.2.0", "192.0.2.3", "192.0.2.7", "2001:db8::1"].map(pool.includes)).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  test.each([
    "192.0.2.1-",
    "192.0.2.9-192.0.2.1",
    "192.0.2.0/33",
    "here",
    "192.0.2.1-2001:db8::1",
  ])("%s is refused", (text) => {
    expect(() => readAddressPool(text)).toThrow("load-balancer-pool");
  });
});
