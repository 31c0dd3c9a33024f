import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeLogs, rotateLog } from "./log-rotation.ts";

describe("rotating a log", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "navarch-rotation-"));
    path = join(directory, "0.log");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const policy = { maxBytes: 4, maxFiles: 3 };
  const reopen = () => writeFile(path, "");
  const rotateAt = (second: number) => rotateLog(path, policy, { now: Date.UTC(2026, 0, 2, 3, 4, second), reopen });
  const files = async () => (await readdir(directory)).sort();

  test("leaves a small one alone", async () => {
    await writeFile(path, "abc");
    expect(await rotateAt(0)).toBe(false);
    expect(await files()).toEqual(["0.log"]);
  });

  test("leaves a missing one alone", async () => {
    expect(await rotateAt(0)).toBe(false);
  });

  test("names the old one by the time and lets the runtime open a new one", async () => {
    await writeFile(path, "abcd");
    expect(await rotateAt(5)).toBe(true);
    expect(await files()).toEqual(["0.log", "0.log.20260102-030405"]);
    expect(await readFile(`${path}.20260102-030405`, "utf8")).toBe("abcd");
  });

  test("compresses all but the newest and removes the oldest", async () => {
    for (const second of [1, 2, 3, 4]) {
      await writeFile(path, `text ${second}`);
      await rotateAt(second);
    }
    expect(await files()).toEqual(["0.log", "0.log.20260102-030403.gz", "0.log.20260102-030404"]);
    expect(gunzipSync(await readFile(`${path}.20260102-030403.gz`)).toString()).toBe("text 3");
  });

  test("puts the old one back when the runtime does not open a new one", async () => {
    await writeFile(path, "abcd");
    const refuse = async () => {
      throw new Error("not now");
    };
    await expect(rotateLog(path, policy, { now: 0, reopen: refuse })).rejects.toThrow("not now");
    expect(await files()).toEqual(["0.log"]);
  });

  test("removes what an interrupted compression left", async () => {
    await writeFile(path, "abcd");
    await writeFile(`${path}.20260101-000000.tmp`, "half");
    await rotateAt(5);
    expect(await files()).toEqual(["0.log", "0.log.20260102-030405"]);
  });

  test("all of them go when the container's log is removed", async () => {
    await writeFile(path, "abcd");
    await rotateAt(5);
    await removeLogs(path);
    expect(await files()).toEqual([]);
  });
});
