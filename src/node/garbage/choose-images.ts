import type { RuntimeImage } from "../runtime/image.ts";

/** What is remembered of an image; times in ms since the epoch. */
export interface ImageRecord {
  readonly image: RuntimeImage;
  readonly firstSeen: number;
  /** When a container was last seen with it; absent for one that never had any. */
  readonly lastUsed?: number;
}

/** Brings records up to date with what is there and what is used at `now`. Pure. */
export function recordImages(
  before: ReadonlyMap<string, ImageRecord>,
  images: readonly RuntimeImage[],
  inUse: ReadonlySet<string>,
  now: number,
): ReadonlyMap<string, ImageRecord> {
  return new Map(
    images.map((image) => {
      const known = before.get(image.id);
      const used = isUsed(image, inUse) ? now : known?.lastUsed;
      const firstSeen = known?.firstSeen ?? now;
      return [image.id, { image, firstSeen, ...(used === undefined ? {} : { lastUsed: used }) }];
    }),
  );
}

/** By its id or by any of its names. */
function isUsed({ id, repoTags, repoDigests }: RuntimeImage, inUse: ReadonlySet<string>): boolean {
  return [id, ...repoTags, ...repoDigests].some((name) => inUse.has(name));
}

export interface ImageChoice {
  readonly records: ReadonlyMap<string, ImageRecord>;
  readonly inUse: ReadonlySet<string>;
  /** Bytes to win; infinite for all that can go. */
  readonly bytes: number;
  readonly now: number;
  /** An image stays for so long after it came, in ms. */
  readonly minAge: number;
}

/** Images to remove, until enough bytes are won: the longest unused first, of those the longest there (as upstream). Pure. */
export function chooseImages({ records, inUse, bytes, now, minAge }: ImageChoice): readonly RuntimeImage[] {
  const free = [...records.values()]
    .filter(({ image, firstSeen }) => !image.pinned && !isUsed(image, inUse) && now - firstSeen >= minAge)
    .sort((one, other) => (one.lastUsed ?? -1) - (other.lastUsed ?? -1) || one.firstSeen - other.firstSeen);
  const chosen: RuntimeImage[] = [];
  let won = 0;
  for (const { image } of free) {
    if (won >= bytes) break;
    chosen.push(image);
    won += image.sizeBytes;
  }
  return chosen;
}
