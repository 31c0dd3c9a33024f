import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { conformancePage, pageFile, parts, testsNamed, titlesIn } from "./conformance.ts";

const groups = Object.values(parts).flat();

test("every row of the conformance table names a test that exists", () => {
  const named = groups.flatMap(testsNamed);
  const lost = named.filter(({ file, test }) => !titlesIn(file).has(test));
  expect(lost).toEqual([]);
});

test("no name of the conformance list has two rows", () => {
  const names = groups.flatMap(({ group, names, elsewhere = {}, missing = {} }) =>
    [...names, ...Object.keys(elsewhere), ...Object.keys(missing)].map((name) => `${group} ${name}`),
  );
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
});

test("docs/conformance.md says what the table says; node scripts/conformance.ts writes it anew", () => {
  expect(readFileSync(pageFile, "utf8")).toBe(conformancePage());
});
