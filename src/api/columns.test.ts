import { describe, expect, it } from "vitest";
import { firstOf, labelsText, selectorText } from "./columns.ts";

describe("cells of a table", () => {
  it("write labels in order of key, and none as <none>", () => {
    expect(labelsText({ b: "2", a: "1" })).toBe("a=1,b=2");
    expect(labelsText({})).toBe("<none>");
  });

  it("write a selector's requirements as kubectl -l takes them", () => {
    const matchExpressions = [
      { key: "c", operator: "In", values: ["y", "x"] },
      { key: "b", operator: "NotIn", values: ["z"] },
      { key: "d", operator: "Exists" },
      { key: "e", operator: "DoesNotExist" },
    ] as const;
    expect(selectorText({ matchLabels: { a: "1" }, matchExpressions })).toBe("a=1,b notin (z),c in (x,y),d,!e");
    expect(selectorText({})).toBe("<none>");
    expect(selectorText(undefined)).toBe("<none>");
  });

  it("say how many more there are than are shown", () => {
    expect(firstOf(["a", "b", "c"], 3)).toBe("a,b,c");
    expect(firstOf(["a", "b", "c", "d", "e"], 3)).toBe("a,b,c + 2 more...");
  });
});
