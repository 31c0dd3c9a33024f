import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunCommand } from "./command.ts";
import { downloadPackages, neededPackages, parsePackages, resolvePackages } from "./debian-packages.ts";

const index = `Package: server
Version: 1:2.0-1
Architecture: amd64
Depends: libc6 (>= 2.34), adduser, mail-agent | logger:any, tools (= 1:2.0-1)
Pre-Depends: init-system-helpers (>= 1.54~)
Size: 4
Description: a server
 with more to say

Package: tools
Version: 2.0
Architecture: all
Depends: libc6, perl
Size: 5

Package: exim
Version: 4
Architecture: amd64
Provides: mail-agent (= 4), logger
Size: 6

Package: adduser
Version: 3
Architecture: all
Depends: passwd
Size: 7

Package: passwd
Version: 1
Architecture: amd64
Size: 1

Package: libc6
Version: 2.36
Architecture: amd64
Size: 8

Package: libc6
Version: 2.35
Architecture: amd64
Size: 9
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-debian-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = (packages: readonly { readonly name: string }[]) => packages.map((one) => one.name);

describe("parsePackages", () => {
  test("reads names, versions and dependencies without their version conditions", () => {
    const [server] = parsePackages(index);
    expect(server).toMatchObject({ name: "server", version: "1:2.0-1", architecture: "amd64", size: 4 });
    expect(server?.depends).toEqual([
      ["init-system-helpers"],
      ["libc6"],
      ["adduser"],
      ["mail-agent", "logger"],
      ["tools"],
    ]);
  });

  test("takes the first of several versions, which is apt's candidate", () => {
    expect(
      parsePackages(index)
        .filter((one) => one.name === "libc6")
        .map((one) => one.version),
    ).toEqual(["2.36"]);
  });
});

describe("neededPackages", () => {
  test("follows dependencies, also through provided names, but not through unwanted packages", () => {
    const needed = neededPackages(["server"], parsePackages(index), new Set(["adduser", "perl"]));
    expect(names(needed)).toEqual(["exim", "libc6", "server", "tools"]);
  });

  test("keeps an unwanted package that was asked for by name", () => {
    expect(names(neededPackages(["adduser"], parsePackages(index), new Set(["adduser"])))).toEqual([
      "adduser",
      "passwd",
    ]);
  });

  test("says which package does not exist", () => {
    expect(() => neededPackages(["srever"], parsePackages(index), new Set())).toThrow("no package srever");
  });
});

describe("resolvePackages", () => {
  test("asks apt as if nothing were installed, and for exactly the versions that apt chose", async () => {
    const calls: string[][] = [];
    const run: RunCommand = async (program, args) => {
      calls.push([program, ...args]);
      return program === "apt-get"
        ? "Inst libc6 (2.36 Debian:12 [amd64])\nInst server (1:2.0-1 Debian:12 [amd64])\nConf libc6 (2.36)\n"
        : index;
    };
    const packages = await resolvePackages(["server"], ["exim"], { folder, lists: "machine", run });
    expect(names(packages)).toEqual(["libc6", "server", "tools"]);
    expect(calls.map((call) => call[0])).toEqual(["apt-get", "apt-cache"]);
    expect(calls[0]?.some((arg) => arg.startsWith("Dir::State::status="))).toBe(true);
    expect(calls[1]?.slice(-2)).toEqual(["libc6=2.36", "server=1:2.0-1"]);
  });

  test("fetches lists of its own, beside the machine's, when told to", async () => {
    const calls: string[][] = [];
    const run: RunCommand = async (program, args) => {
      calls.push([program, ...args]);
      return index;
    };
    await resolvePackages(["server"], [], { folder, lists: "own", run });
    expect(calls[0]?.[1]).toBe("update");
    for (const call of calls) expect(call).toContain(`Dir::State::lists=${join(folder, "apt", "lists")}`);
  });
});

describe("downloadPackages", () => {
  test("fetches only what is not there in full, and finds files by apt's names", async () => {
    const calls: string[][] = [];
    const run: RunCommand = async (_program, args) => {
      calls.push(args.filter((arg) => arg.includes("=") && !arg.includes("::")));
      return "";
    };
    const packages = neededPackages(["server", "libc6"], parsePackages(index), new Set(["adduser", "exim", "tools"]));
    const files = await downloadPackages(packages, { folder, lists: "machine", run });
    expect(files.map((file) => file.slice(folder.length))).toEqual([
      "/debs/libc6_2.36_amd64.deb",
      "/debs/server_1%3a2.0-1_amd64.deb",
    ]);
    writeFileSync(files[0]!, "8 bytes!");
    writeFileSync(files[1]!, "cut");
    await downloadPackages(packages, { folder, lists: "machine", run });
    writeFileSync(files[1]!, "four");
    await downloadPackages(packages, { folder, lists: "machine", run });
    expect(calls).toEqual([["libc6=2.36", "server=1:2.0-1"], ["server=1:2.0-1"]]);
  });
});
