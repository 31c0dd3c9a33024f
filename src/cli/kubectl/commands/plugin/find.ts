import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Host } from "../../host.ts";

/** A program that kubectl runs as a command of its own. */
export interface Plugin {
  /** `kubectl-foo` */
  readonly name: string;
  readonly path: string;
  readonly runs: boolean;
}

/** Every plug-in of the search path, in its order; `unreadable` hears of folders that cannot be read. */
export function pluginsIn(host: Host, unreadable: (problem: string) => void = () => {}): readonly Plugin[] {
  const folders = [...new Set((host.env.PATH ?? "").split(delimiter))].filter((folder) => folder.trim() !== "");
  return folders.flatMap((folder) => {
    let names: readonly string[];
    try {
      names = readdirSync(folder).sort();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === "ENOENT" ? "no such file or directory" : code === "EACCES" ? "permission denied" : code;
      unreadable(`Unable to read directory "${folder}" from your PATH: open ${folder}: ${why}. Skipping...`);
      return [];
    }
    return names
      .filter((name) => name.startsWith("kubectl-"))
      .map((name) => ({ name, path: join(folder, name), runs: canRun(join(folder, name)) }));
  });
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
