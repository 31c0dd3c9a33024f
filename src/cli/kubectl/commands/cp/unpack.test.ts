import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fileEntry, type LayerEntry, symlinkEntry } from "../../../../images/layer-entry.ts";
import { writeTar } from "../../../../images/tar.ts";
import { unpack } from "./unpack.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-unpack-"));
  mkdirSync(join(folder, "to"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unpacked = async (entries: readonly LayerEntry[], prefix: string) => {
  const warnings: string[] = [];
  await unpack(writeTar(entries), {
    prefix,
    folder: join(folder, "to"),
    shown: "to",
    warn: (text) => warnings.push(text),
    again: "again",
  });
  return warnings;
};

test("files come to where the rest of their names leads, also names that ustar has no room for", async () => {
  const long = `in/${"n".repeat(120)}/ü`;
  expect(await unpacked([fileEntry("in/a", "one"), fileEntry(long, "two")], "in")).toEqual([]);
  expect(readFileSync(join(folder, "to/a"), "utf8")).toBe("one");
  expect(readFileSync(join(folder, "to", long.slice(3)), "utf8")).toBe("two");
});

test("a name that leads out of the target is not written", async () => {
  const bad = { ...fileEntry("x", "bad"), path: "in/../../bad" };
  expect(await unpacked([bad, fileEntry("in/a", "good")], "in")).toEqual([
    'warning: file "../bad" is outside target destination, skipping',
  ]);
  expect(existsSync(join(folder, "bad"))).toBe(false);
  expect(readFileSync(join(folder, "to/a"), "utf8")).toBe("good");
});

test("links are left out; the command that copies them is told once", async () => {
  expect(await unpacked([symlinkEntry("in/a", "/etc"), symlinkEntry("in/b", "/etc")], "in")).toEqual([
    'warning: skipping symlink: "to/a" -> "/etc" (consider using "again")',
    'warning: skipping symlink: "to/b" -> "/etc"',
  ]);
});

test("names of other places end it", async () => {
  await expect(unpacked([fileEntry("other", "x")], "in")).rejects.toThrow("tar contents corrupted");
});
