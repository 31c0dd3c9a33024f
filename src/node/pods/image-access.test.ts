import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ImageAccess } from "./image-access.ts";

function openFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "nvaccess-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "image-access.json");
}
const [mine, theirs] = [
  { username: "me", password: "1" },
  { username: "me", password: "2" },
];
const image = "registry.test/app:1";

test("who may use an image is known after a restart, and to nobody else on the machine", () => {
  const file = openFile();
  new ImageAccess({ file }).pulled(image, "id", mine);
  const access = new ImageAccess({ file });
  expect([access.isOpen(image, "id"), access.mayUse(image, "id", [theirs, mine])]).toEqual([false, true]);
  expect(access.mayUse(image, "id", [theirs])).toBe(false);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("an image whose pull was cut off by the agent's end is nobody's", () => {
  const file = openFile();
  new ImageAccess({ file }).begun(image);
  const access = new ImageAccess({ file });
  expect(access.isOpen(image, "id")).toBe(false);
  access.failed(image);
  expect(access.isOpen(image, "id")).toBe(true);
});

test("a record that is damaged is told of, and not taken for an empty one", () => {
  const file = openFile();
  new ImageAccess({ file }).pulled(image, "id", mine);
  writeFileSync(file, readFileSync(file, "utf8").slice(0, -3));
  expect(() => new ImageAccess({ file })).toThrow(`${file} does not say any more who may use which image: remove it`);
});

test("the same image under another name is another one, under another tag it is not", () => {
  const access = new ImageAccess();
  access.pulled(image, "id", mine);
  expect(access.mayUse("registry.test/app:2", "id", [mine])).toBe(true);
  expect(access.mayUse("other.test/app:1", "id", [mine])).toBe(false);
});

test("an image that is gone is forgotten, one that came during the look is not", () => {
  const access = new ImageAccess();
  access.pulled(image, "id", mine);
  access.keepOnly(new Set(["id"]));
  access.pulled(image, "newer", mine);
  access.keepOnly(new Set());
  expect([access.isOpen(image, "id"), access.isOpen(image, "newer")]).toEqual([true, false]);
  access.keepOnly(new Set());
  expect(access.isOpen(image, "newer")).toBe(true);
});

test.each([
  { verification: { policy: "NeverVerify" }, pulled: true, loaded: true },
  { verification: { policy: "NeverVerifyPreloadedImages" }, pulled: false, loaded: true },
  { verification: { policy: "AlwaysVerify" }, pulled: false, loaded: false },
  {
    verification: { policy: "NeverVerifyAllowlistedImages", allowed: ["registry.test/app"] },
    pulled: false,
    loaded: true,
  },
  {
    verification: { policy: "NeverVerifyAllowlistedImages", allowed: ["registry.test/*"] },
    pulled: false,
    loaded: true,
  },
  {
    verification: { policy: "NeverVerifyAllowlistedImages", allowed: ["registry.test/ap"] },
    pulled: false,
    loaded: false,
  },
] as const)("$verification: everyone may use what was pulled $pulled, what was loaded $loaded", (row) => {
  const access = new ImageAccess({ verification: row.verification });
  access.pulled(image, "pulled", mine);
  access.pulled("other.test/open:1", "open", undefined);
  expect([access.isOpen(image, "pulled"), access.isOpen(image, "loaded")]).toEqual([row.pulled, row.loaded]);
  expect([access.isOpen("other.test/open:1", "open"), access.mayUse(image, "pulled", [mine])]).toEqual([true, true]);
});
