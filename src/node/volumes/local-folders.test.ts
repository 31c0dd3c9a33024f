import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalFolders } from "./local-folders.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nv-local-folders-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a folder is made once, for every user", async () => {
  const folders = new LocalFolders(join(root, "volumes"));
  const path = await folders.make("pvc-1");
  expect(statSync(path).mode & 0o777).toBe(0o777);
  writeFileSync(join(path, "kept"), "");
  expect(await folders.make("pvc-1")).toBe(path);
  expect(readdirSync(path)).toEqual(["kept"]);
});

test("a folder goes with what is in it, and not with what that points to", async () => {
  const folders = new LocalFolders(join(root, "volumes"));
  const path = await folders.make("pvc-1");
  writeFileSync(join(root, "elsewhere"), "");
  symlinkSync(root, join(path, "link"));
  await folders.remove("pvc-1");
  await folders.remove("pvc-1");
  expect(existsSync(path)).toBe(false);
  expect(existsSync(join(root, "elsewhere"))).toBe(true);
});

test.each(["", "..", "a/b", "../x", "a..b", "-a"])("%j is no volume", async (name) => {
  const folders = new LocalFolders(join(root, "volumes"));
  await expect(folders.make(name)).rejects.toMatchObject({ code: "invalid" });
  await expect(folders.remove(name)).rejects.toMatchObject({ code: "invalid" });
  expect(existsSync(root)).toBe(true);
});
