import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { roleEnvironment } from "./child.ts";
import { heapTrim } from "./heap-trim.ts";

const module = fileURLToPath(new URL("heap-trim.ts", import.meta.url));

/** 200 MB of buffers of which each hundredth lives on: how many bytes are resident without the others, and after giving back. */
const script = `
  import { readFileSync } from "node:fs";
  import { heapTrim } from ${JSON.stringify(module)};
  const resident = () => Number(/^RssAnon:\\s+(\\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
  const trim = heapTrim();
  const kept = [];
  let passing = [];
  for (let index = 0; index < 50_000; index += 1) {
    const bytes = Buffer.allocUnsafeSlow(4000).fill(1);
    (index % 100 === 0 ? kept : passing).push(bytes);
  }
  passing = undefined;
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const before = resident();
  trim();
  console.log(JSON.stringify({ before, after: resident(), kept: kept.length }));
`;

test.skipIf(!heapTrim())("memory between things that live on is given back", () => {
  const output = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], {
    env: roleEnvironment(process.env),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { before, after } = JSON.parse(output) as { before: number; after: number };
  expect(before - after).toBeGreaterThan(100_000_000);
});

test("loading it warns nobody", () => {
  const ask = `import { heapTrim } from ${JSON.stringify(module)}; heapTrim()?.();`;
  const { stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", ask], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
