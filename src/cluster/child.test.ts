import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { Child } from "./child.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-child-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  { what: "its last words", script: "console.error('no such thing'); process.exit(3);", says: "no such thing" },
  {
    what: "that its log is gone, when somebody took the folder away",
    script: "require('node:fs').rmSync(process.argv[2], { recursive: true }); process.exit(3);",
    says: "log is gone",
  },
])("a process that ends before it is ready is told with $what", async ({ script, says }) => {
  const module = join(folder, "role.cjs");
  writeFileSync(module, script);
  const logs = join(folder, "logs");
  const child = new Child({ module, args: [logs], logFile: join(logs, "role.log"), clock: systemClock });
  await expect(child.start()).rejects.toThrow(says);
});
