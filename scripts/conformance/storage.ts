import type { ConformanceGroup } from "./group.ts";

/** What upstream's list asks of storage. */
export const storageGroups: readonly ConformanceGroup[] = [];
