import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fileInVolume, variableInFile } from "./env-files.ts";

describe("a variable in an env file", () => {
  test.each([
    { name: "is between single quotes", text: "A='1'\nKEY='a b'\n", value: "a b" },
    { name: "may be empty", text: "KEY=''", value: "" },
    { name: "is taken as it is", text: "KEY=' $HOME \\n \"#\" = '\nB='2'", value: ' $HOME \\n "#" = ' },
    { name: "may have several lines", text: "A='1\nKEY=x'\nKEY='one\n\n# two'\n", value: "one\n\n# two" },
    { name: "may stand behind blanks and before a comment", text: "\n # what\n \tKEY='1' # why\n", value: "1" },
    { name: "is the first of its name", text: "KEY='1'\nKEY='2'", value: "1" },
    { name: "is not there when another begins like it", text: "KEYS='1'", value: undefined },
  ])("$name", ({ text, value }) => {
    expect(variableInFile(text, "KEY")).toBe(value);
  });

  test.each([
    { name: "without quotes", text: "A='1'\nKEY=1", fault: "value must be enclosed in single quotes at line 2" },
    { name: "with other quotes", text: 'KEY="1"', fault: "value must be enclosed in single quotes at line 1" },
    { name: "with a blank before the sign", text: "KEY ='1'", fault: "whitespace before '=' is not allowed at line 1" },
    { name: "without a name", text: "='1'", fault: "invalid environment variable format at line 1" },
    { name: "without a sign", text: "# a\nexport KEY", fault: "invalid environment variable format at line 2" },
    { name: "with more behind it", text: "KEY='1'2", fault: "unexpected content after closing quote at line 1" },
    { name: "that does not end", text: "KEY='1", fault: "unclosed single quote at line 1" },
  ])("is refused $name", ({ text, fault }) => {
    expect(() => variableInFile(text, "KEY")).toThrow(fault);
  });
});

test("a file is read in its volume, not where a link leads", () => {
  const folder = mkdtempSync(join(tmpdir(), "nvenv-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const volume = join(folder, "volume");
  mkdirSync(join(volume, "sub"), { recursive: true });
  writeFileSync(join(folder, "secret"), "S='1'");
  writeFileSync(join(volume, "sub", "env"), "A='1'");
  symlinkSync("../secret", join(volume, "out"));
  symlinkSync("sub/env", join(volume, "in"));
  expect([fileInVolume(volume, "sub/env"), fileInVolume(volume, "in")]).toEqual(["A='1'", "A='1'"]);
  expect(fileInVolume(volume, "none")).toBeUndefined();
  expect(() => fileInVolume(volume, "out")).toThrow("must not leave its volume");
  expect(() => fileInVolume(volume, "../secret")).toThrow("must not leave its volume");
});
