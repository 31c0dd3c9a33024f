import { expect, test } from "vitest";
import { yamlDuplicates } from "./yaml-duplicates.ts";

test.each([
  { name: "none", text: "a: 1\nb: {a: 2}\nc:\n- a: 3\n- a: 4\n", found: [] },
  {
    name: "in blocks, in flow and in lists",
    text: "a: {b: 1, b: 2}\nc:\n- x: 1\n  x: 2\na: 3\n",
    found: [
      [1, "b"],
      [4, "x"],
      [5, "a"],
    ],
  },
  { name: "at the line of the value", text: "a: 1\na:\n  b: 1\n", found: [[3, "a"]] },
  {
    name: "each time it comes again",
    text: "a: 1\na: 2\n'a': 3\n",
    found: [
      [2, "a"],
      [3, "a"],
    ],
  },
  { name: "without values, and by aliases", text: "a: &x\na: *x\nb:\n", found: [[2, "a"]] },
  {
    name: "in JSON",
    text: '{"a":1,\n"a":{"b":[{"c":1,"c":2}]}}',
    found: [
      [2, "c"],
      [2, "a"],
    ],
  },
])("keys that stand twice: $name", ({ text, found }) => {
  expect(yamlDuplicates(text)).toEqual(found.map(([line, key]) => `line ${line}: key "${key}" already set in map`));
});
