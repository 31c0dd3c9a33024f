import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Host } from "./host.ts";

/** The file of the first name in the search path that can be run. */
export function findProgram(name: string, env: Host["env"]): string | undefined {
  for (const folder of (env.PATH ?? "").split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * Runs the plug-in that the words name best (`kubectl a b` is kubectl-a-b before kubectl-a) and gives its exit code;
 * undefined where there is none.
 */
export function runPlugin(words: readonly string[], host: Host): number | undefined {
  const flagAt = words.findIndex((word) => word.startsWith("-"));
  const names = words.slice(0, flagAt < 0 ? words.length : flagAt).map((word) => word.replaceAll("-", "_"));
  for (let length = names.length; length > 0; length--) {
    const program = findProgram(`kubectl-${names.slice(0, length).join("-")}`, host.env);
    if (!program) continue;
    const ended = spawnSync(program, words.slice(length), { cwd: host.cwd, env: { ...host.env }, stdio: "inherit" });
    return ended.status ?? 1;
  }
  return undefined;
}

/** The names that someone who typed `word` may have meant. */
export function similarNames(word: string, names: readonly string[]): readonly string[] {
  return names.filter(
    (name) =>
      distance(word.toLowerCase(), name.toLowerCase()) <= 2 || name.toLowerCase().startsWith(word.toLowerCase()),
  );
}

/** How many letters have to be changed, added or taken away. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
