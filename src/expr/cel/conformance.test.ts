import { tests } from "@bufbuild/cel-spec/testdata/conformance.js";
import { describe, expect, test } from "vitest";
import { NotRepresentable, runCase, type SpecCase } from "./conformance-fixture.ts";

/** Files of the specification's cases that are about things Kubernetes' expressions do not have. */
const excludedFiles: Readonly<Record<string, string>> = {
  proto2: "protocol buffer messages",
  proto2_ext: "protocol buffer extensions",
  proto3: "protocol buffer messages",
  enums: "protocol buffer enumerations",
  wrappers: "protocol buffer wrapper messages",
  dynamic: "protocol buffer wrapper messages",
  encoders_ext: "a library Kubernetes does not switch on",
  block_ext: "what an optimiser writes, not people",
};

/** Cases elsewhere, by what they contain. */
const excludedCases: readonly (readonly [string, (test: SpecCase) => boolean])[] = [
  ["protocol buffer messages", ({ expr }) => /TestAllTypes|google\.protobuf\.\w*(Value|Struct|Any)\b/.test(expr)],
  ["expressions that were not checked: Kubernetes checks all", ({ disableCheck }) => disableCheck === true],
  ["quoted field names: not switched on in Kubernetes v1.35", ({ expr }) => /\.`/.test(expr)],
  [
    "containers: Kubernetes' expressions have none",
    ({ container, name }) => container === "x" || /container_lookup/.test(name ?? ""),
  ],
];

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: SpecCase }[];
}

function reasonToExclude(original: SpecCase): string | undefined {
  return excludedCases.find(([, holds]) => holds(original))?.[0];
}

function run(original: SpecCase): string | undefined {
  try {
    return runCase(original);
  } catch (error) {
    if (error instanceof NotRepresentable) return undefined;
    throw error;
  }
}

const files = (tests as Suite).suites ?? [];

describe("the specification's cases", () => {
  test.each(
    files.filter(({ name }) => !Object.hasOwn(excludedFiles, name)),
  )("$name does what the specification says", (file) => {
    const cases = (file.suites ?? []).flatMap((section) =>
      (section.tests ?? []).map(({ original }) => ({ section: section.name, original })),
    );
    const held = cases.filter(({ original }) => reasonToExclude(original) === undefined);
    const failures = held.flatMap(({ section, original }) => {
      const fault = run(original);
      return fault === undefined ? [] : [`${section}/${original.name}: ${original.expr}: ${fault}`];
    });
    expect(failures).toEqual([]);
  });

  test("most cases are held to, and every exclusion still excludes something", () => {
    const all = files.flatMap((file) =>
      (file.suites ?? []).flatMap((section) =>
        (section.tests ?? []).map(({ original }) => ({ file: file.name, original })),
      ),
    );
    const held = all.filter(
      ({ file, original }) => !Object.hasOwn(excludedFiles, file) && reasonToExclude(original) === undefined,
    );
    expect(held.length).toBeGreaterThanOrEqual(1500);
    for (const file of Object.keys(excludedFiles)) expect(all.map((one) => one.file)).toContain(file);
    for (const [reason, holds] of excludedCases)
      expect([reason, all.some(({ original }) => holds(original))]).toEqual([reason, true]);
  });
});
