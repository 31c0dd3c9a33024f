import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The mount points at or below `directory`, the innermost and latest first, as they must be unmounted. */
export function mountsBelow(mountinfo: string, directory: string): readonly string[] {
  const points = mountinfo
    .split("\n")
    .map((line) => line.split(" ")[4])
    .filter((point) => point !== undefined)
    // The kernel writes blanks and backslashes as octal.
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  return points.filter((point) => point === directory || point.startsWith(`${directory}/`)).reverse();
}

/** Unmounts everything at or below `directory`. What is busy disappears now and is let go of when its last user ends. */
export async function unmountBelow(directory: string): Promise<void> {
  // A mount may lie on top of another at the same place, so the table is read until it has none.
  for (let round = 0; round < 20; round++) {
    const points = mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), directory);
    if (points.length === 0) return;
    // One that went away meanwhile makes umount fail, and the next round sees the rest.
    for (let from = 0; from < points.length; from += 100) {
      await run("umount", ["--lazy", ...points.slice(from, from + 100)]).catch(() => {});
    }
  }
}
