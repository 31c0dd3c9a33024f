import { describe, expect, test } from "vitest";
import {
  arrangeEntries,
  fileEntry,
  folderEntry,
  imagePath,
  type LayerEntry,
  mergeUsr,
  symlinkEntry,
} from "./layer-entry.ts";

describe("imagePath", () => {
  test.each([
    { written: "/usr//bin/./x", path: "usr/bin/x" },
    { written: "a/../../../etc/passwd", path: "etc/passwd" },
    { written: "/", path: "" },
  ])("$written lies at $path, never outside the image", ({ written, path }) => {
    expect(imagePath(written)).toBe(path);
  });
});

describe("arrangeEntries", () => {
  test("sorts by bytes, adds absent parents and puts hard links last", () => {
    const link: LayerEntry = { path: "a/first", mode: 0o644, uid: 0, gid: 0, kind: "hardlink", target: "z/file" };
    const arranged = arrangeEntries([fileEntry("z/file", "x"), link, fileEntry("Z", "y")]);
    expect(arranged.map((e) => `${e.kind} ${e.path}`)).toEqual([
      "file Z",
      "folder a",
      "folder z",
      "file z/file",
      "hardlink a/first",
    ]);
  });

  test("keeps the last of entries with the same path", () => {
    const [only] = arrangeEntries([fileEntry("f", "old"), fileEntry("f", "new")]);
    expect(only).toMatchObject({ bytes: Buffer.from("new") });
  });

  test("does not replace a parent that says more than the default", () => {
    expect(arrangeEntries([fileEntry("tmp/x", ""), folderEntry("tmp", 0o1777)])[0]).toMatchObject({
      path: "tmp",
      mode: 0o1777,
    });
  });
});

describe("mergeUsr", () => {
  test("moves programs and libraries below /usr, with the targets of hard links", () => {
    const moved = mergeUsr([
      folderEntry("bin"),
      fileEntry("bin/ls", ""),
      { path: "sbin/ls2", mode: 0o755, uid: 0, gid: 0, kind: "hardlink", target: "bin/ls" },
      fileEntry("libexec/x", ""),
    ]);
    expect(moved.map((e) => e.path)).toEqual(["usr/bin", "usr/bin/ls", "usr/sbin/ls2", "libexec/x"]);
    expect(moved[2]).toMatchObject({ target: "usr/bin/ls" });
  });

  test("drops a link that would point at itself, and the links of the merged layout", () => {
    expect(mergeUsr([symlinkEntry("usr/bin/sh", "/bin/sh"), symlinkEntry("bin", "usr/bin")])).toEqual([]);
  });
});
