import type { Story } from "../tools/story.ts";
import { getStories } from "./get.ts";
import { globalStories } from "./global.ts";

/** Every story; a new file of stories is one line here. */
export const stories: readonly Story[] = [...getStories, ...globalStories];
