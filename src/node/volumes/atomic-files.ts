import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** One file of a volume. */
export interface VolumeFile {
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** The user that owns it; root when absent. */
  readonly owner?: number;
}

const current = "..data";

/**
 * Writes a volume's files so that a reader sees either all old or all new ones: they lie in a dated folder, `..data` points
 * to it, and each top name points through `..data`. Does nothing when nothing differs. Paths are relative and checked by
 * the caller. Returns whether it wrote.
 */
export function writeAtomically(
  folder: string,
  files: ReadonlyMap<string, VolumeFile>,
  options: { readonly group?: number; readonly now: number },
): boolean {
  mkdirSync(folder, { recursive: true });
  const old = currentFolder(folder);
  if (old && same(old, files)) return false;
  const stamp = new Date(options.now).toISOString().replace(/[-:T]/g, "_").slice(0, 19);
  const next = mkdtempSync(join(folder, `..${stamp}.`));
  chmodSync(next, 0o755);
  for (const [path, { content, mode, owner }] of files) {
    const target = join(next, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, content);
    // Set apart from the creation, which the process's umask would cut.
    chmodSync(target, mode);
    if (owner !== undefined || options.group !== undefined) chownSync(target, owner ?? 0, options.group ?? 0);
  }
  const link = join(folder, `${current}_tmp`);
  rmSync(link, { force: true });
  symlinkSync(next.slice(folder.length + 1), link);
  renameSync(link, join(folder, current));
  const tops = new Set([...files.keys()].map((path) => path.split("/")[0]!));
  for (const top of tops) if (!existsLink(join(folder, top))) symlinkSync(join(current, top), join(folder, top));
  for (const name of readdirSync(folder)) if (!name.startsWith("..") && !tops.has(name)) unlinkSync(join(folder, name));
  if (old) rmSync(old, { recursive: true, force: true });
  return true;
}

function currentFolder(folder: string): string | undefined {
  try {
    const target = join(folder, readlinkSync(join(folder, current)));
    return existsSync(target) ? target : undefined;
  } catch {
    return undefined;
  }
}

function existsLink(path: string): boolean {
  try {
    readlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

function same(folder: string, files: ReadonlyMap<string, VolumeFile>): boolean {
  const there = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
  if (there.length !== files.size) return false;
  return there.every((path) => {
    const file = files.get(path);
    return (
      file !== undefined &&
      Buffer.compare(readFileSync(join(folder, path)), file.content) === 0 &&
      (statSync(join(folder, path)).mode & 0o777) === file.mode
    );
  });
}
