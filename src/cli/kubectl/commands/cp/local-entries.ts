import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { LayerEntry } from "../../../../images/layer-entry.ts";

/** A file or folder of this machine as it goes into an archive, under another name: files and links, and folders that are empty. */
export function* localEntries(file: string, name: string): Generator<LayerEntry> {
  const stat = lstatSync(file);
  const about = { path: name, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
  if (stat.isDirectory()) {
    const names = readdirSync(file).sort();
    if (names.length === 0) yield { ...about, kind: "folder" };
    for (const one of names) yield* localEntries(join(file, one), `${name}/${one}`);
  } else if (stat.isSymbolicLink()) yield { ...about, kind: "symlink", target: readlinkSync(file) };
  else yield { ...about, kind: "copy", source: file, size: stat.size };
}
