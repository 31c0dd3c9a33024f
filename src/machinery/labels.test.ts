import { describe, expect, test } from "vitest";
import { nothing, parseSelector, selectorOfLabels, selectorOfObject } from "./labels.ts";

const valueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

describe("label selectors", () => {
  test.each([
    { text: "", labels: {}, matches: true },
    { text: "app=x", labels: { app: "x" }, matches: true },
    { text: "app==x,tier=web", labels: { app: "x", tier: "web" }, matches: true },
    { text: "app==x,tier=web", labels: { app: "x" }, matches: false },
    { text: "app!=x", labels: {}, matches: true },
    { text: "app!=x", labels: { app: "x" }, matches: false },
    { text: "app in (x, y),tier", labels: { app: "y", tier: "" }, matches: true },
    { text: "app in (x,y)", labels: {}, matches: false },
    { text: "app notin (x)", labels: {}, matches: true },
    { text: "app notin (x)", labels: { app: "x" }, matches: false },
    { text: "!tier , app", labels: { app: "x" }, matches: true },
    { text: "!tier", labels: { tier: "" }, matches: false },
    { text: "n>5", labels: { n: "6" }, matches: true },
    { text: "n>5", labels: { n: "5" }, matches: false },
    { text: "n<5", labels: { n: "x" }, matches: false },
    { text: "n<5", labels: {}, matches: false },
    { text: "app=", labels: { app: "" }, matches: true },
    { text: "app=", labels: {}, matches: false },
    { text: "in in (in,notin)", labels: { in: "notin" }, matches: true },
    { text: "toString", labels: {}, matches: false },
    { text: "app in (,x)", labels: { app: "" }, matches: true },
  ])("$text against $labels: $matches", ({ text, labels, matches }) => {
    expect(parseSelector(text).matches(labels as Record<string, string>)).toBe(matches);
  });

  test.each([
    ["b==2,a = 1", "a=1,b==2"],
    ["x in (b,a,b)", "x in (a,b)"],
    ["x in (,)", "x in (,)"],
    ["!x,y,z!=1,n>5", "n>5,!x,y,z!=1"],
  ])("%s is written %s", (text, written) => expect(String(parseSelector(text))).toBe(written));

  test.each([
    ["app in x", "unable to parse requirement: found 'x' expected: '('"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["app=-x", `unable to parse requirement: values[0][app]: Invalid value: "-x": ${valueText}`],
    ["a,,b", "found ',', expected: identifier after ','"],
    ["=a", "found '=', expected: !, identifier, or 'end of string'"],
    [
      "a in ()",
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
    [
      "a>b",
      `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
    ["a=b)", "found ')', expected: ',' or 'end of string'"],
  ])("%s is refused", (text, message) => {
    expect(() => parseSelector(text)).toThrow(expect.objectContaining({ reason: "BadRequest", message }));
  });
});

describe("selectors in objects", () => {
  test("none matches nothing, an empty one everything", () => {
    expect(selectorOfObject(undefined)).toBe(nothing);
    expect(selectorOfObject({}).matches({ a: "b" })).toBe(true);
  });

  test("labels and expressions must all hold", () => {
    const selector = selectorOfObject({
      matchLabels: { app: "x" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["a", "b"] },
        { key: "old", operator: "DoesNotExist" },
      ],
    });
    expect(selector.matches({ app: "x", tier: "b" })).toBe(true);
    expect(selector.matches({ app: "x", tier: "b", old: "" })).toBe(false);
    expect(String(selector)).toBe("app=x,!old,tier in (a,b)");
  });

  test("an operator that is not known is refused", () => {
    expect(() =>
      selectorOfObject({ matchExpressions: [{ key: "a", operator: "Like" as "In", values: ["b"] }] }),
    ).toThrow('"Like" is not a valid label selector operator');
  });

  test("a plain map of labels is a selector too", () => {
    expect(selectorOfLabels({ a: "1" }).matches({ a: "1", b: "2" })).toBe(true);
    expect(selectorOfLabels(undefined).everything).toBe(true);
  });
});
