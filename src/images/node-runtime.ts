import { realpath, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The Debian packages with the shared libraries that Node's own builds load. */
export const nodeLibraries: readonly string[] = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"];

/** The pinned Node.js of this project, or the one that runs this program where the pinned one was not installed. */
export async function nodeBinary(): Promise<string> {
  try {
    const pinned = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
    if ((await stat(pinned)).isFile()) return pinned;
  } catch {
    // Installed without development dependencies: the program itself runs on a Node that will do.
  }
  return await realpath(process.execPath);
}
