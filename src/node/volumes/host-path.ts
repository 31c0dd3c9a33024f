import { lstatSync, mkdirSync, type Stats, statSync, writeFileSync } from "node:fs";
import type { HostPathVolumeSource } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";

/** A path of the node for a volume; what its `type` asks for is checked, or made. Throws Fault `missing` if it is not so. */
export function hostPath({ path, type }: HostPathVolumeSource, volume: string): string {
  const there = statSync(path, { throwIfNoEntry: false });
  const must = (holds: boolean | undefined, what: string) => {
    if (holds) return;
    const fault = `hostPath type check failed: ${path} is not ${what}`;
    throw new Fault("missing", `MountVolume.SetUp failed for volume "${volume}" : ${fault}`);
  };
  const is = (test: (stats: Stats) => boolean) => there && test(there);
  switch (type ?? "") {
    case "DirectoryOrCreate":
      if (!there) mkdirSync(path, { recursive: true, mode: 0o755 });
      else must(there.isDirectory(), "a directory");
      break;
    case "Directory":
      must(
        is((stats) => stats.isDirectory()),
        "a directory",
      );
      break;
    case "FileOrCreate":
      if (!there) writeFileSync(path, "", { mode: 0o644 });
      else must(there.isFile(), "a file");
      break;
    case "File":
      must(
        is((stats) => stats.isFile()),
        "a file",
      );
      break;
    case "Socket":
      must(
        is((stats) => stats.isSocket()),
        "a socket file",
      );
      break;
    case "CharDevice":
      must(
        is((stats) => stats.isCharacterDevice()),
        "a character device",
      );
      break;
    case "BlockDevice":
      must(
        is((stats) => stats.isBlockDevice()),
        "a block device",
      );
      break;
    default:
      // Without a type nothing is checked; a missing one is made as a directory, as container runtimes do.
      if (!lstatSync(path, { throwIfNoEntry: false })) mkdirSync(path, { recursive: true, mode: 0o755 });
  }
  return path;
}
