import { describe, expect, test } from "vitest";
import { checkCommonFields, parseFieldSelector } from "./field-selector.ts";

const fields: Readonly<Record<string, string>> = { "metadata.name": "a", "spec.nodeName": "" };
const read = (name: string) => fields[name] ?? "";

describe("field selectors", () => {
  test.each([
    { text: "", matches: true },
    { text: "metadata.name=a", matches: true },
    { text: "metadata.name==a,spec.nodeName=", matches: true },
    { text: "metadata.name!=a", matches: false },
    { text: "spec.nodeName!=", matches: false },
    { text: "metadata.name=a,", matches: true },
  ])("$text: $matches", ({ text, matches }) => expect(parseFieldSelector(text).matches(read)).toBe(matches));

  test("escaped characters belong to the value", () => {
    const selector = parseFieldSelector("a=x\\,y\\=z\\\\,b!=1");
    expect(selector.requirements).toEqual([
      { field: "a", equal: true, value: "x,y=z\\" },
      { field: "b", equal: false, value: "1" },
    ]);
    expect(String(selector)).toBe("a=x\\,y\\=z\\\\,b!=1");
    expect(selector.exact("a")).toBe("x,y=z\\");
    expect(selector.exact("b")).toBeUndefined();
  });

  test.each([
    ["nonsense", "invalid selector: 'nonsense'; can't understand 'nonsense'"],
    ["a=b=c", "invalid field selector: unescaped character in value: 61"],
    ["a=\\x", "invalid field selector: invalid escape sequence: \\x"],
  ])("%s is refused", (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(expect.objectContaining({ reason: "BadRequest", message }));
  });

  test("a field that is not known is named", () => {
    expect(() => checkCommonFields(parseFieldSelector("data.a=1"))).toThrow(
      '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
    checkCommonFields(parseFieldSelector("metadata.name=a,metadata.namespace=b"));
  });
});
