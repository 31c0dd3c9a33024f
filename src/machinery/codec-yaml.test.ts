import { describe, expect, test } from "vitest";
import { encodeYaml, parseYaml, parseYamlDocuments } from "./codec-yaml.ts";

describe("reading YAML as kubectl does", () => {
  test.each([
    ["a: yes\nb: Off\nc: true", { a: true, b: false, c: true }],
    ['a: "yes"', { a: "yes" }],
    ["a: 0644\nb: 0x10\nc: 1_000\nd: -5\ne: 089", { a: 420, b: 16, c: 1000, d: -5, e: 89 }],
    [
      "a: 12:30:45\nb: 2016-03-17\nc: 1.5\nd: 1e3\ne: 1.2.3",
      { a: "12:30:45", b: "2016-03-17", c: 1.5, d: 1000, e: "1.2.3" },
    ],
    ["a: ~\nb:\nc: null", { a: null, b: null, c: null }],
    ["80: x", { "80": "x" }],
    ["base: &b {x: 1}\nmore:\n  <<: *b\n  z: 2", { base: { x: 1 }, more: { x: 1, z: 2 } }],
    ["a: |\n  x\n  y\nb: >-\n  x\n  y", { a: "x\ny\n", b: "x y" }],
    ['{"a": [1, "b"]}', { a: [1, "b"] }],
  ])("%j", (text, value) => expect(parseYaml(text)).toEqual(value));

  test("several documents come apart, empty ones are left out", () => {
    expect(parseYamlDocuments("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n")).toEqual([{ a: 1 }, { b: 2 }]);
  });

  test("aliases that explode are refused", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 9; level++) lines.push(`a${level}: &a${level} [${Array(10).fill(`*a${level - 1}`)}]`);
    expect(() => parseYaml(lines.join("\n"))).toThrow("yaml: document contains excessive aliasing");
  });

  test("a document that holds itself is refused", () => {
    expect(() => parseYaml("a: &a\n  b: *a")).toThrow(/yaml/);
  });

  test("text that is no YAML is told the line", () => {
    expect(() => parseYaml("a: 1\n b: 2")).toThrow(/^yaml: line 2: /);
  });

  test("of a key that is set twice the last one wins", () => {
    expect(parseYaml("name: a\nlabels:\n  x: '1'\n  x: '2'\n")).toEqual({ name: "a", labels: { x: "2" } });
  });
});

describe("writing YAML as kubectl does", () => {
  test("members are sorted, lists not indented", () => {
    const value = {
      kind: "Pod",
      apiVersion: "v1",
      spec: { containers: [{ name: "a", args: ["x", "y"] }], volumes: [] },
    };
    expect(encodeYaml(value)).toBe(
      'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - args:\n    - x\n    - "y"\n    name: a\n  volumes: []\n',
    );
  });

  test.each([
    ["1", '"1"'],
    ["true", '"true"'],
    ["", '""'],
    ["2016-03-17T00:00:00Z", '"2016-03-17T00:00:00Z"'],
    ["12:30", '"12:30"'],
    ["plain text, with commas", "plain text, with commas"],
    ["a: b", "'a: b'"],
    ["it's #1", "'it''s #1'"],
    ["- x", "'- x'"],
    ["-x", "-x"],
    ["*", "'*'"],
    [" x", "' x'"],
    ["tab\there", '"tab\\there"'],
    ["x\ny\n", "|\n    x\n    y"],
    ["x\n\ny", "|-\n    x\n\n    y"],
    ["x\n\n", "|+\n    x\n"],
    ["x \ny", '"x \\ny"'],
    ["http://a/b", "http://a/b"],
    ["é", "é"],
  ])("%j is written %s", (value, text) => {
    expect(encodeYaml({ data: { a: value } })).toBe(`data:\n  a: ${text}\n`);
    expect(parseYaml(encodeYaml({ data: { a: value } }))).toEqual({ data: { a: value } });
  });

  test("a list in a list stands behind its dash", () => {
    expect(encodeYaml([[1, 2], [{ a: null }]])).toBe("- - 1\n  - 2\n- - a: null\n");
  });

  test("keys are sorted as Go's YAML sorts them", () => {
    const sorted = Object.keys(parseYaml(encodeYaml({ a10: 0, a2: 0, "a-b": 0, B: 0, "1": 0 })) as object);
    expect(sorted).toEqual(["1", "B", "a-b", "a2", "a10"]);
  });
});
