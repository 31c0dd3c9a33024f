import type { ConformanceGroup } from "./group.ts";

/** What upstream's list asks of a node, its containers and what they are given. */
export const nodeGroups: readonly ConformanceGroup[] = [];
