import { story } from "../tools/story.ts";
import { buildFiles } from "./kustomize/builds.ts";
import { commandFiles, commandLines } from "./kustomize/commands.ts";
import { faultFiles } from "./kustomize/faults.ts";
import { namingFiles } from "./kustomize/naming.ts";
import { patchFiles } from "./kustomize/patching.ts";

/** Every folder is built for itself. */
const builds = (files: Readonly<Record<string, string>>) =>
  [...new Set(Object.keys(files).map((name) => name.split("/")[0] ?? ""))].map((folder) => `kustomize ${folder}`);

/** Kustomizations, each folder one with all that it needs. */
export const kustomizeStories = [
  story({ name: "kustomize builds", files: buildFiles, steps: builds(buildFiles) }),
  story({ name: "kustomize names", files: namingFiles, steps: builds(namingFiles) }),
  story({ name: "kustomize patches", files: patchFiles, steps: builds(patchFiles) }),
  story({ name: "kustomize and -k", files: commandFiles, steps: commandLines }),
  story({ name: "kustomize mistakes", files: faultFiles, steps: builds(faultFiles) }),
];
