import { statfs } from "node:fs/promises";
import type { Pod } from "../../api/generated/core-v1.ts";

/** A claimed volume of a pod, and where it is on the node. */
export interface ClaimedVolume {
  /** As the pod calls it. */
  readonly name: string;
  readonly claim: string;
  readonly path: string;
}

/** Tells where pods' claimed volumes are; what is not to be had now is left out. */
export interface ClaimedVolumes {
  claims(pod: Pod): Promise<readonly ClaimedVolume[]>;
}

/** What the file system of a volume has. Bytes and inodes. */
export interface VolumeFigures {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly inodesUsed: number;
}

/** Figures of a pod's claimed volumes. */
export async function volumeFigures(
  pod: Pod,
  volumes: ClaimedVolumes,
): Promise<readonly (ClaimedVolume & { readonly figures: VolumeFigures })[]> {
  const all = await Promise.all(
    (await volumes.claims(pod)).map(async (volume) => {
      const figures = await figuresOf(volume.path);
      return figures ? [{ ...volume, figures }] : [];
    }),
  );
  return all.flat();
}

async function figuresOf(path: string): Promise<VolumeFigures | undefined> {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
    return {
      capacityBytes: blocks * bsize,
      availableBytes: bavail * bsize,
      usedBytes: (blocks - bfree) * bsize,
      inodes: files,
      inodesFree: ffree,
      inodesUsed: files - ffree,
    };
  } catch {
    return undefined; // the volume has just gone
  }
}
