import { describe, expect, test } from "vitest";
import { fuzz } from "./fuzz/run.ts";
import { targets } from "./fuzz/targets.ts";

/** A short fuzz with one seed; `node test/prove/api-fuzz.ts` does it at length. */
describe("what reads the input of strangers", () => {
  test.each(Object.entries(targets))("%s: refuses or reads, and reads the same twice", (name, target) => {
    expect(fuzz(name, target, { seed: 1, ms: 500 })).toBeGreaterThan(0);
  });
});
