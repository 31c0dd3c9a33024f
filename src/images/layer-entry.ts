/** One thing in an image layer. Paths are relative to the image's root, without a leading slash; folders carry no trailing one. */
export type LayerEntry = {
  readonly path: string;
  /** Permission bits, with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
} & LayerContent;

export type LayerContent =
  | { readonly kind: "file"; readonly bytes: Uint8Array }
  | { readonly kind: "copy"; readonly source: string; readonly size: number }
  | { readonly kind: "folder" }
  | { readonly kind: "symlink"; readonly target: string }
  /** Another name of a file of the same layer, by its path in the image. */
  | { readonly kind: "hardlink"; readonly target: string };

/** The path in an image that a person wrote: no leading or doubled slashes, no dots. */
export function imagePath(written: string): string {
  const parts: string[] = [];
  for (const part of written.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/** A regular file from bytes, owned by root. */
export function fileEntry(path: string, content: string | Uint8Array, mode = 0o644): LayerEntry {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  return { path: imagePath(path), mode, uid: 0, gid: 0, kind: "file", bytes };
}

/** A folder owned by root. */
export function folderEntry(path: string, mode = 0o755): LayerEntry {
  return { path: imagePath(path), mode, uid: 0, gid: 0, kind: "folder" };
}

/** A symbolic link owned by root. */
export function symlinkEntry(path: string, target: string): LayerEntry {
  return { path: imagePath(path), mode: 0o777, uid: 0, gid: 0, kind: "symlink", target };
}

const mergedFolders: ReadonlySet<string> = new Set(["bin", "sbin", "lib", "lib32", "lib64", "libx32"]);

/** The links that make /bin and its kin names of /usr/bin and its kin. */
export const mergedUsrLinks: readonly LayerEntry[] = ["bin", "lib", "lib64", "sbin"].flatMap((name) => [
  folderEntry(`usr/${name}`),
  symlinkEntry(name, `usr/${name}`),
]);

/**
 * Moves what lies under /bin, /sbin and /lib* to /usr, as Debian's merged layout does. Layers from different sources can
 * then be stacked: a real folder /bin in an upper layer would hide the link /bin of a lower one.
 */
export function mergeUsr(entries: readonly LayerEntry[]): LayerEntry[] {
  const moved: LayerEntry[] = [];
  for (const entry of entries) {
    if (mergedFolders.has(entry.path)) {
      if (entry.kind === "folder") moved.push({ ...entry, path: `usr/${entry.path}` });
      continue;
    }
    const place = mergedPath(entry.path);
    if (entry.kind === "hardlink") moved.push({ ...entry, path: place, target: mergedPath(entry.target) });
    // Such as /usr/bin/x -> /bin/x, which served unmerged systems.
    else if (entry.kind === "symlink" && mergedPath(imagePath(entry.target)) === place && entry.target.startsWith("/"))
      continue;
    else moved.push({ ...entry, path: place });
  }
  return moved;
}

function mergedPath(path: string): string {
  return mergedFolders.has(path.slice(0, Math.max(0, path.indexOf("/")))) ? `usr/${path}` : path;
}

/**
 * The entries as a layer stores them: sorted by path bytes, the last of equal paths kept, absent parent folders added,
 * hard links after the files that they name.
 */
export function arrangeEntries(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) if (entry.path !== "") byPath.set(entry.path, entry);
  for (const path of [...byPath.keys()]) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const parent = path.slice(0, end);
      if (byPath.has(parent)) break;
      byPath.set(parent, folderEntry(parent));
    }
  }
  const sorted = [...byPath.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return [...sorted.filter((e) => e.kind !== "hardlink"), ...sorted.filter((e) => e.kind === "hardlink")];
}
