import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileEntry, folderEntry, type LayerEntry, symlinkEntry } from "./layer-entry.ts";
import { writeTar } from "./tar.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-tar-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function archive(entries: readonly LayerEntry[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What GNU tar, an independent reader, says about an archive. */
function listed(tar: Buffer): string[] {
  const out = execFileSync("tar", ["--list", "--verbose", "--numeric-owner", "--utc", "--quoting-style=literal"], {
    input: tar,
    env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
  });
  return out
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " "));
}

describe("writeTar", () => {
  test("writes files, folders and links that tar reads back, all dated at the epoch", async () => {
    const tar = await archive([
      folderEntry("tmp", 0o1777),
      fileEntry("tmp/su", "x", 0o4755),
      symlinkEntry("tmp/link", "../etc"),
      { path: "tmp/again", mode: 0o4755, uid: 0, gid: 0, kind: "hardlink", target: "tmp/su" },
      { ...fileEntry("tmp/owned", "four"), uid: 999, gid: 33 },
    ]);
    expect(listed(tar)).toEqual([
      "drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/",
      "-rwsr-xr-x 0/0 1 1970-01-01 00:00 tmp/su",
      "lrwxrwxrwx 0/0 0 1970-01-01 00:00 tmp/link -> ../etc",
      "hrwsr-xr-x 0/0 0 1970-01-01 00:00 tmp/again link to tmp/su",
      "-rw-r--r-- 999/33 4 1970-01-01 00:00 tmp/owned",
    ]);
    expect(tar.length % 512).toBe(0);
  });

  test.each([
    { name: "a path that fits once it is split", path: `${"d".repeat(90)}/${"f".repeat(90)}` },
    { name: "a file name that is longer than ustar's", path: `a/${"f".repeat(200)}` },
    { name: "a path whose pax record grows by a digit", path: "p".repeat(989) },
    { name: "a path that is not ASCII", path: "café/naïve" },
  ])("carries $name", async ({ path }) => {
    const [line] = listed(await archive([fileEntry(path, "")]));
    expect(line?.endsWith(` ${path}`)).toBe(true);
  });

  test("carries long link targets and large owners", async () => {
    const target = "t".repeat(150);
    const [link, owned] = listed(
      await archive([symlinkEntry("l", target), { ...fileEntry("f", ""), uid: 3_000_000, gid: 4_000_000 }]),
    );
    expect(link?.endsWith(`l -> ${target}`)).toBe(true);
    expect(owned).toContain("3000000/4000000");
  });

  test("refuses a file that is not as long as it was when it was listed", async () => {
    const source = join(folder, "grown");
    writeFileSync(source, "longer now");
    for (const size of [3, 30]) {
      const entry: LayerEntry = { path: "f", mode: 0o644, uid: 0, gid: 0, kind: "copy", source, size };
      await expect(archive([entry])).rejects.toMatchObject({ code: "conflict" });
    }
  });
});
