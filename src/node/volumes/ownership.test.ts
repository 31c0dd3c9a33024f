import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { giveToGroup } from "./ownership.ts";

// The group that files are made with: giving to another one takes more rights than a test may have.
const fsGroup = process.getgid!();

function openVolume() {
  const top = mkdtempSync(join(tmpdir(), "nvowner-"));
  onTestFinished(() => rmSync(top, { recursive: true }));
  const folder = join(top, "volume");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "sub", "file"), "");
  writeFileSync(join(folder, "..", "outside"), "");
  symlinkSync("../outside", join(folder, "link"));
  for (const path of ["sub/file", "../outside"]) chmodSync(join(folder, path), 0o600);
  for (const path of ["", "sub"]) chmodSync(join(folder, path), 0o700);
  const modes = () => ["", "sub", "sub/file", "../outside"].map((path) => statSync(join(folder, path)).mode & 0o7777);
  return { folder, modes };
}

test("a volume's files become the group's, what links lead to does not", () => {
  const { folder, modes } = openVolume();
  giveToGroup(folder, { fsGroup });
  expect(modes()).toEqual([0o2770, 0o2770, 0o660, 0o600]);
});

test("a volume whose top is the group's already is left as it is where that is wished", () => {
  const { folder, modes } = openVolume();
  const policy = { fsGroup, fsGroupChangePolicy: "OnRootMismatch" } as const;
  giveToGroup(folder, policy);
  expect(modes()).toEqual([0o2770, 0o2770, 0o660, 0o600]);
  chmodSync(join(folder, "sub", "file"), 0o600);
  giveToGroup(folder, policy);
  expect(modes()[2]).toBe(0o600);
  giveToGroup(folder, { fsGroup });
  expect(modes()[2]).toBe(0o660);
});

test("without a group nothing is given", () => {
  const { folder, modes } = openVolume();
  const before = modes();
  giveToGroup(folder, {});
  expect(modes()).toEqual(before);
});
