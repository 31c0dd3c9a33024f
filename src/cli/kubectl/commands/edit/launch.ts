import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../../host.ts";
import { CommandError } from "../../messages.ts";

/** A file that an editor was opened with. */
export interface EditedFile {
  readonly path: string;
  readonly text: string;
}

/** Writes a text to a file of its own, which only its owner can read, and gives its path. */
export function temporaryFile(host: Host, text: string, extension: string): string {
  const name = Math.floor(host.random.next() * 2 ** 32);
  const path = join(host.env.TMPDIR ?? tmpdir(), `kubectl-edit-${name}${extension}`);
  writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  return path;
}

/** Opens the user's editor with a file and waits for its end. Throws CommandError. */
export async function openEditor(host: Host, path: string): Promise<EditedFile> {
  const editor = host.env.KUBE_EDITOR || host.env.EDITOR || "vi";
  const [program = "", ...words] = commandOf(editor, path, host.env.SHELL);
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, words, { cwd: host.cwd, env: { ...host.env }, stdio: "inherit" });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const unknown = error.code === "ENOENT" && !program.includes("/");
      const problem = unknown ? "unable to launch the editor" : "there was a problem with the editor";
      reject(new CommandError(`${problem} ${JSON.stringify(editor)}`));
    });
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new CommandError(`there was a problem with the editor ${JSON.stringify(editor)}`));
    });
  });
  return { path, text: readFileSync(path, "utf8") };
}

/** Quotes are left to a shell; without them blanks part the words. */
function commandOf(editor: string, path: string, shell: string | undefined): readonly string[] {
  if (!/["'\\]/.test(editor)) return [...editor.split(" "), path];
  return [shell || "/bin/bash", "-c", `${editor} ${JSON.stringify(path)}`];
}
