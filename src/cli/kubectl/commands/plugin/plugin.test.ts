import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { systemClock } from "../../../../lib/clock.ts";
import { seededRandom } from "../../../../lib/random.ts";
import { kubectl } from "../../main.ts";

async function listed(files: Readonly<Record<string, number>>, path: readonly string[], ...more: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "navarch-plugins-"));
  try {
    for (const [file, mode] of Object.entries(files)) {
      mkdirSync(join(folder, file, ".."), { recursive: true });
      writeFileSync(join(folder, file), "", { mode });
    }
    let [stdout, stderr] = ["", ""];
    const output = (add: (text: string) => void) => ({
      write: (text: string | Uint8Array) => add(String(text)),
      isTerminal: false,
    });
    const code = await kubectl(["plugin", "list", ...more], {
      stdin: Readable.from([]),
      stdout: output((text) => {
        stdout += text;
      }),
      stderr: output((text) => {
        stderr += text;
      }),
      env: { PATH: path.map((one) => join(folder, one)).join(":") },
      cwd: folder,
      clock: systemClock,
      random: seededRandom(1),
      signal: new AbortController().signal,
    });
    const plain = (text: string) => text.replaceAll(`${folder}/`, "");
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("plugin list shows each program and says which of them are never called", async () => {
  const files = { "a/kubectl-foo": 0o755, "a/kubectl-get": 0o755, "a/kubectl-no": 0o644, "b/kubectl-foo": 0o755 };
  expect(await listed(files, ["a", "none", "b", "a"])).toEqual({
    code: 1,
    stdout:
      "The following compatible plugins are available:\n\na/kubectl-foo\na/kubectl-get\na/kubectl-no\nb/kubectl-foo\n",
    stderr: `Unable to read directory "none" from your PATH: open none: no such file or directory. Skipping...
  - warning: kubectl-get overwrites existing command: "kubectl get"
  - warning: a/kubectl-no identified as a kubectl plugin, but it is not executable
  - warning: b/kubectl-foo is overshadowed by a similarly named plugin: a/kubectl-foo
error: 3 plugin warnings were found
`,
  });
});

test("plugin list --name-only leaves the folders out", async () => {
  expect(await listed({ "a/kubectl-foo": 0o755 }, ["a"], "--name-only")).toEqual({
    code: 0,
    stdout: "The following compatible plugins are available:\n\nkubectl-foo\n",
    stderr: "",
  });
});

test("plugin list without any says so", async () => {
  expect(await listed({}, [])).toEqual({
    code: 1,
    stdout: "",
    stderr: "error: unable to find any kubectl plugins in your PATH\n",
  });
});
