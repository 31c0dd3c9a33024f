import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What of Node itself a process holds that has loaded a module. */
function loadedBy(path: string): readonly string[] {
  const script = `await import(${JSON.stringify(fileOf(path))}); console.log(JSON.stringify(process.moduleLoadList));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  return JSON.parse(output) as readonly string[];
}

test.each([
  { name: "the node's process", path: "../cluster/local-node-role.ts" },
  { name: "the control plane's process", path: "../cluster/server-role.ts" },
])("$name carries one HTTP client, not two", ({ path }) => {
  const loaded = loadedBy(path);
  expect(loaded).toContain("NativeModule http");
  expect(loaded).not.toContain("NativeModule internal/deps/undici/undici");
});
