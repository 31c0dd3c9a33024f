import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** A name that the package exports, as the source file behind it. */
function sourceOf(name: string): string {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string>>;
  };
  for (const [pattern, target] of Object.entries(exports)) {
    const matched = new RegExp(`^${pattern.replace("*", "(.+)")}$`).exec(`./${name}`);
    if (matched)
      return join(
        root,
        target
          .replace("dist/", "")
          .replace("*", matched[1] ?? "")
          .replace(/\.js$/, ".ts"),
      );
  }
  throw new Error(`package.json exports no ${name}`);
}

test("what docs/testing.md shows runs as it stands there", async () => {
  const [, shown = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/testing.md"), "utf8")) ?? [];
  const program = shown.replaceAll(/"navarch\/([^"]+)"/g, (_all, name: string) => JSON.stringify(sourceOf(name)));
  expect(program).not.toBe(shown);
  const folder = mkdtempSync(join(tmpdir(), "navarch-docs-"));
  try {
    writeFileSync(join(folder, "web.test.mts"), program);
    const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
    const asked = ["--test", "--test-reporter=tap", join(folder, "web.test.mts")];
    const { stdout } = await promisify(execFile)(process.execPath, asked, { env, timeout: 80_000 });
    expect(stdout).toMatch(/^# pass 2$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 90_000);
