import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage, Fault } from "../lib/fault.ts";
import { imagePath, type LayerEntry } from "./layer-entry.ts";

/** How to read a folder: where its content goes in the image, and whose it will be. */
export interface FolderOptions {
  /** The path in the image that the folder becomes; the root without it. */
  readonly into?: string;
  /** Owner for all entries; the files' own owners without it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Leaves out paths, given relative to the folder, with all that is below them. */
  readonly skip?: (path: string) => boolean;
}

/** Every file, folder and link below a folder, hard links kept. Sockets, pipes and devices are a Fault: an image cannot carry what only lives on a machine. */
export async function folderEntries(folder: string, options: FolderOptions = {}): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  const firstNames = new Map<string, string>();
  const walk = async (relative: string): Promise<void> => {
    const children = await readdir(join(folder, relative)).catch((cause: unknown) => {
      throw new Fault("missing", `cannot read the folder ${join(folder, relative)}: ${errorMessage(cause)}`, { cause });
    });
    for (const child of children.sort()) {
      const inner = relative ? `${relative}/${child}` : child;
      if (options.skip?.(inner)) continue;
      const source = join(folder, inner);
      const info = await lstat(source);
      const base = {
        path: imagePath(`${options.into ?? ""}/${inner}`),
        mode: info.mode & 0o7777,
        uid: options.owner?.uid ?? info.uid,
        gid: options.owner?.gid ?? info.gid,
      };
      if (info.isDirectory()) {
        entries.push({ ...base, kind: "folder" });
        await walk(inner);
      } else if (info.isSymbolicLink()) {
        entries.push({ ...base, mode: 0o777, kind: "symlink", target: await readlink(source) });
      } else if (info.isFile()) {
        const identity = `${info.dev}:${info.ino}`;
        const first = info.nlink > 1 ? firstNames.get(identity) : undefined;
        if (first !== undefined) entries.push({ ...base, kind: "hardlink", target: first });
        else {
          firstNames.set(identity, base.path);
          entries.push({ ...base, kind: "copy", source, size: info.size });
        }
      } else {
        throw new Fault("unsupported", `${source} is neither a file, a folder nor a link`);
      }
    }
  };
  await walk("");
  return entries;
}

/** What would be different if a file or anything below a folder were touched: names, sizes, modes and times, not content. */
export async function fingerprint(path: string): Promise<string> {
  const info = await lstat(path, { bigint: true }).catch((cause: unknown) => {
    throw new Fault("missing", `cannot read ${path}: ${errorMessage(cause)}`, { cause });
  });
  const own = `${info.mode}:${info.uid}:${info.gid}`;
  if (info.isSymbolicLink()) return `${own}:${await readlink(path)}`;
  if (!info.isDirectory()) return `${own}:${info.ino}:${info.size}:${info.mtimeNs}`;
  const children = (await readdir(path)).sort();
  const inner: string[] = [];
  for (const child of children) inner.push(`${child}=${await fingerprint(join(path, child))}`);
  return `${own}{${inner.join(",")}}`;
}
