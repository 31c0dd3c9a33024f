import { configMap, pod } from "../tools/objects.ts";
import { type Step, story } from "../tools/story.ts";

/** The names of flags and commands are the same; what is said of them are our own words. */
const words = (line: string): Step => ({ line: line.replace("__complete ", "__completeNoDesc "), unordered: true });

/** Upstream prints the types in no order. */
const unordered = (line: string): Step => ({ line, unordered: true });

/** `kubectl completion`, `kubectl __complete` and `kubectl plugin`. */
export const completionStories = [
  story({
    name: "completion",
    objects: [configMap("a"), configMap("abc"), configMap("b"), pod("p1"), pod("p2")],
    steps: [
      "completion",
      "completion foo",
      "completion bash x",
      unordered("__complete get p"),
      unordered("__complete get pods,c"),
      "__complete get pods ''",
      "__complete get pod p",
      "__complete get cm a",
      "__complete get cm a ''",
      "__complete get cm nope",
      "__complete get nope ''",
      "__complete get cm/",
      "__complete get cm/a",
      "__complete describe cm ''",
      "__complete get -n ''",
      "__complete get --namespace=d",
      "__complete get cm --namespace d",
      "__complete --context ''",
      "__complete --cluster ''",
      "__complete --user ''",
      "__complete config use-context ''",
      "__complete config delete-user ''",
      "__complete delete -f ''",
      "__complete exec p1 -c m",
      "__complete top pod p",
      words("__complete rollout ''"),
      words("__complete get cm --o"),
      words("__complete get cm --output-w"),
      words("__complete annotate --ov"),
      unordered("__complete get cm -o j"),
      words("__complete create s"),
      words("__complete create secret ''"),
      "__complete get cm -l ''",
      "__complete --kubeconfig ''",
      "__complete api-resources ''",
    ],
  }),
  story({
    name: "plugin",
    files: { "one/kubectl-foo": "", "one/kubectl-get": "", "two/kubectl-foo": "" },
    steps: ["plugin list"],
  }),
];
