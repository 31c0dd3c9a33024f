import type { ConformanceGroup } from "./group.ts";

/** What upstream's list asks of network. */
export const networkGroups: readonly ConformanceGroup[] = [];
