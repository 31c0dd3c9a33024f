import { configMap } from "../tools/objects.ts";
import { story } from "../tools/story.ts";

/** `--resource-version` of commands that change one object. */
export const preconditionStories = [
  story({
    name: "changes only of the version that was seen",
    objects: [configMap("a"), configMap("b")],
    steps: [
      "label cm a x=1 --resource-version=1",
      "label cm a b x=1 --resource-version=1",
      "label cm --all x=1 --resource-version=1",
      "annotate cm a x=1 --resource-version=1",
      "annotate cm a b x=1 --resource-version=1",
      "annotate cm --all x=1 --resource-version=1",
      "label cm a x=1 --resource-version=foo",
      "set selector svc none a=b --resource-version=1",
      "get cm --show-labels -o wide",
    ],
  }),
];
