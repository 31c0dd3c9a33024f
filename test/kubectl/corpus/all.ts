import type { Story } from "../tools/story.ts";
import { apiStories } from "./api.ts";
import { applyStories } from "./apply.ts";
import { applySetStories } from "./apply-sets.ts";
import { authStories } from "./auth.ts";
import { changeStories } from "./change.ts";
import { completionStories } from "./completion.ts";
import { configStories } from "./config.ts";
import { createStories } from "./create.ts";
import { describeStories } from "./describe.ts";
import { editStories } from "./edit.ts";
import { editElsewhereStories } from "./edit-elsewhere.ts";
import { explainStories } from "./explain.ts";
import { getStories } from "./get.ts";
import { globalStories } from "./global.ts";
import { kubeconfigStories } from "./kubeconfig.ts";
import { kustomizeStories } from "./kustomize.ts";
import { logAndReplaceStories } from "./more.ts";
import { nodeStories } from "./nodes.ts";
import { preconditionStories } from "./preconditions.ts";
import { streamStories } from "./streams.ts";
import { topStories } from "./top.ts";
import { workloadStories } from "./workloads.ts";

/** Every story; a new file of stories is one line here and one below. */
export const stories: readonly Story[] = [
  // One on each line, so that two may be added at once.
  ...globalStories,
  ...getStories,
  ...describeStories,
  ...explainStories,
  ...editStories,
  ...editElsewhereStories,
  ...createStories,
  ...changeStories,
  ...preconditionStories,
  ...applyStories,
  ...applySetStories,
  ...workloadStories,
  ...streamStories,
  ...logAndReplaceStories,
  ...configStories,
  ...kubeconfigStories,
  ...completionStories,
  ...apiStories,
  ...authStories,
  ...nodeStories,
  ...topStories,
  ...kustomizeStories,
];
