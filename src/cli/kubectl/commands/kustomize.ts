import { defineCommand } from "../command.ts";
import { CommandError } from "../messages.ts";

/** `kubectl kustomize`, which is refused. */
export const kustomize = defineCommand({
  name: "kustomize",
  short: "Build a kustomization target from a directory or URL (refused: says how to do it)",
  long: "This kubectl builds no kustomizations. The program kustomize does, and its output is what -f - reads.",
  examples: `# What kubectl apply -k DIR does
kustomize build DIR | kubectl apply -f -`,
  usage: "DIR",
  async run() {
    throw new CommandError(
      "kustomizations are not built by this kubectl; build them with the program kustomize: kustomize build DIR | kubectl apply -f -",
    );
  },
});
