import { createWriteStream, mkdirSync, realpathSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { goQuote } from "../../../../lib/go-text.ts";
import { CommandError } from "../../messages.ts";
import { tarEntries } from "./tar-entries.ts";

export interface UnpackOptions {
  /** What every name in the archive begins with; the rest is the place under `folder`. */
  readonly prefix: string;
  /** The file or folder that is written. */
  readonly folder: string;
  /** What messages call it. */
  readonly shown: string;
  readonly warn: (text: string) => void;
  /** The command that copies what is left out here. */
  readonly again: string;
}

/**
 * Writes the files and folders of a tar archive; links are left out, and nothing outside the folder is written: the archive
 * comes from the container, which may be anybody's. Throws CommandError.
 */
export async function unpack(archive: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  let toldOfLinks = false;
  for await (const { name, kind, target, content } of tarEntries(archive)) {
    if (!name.startsWith(options.prefix)) throw new CommandError("tar contents corrupted");
    const rest = name.slice(options.prefix.length);
    const place = join(options.folder, rest);
    const shown = join(options.shown, rest);
    if (leavesFolder(options.folder, place)) {
      options.warn(`warning: file ${goQuote(shown)} is outside target destination, skipping`);
    } else if (kind === "folder") {
      mkdirSync(place, { recursive: true, mode: 0o755 });
    } else if (kind === "symlink") {
      const hint = toldOfLinks ? "" : ` (consider using "${options.again}")`;
      options.warn(`warning: skipping symlink: ${goQuote(shown)} -> ${goQuote(target)}${hint}`);
      toldOfLinks = true;
    } else {
      mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
      // A link that was there before would lead the writing elsewhere.
      if (behindLink(options.folder, place)) {
        options.warn(`warning: file ${goQuote(shown)} is outside target destination, skipping`);
      } else await writeTo(place, shown, content);
    }
  }
}

async function writeTo(place: string, shown: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await pipeline(content, createWriteStream(place));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EISDIR" ? "is a directory" : code === "EACCES" ? "permission denied" : undefined;
    throw why ? new CommandError(`open ${shown}: ${why}`) : error;
  }
}

function leavesFolder(folder: string, place: string): boolean {
  const way = relative(folder, place);
  return way === ".." || way.startsWith(`..${sep}`);
}

/** Whether a folder between the target and the file is a link to somewhere else. */
function behindLink(folder: string, place: string): boolean {
  if (place === folder) return false;
  return leavesFolder(realpathSync(folder), join(realpathSync(dirname(place)), "x"));
}
