import type { Story } from "../tools/story.ts";
import { liveChangeStories } from "./live/changes.ts";
import { drainStories } from "./live/drain.ts";
import { rolloutStories } from "./live/rollouts.ts";

/** Stories of clusters in which things happen. The drain comes first, as long as no others have pods on its node. */
export const liveStories: readonly Story[] = [...drainStories, ...rolloutStories, ...liveChangeStories];
