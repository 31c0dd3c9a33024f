import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog } from "./log.ts";

test("a line is a JSON object with its message, its level and the fields of its part", () => {
  const folder = mkdtempSync(join(tmpdir(), "navarch-log-"));
  const file = join(folder, "new", "log");
  const log = openLog({ file }).child({ part: "test" });
  log.debug("not asked for");
  log.warn("said", { count: 2 });
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 40, time: expect.any(Number), part: "test", count: 2, msg: "said" },
  ]);
  rmSync(folder, { recursive: true });
});

test.runIf(existsSync("/dev/full"))("a full disk costs lines, and nothing is thrown", async () => {
  const log = openLog({ file: "/dev/full" });
  for (let count = 0; count < 3000; count++) log.info("lost", { text: "x".repeat(1000) });
  // An error that nobody listens to would end this process in the next turn of the loop.
  await new Promise((resolve) => setImmediate(resolve));
});
