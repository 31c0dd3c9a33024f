import { describe, expect, test } from "vitest";
import {
  addressAt,
  addressToNumber,
  cidrContains,
  disjointRanges,
  formatCidr,
  numberToAddress,
  parseCidr,
} from "./address.ts";

describe("addresses", () => {
  test.each(["10.0.0.1", "255.255.255.255", "0.0.0.0"])("IPv4 %s survives being a number", (address) => {
    expect(numberToAddress(addressToNumber(address), "IPv4")).toBe(address);
  });

  test.each([
    ["fd00::1", "fd00::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
  ])("IPv6 %s is written as %s", (address, written) => {
    expect(numberToAddress(addressToNumber(address), "IPv6")).toBe(written);
  });

  test.each([
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["fd00:1:2::/32", "fd00:1::/32"],
  ])("the range of %s is %s", (text, range) => {
    expect(formatCidr(parseCidr(text)!)).toBe(range);
  });

  test.each(["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/x", "10.0.0.0/-1"])("%j is no range", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  test("a range contains what lies in it, in its own family", () => {
    const range = parseCidr("10.244.0.0/16")!;
    expect(cidrContains(range, parseCidr("10.244.255.0/24")!)).toBe(true);
    expect(cidrContains(range, parseCidr("10.0.0.0/8")!)).toBe(false);
    expect(cidrContains(range, parseCidr("::/128")!)).toBe(false);
    expect(addressAt(range, 257)).toBe("10.244.1.1");
  });

  test("ranges that others cover are left out, once of twins", () => {
    expect(disjointRanges(["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "192.0.2.0/24", "fd00::/8"], "IPv4")).toEqual([
      "10.0.0.0/8",
      "192.0.2.0/24",
    ]);
  });
});
