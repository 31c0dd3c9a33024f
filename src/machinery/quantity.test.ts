import { describe, expect, test } from "vitest";
import * as quantity from "./quantity.ts";

describe("canonical form", () => {
  test.each([
    ["0", "0"],
    ["0Ki", "0"],
    ["1000m", "1"],
    ["0.5", "500m"],
    [".5", "500m"],
    ["1.", "1"],
    ["+2", "2"],
    ["-1.5", "-1500m"],
    ["1500m", "1500m"],
    ["100000", "100k"],
    ["1024", "1024"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["0.5Ki", "512"],
    [".001Ki", "1024m"],
    [".000000000001Ki", "2n"],
    ["1.1Ki", "1127"],
    ["1000M", "1G"],
    ["1e3", "1e3"],
    ["1E3", "1e3"],
    ["1E", "1E"],
    ["100e-3", "100e-3"],
    ["12e4", "120e3"],
    ["1e0", "1"],
    ["0.1n", "1n"],
    ["-0.1n", "-1n"],
    ["100E", "9223372036854775807"],
    ["1e-99999999", "1e-9"],
    ["1e99999999", "9223372036854775807"],
    ["010", "10"],
  ])("%s is written %s", (text, canonical) => {
    expect(quantity.canonicalQuantity(text)).toBe(canonical);
    expect(quantity.canonicalQuantity(canonical)).toBe(canonical);
  });

  test.each(["", "lots", "1 Gi", "1KI", "1.2.3", ".", "1e", "--1", "1mi", "0x1"])("%j is no quantity", (text) => {
    expect(quantity.quantityFault(text)).toBeDefined();
    expect(() => quantity.parseQuantity(text)).toThrow();
  });

  test("text without any number is told the form", () => {
    expect(quantity.quantityFault("lots")).toBe(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  });
});

describe("arithmetic", () => {
  test("comparison is by value, not by text", () => {
    expect(quantity.compareQuantities("1", "1000m")).toBe(0);
    expect(quantity.compareQuantities("1Gi", "1G")).toBe(1);
    expect(quantity.compareQuantities("-1", "0")).toBe(-1);
  });

  test("a sum keeps the first one's way of writing", () => {
    expect(quantity.addQuantities("100m", "900m")).toBe("1");
    expect(quantity.addQuantities("512Mi", "512Mi")).toBe("1Gi");
    expect(quantity.addQuantities("0", "1Gi")).toBe("1Gi");
    expect(quantity.subtractQuantities("1Gi", "512Mi")).toBe("512Mi");
    expect(quantity.subtractQuantities("0", "1")).toBe("-1");
  });

  test("numbers beyond 2^53 stay exact", () => {
    expect(quantity.addQuantities("9007199254740993", "1n")).toBe("9007199254740993000000001n");
  });

  test("products round up", () => {
    expect(quantity.multiplyQuantity("100m", 3)).toBe("300m");
    expect(quantity.multiplyQuantity("1n", 1.5)).toBe("2n");
    expect(quantity.negateQuantity("1Gi")).toBe("-1Gi");
  });

  test("whole units and thousandths round up", () => {
    expect(quantity.quantityValue("1500m")).toBe(2);
    expect(quantity.quantityValue("-1500m")).toBe(-2);
    expect(quantity.quantityValue("2Ki")).toBe(2048);
    expect(quantity.milliValue("0.1")).toBe(100);
    expect(quantity.milliValue("100u")).toBe(1);
    expect(quantity.milliValue("2")).toBe(2000);
    expect(quantity.quantityToNumber("1500m")).toBe(1.5);
    expect(quantity.roundUpQuantity("1500u", -3)).toBe("2m");
  });

  test("numbers become quantities", () => {
    expect(quantity.quantityOf(1073741824, "BinarySI")).toBe("1Gi");
    expect(quantity.quantityOfMilli(1500)).toBe("1500m");
  });
});

test("a number too long to mean anything is refused at once, however long it is", () => {
  for (const text of ["0".repeat(3_000_000), `${"1".repeat(3_000_000)}x`, `0.${"0".repeat(3_000_000)}1`]) {
    expect(quantity.quantityFault(text)).toBe("unable to parse numeric part of quantity");
  }
  expect(quantity.canonicalQuantity("0".repeat(900))).toBe("0");
});
