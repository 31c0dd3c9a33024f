import { describe, expect, test } from "vitest";
import { depthLimit, duplicateFields, parseJson } from "./json-text.ts";

describe("text that is no JSON is told why, in Go's words", () => {
  test.each([
    ["", "unexpected end of JSON input"],
    ['{"a":', "unexpected end of JSON input"],
    ['{"a": }', "invalid character '}' looking for beginning of value"],
    ["{a: 1}", "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a": 1 "b": 2}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["{} x", "invalid character 'x' after top-level value"],
    ["nope", "invalid character 'o' in literal null (expecting 'u')"],
    ["01", "invalid character '1' after top-level value"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
    ["kind: Pod", "invalid character 'k' looking for beginning of value"],
  ])("%j", (text, message) => expect(() => parseJson(text)).toThrow(message));
});

describe("depth", () => {
  const nested = (levels: number, inner = "") => `${"[".repeat(levels)}${inner}${"]".repeat(levels)}`;

  test("what is too deep is refused, brackets in strings do not count", () => {
    expect(() => parseJson(nested(depthLimit + 1))).toThrow("exceeded max depth");
    expect(parseJson(nested(depthLimit))).toBeInstanceOf(Array);
    expect(parseJson(JSON.stringify([`\\"${"[".repeat(3 * depthLimit)}`]))).toBeInstanceOf(Array);
  });

  test("a broken text of any depth is refused calmly", () => {
    expect(() => parseJson(nested(200_000, "x"))).toThrow("invalid character 'x' looking for beginning of value");
  });
});

describe("fields given twice", () => {
  test.each([
    { name: "none", text: '{"a":{"b":1},"c":{"b":1}}', found: [] },
    { name: "at the top", text: '{"a":1,"a":2}', found: ["a"] },
    { name: "deep inside", text: '{"spec":{"list":[{},{"name":"x","name":"y"}]}}', found: ["spec.list[1].name"] },
    { name: "thrice is named once", text: '{"a":1,"a":2,"a":3}', found: ["a"] },
    { name: "colons and quotes in strings do not confuse", text: '{"a":"x:\\"y\\":","b":"{\\"b\\":1}"}', found: [] },
    { name: "written differently, it is the same", text: '{"a":1,"\\u0061":2}', found: ["a"] },
    { name: "a prototype is a name like any other", text: '{"__proto__":1,"__proto__":2}', found: ["__proto__"] },
  ])("$name", ({ text, found }) => expect(duplicateFields(text, JSON.parse(text))).toEqual(found));

  test("white space before the colon does not hide them", () => {
    const text = '{"a" : 1, "a"\n:2, "t": "12:30"}';
    expect(duplicateFields(text, JSON.parse(text))).toEqual(["a"]);
  });
});
