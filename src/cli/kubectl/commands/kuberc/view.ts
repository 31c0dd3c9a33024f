import { defineCommand } from "../../command.ts";
import { text } from "../../flags/flag.ts";
import { printFlags } from "../../flags/shared.ts";
import { CommandError } from "../../messages.ts";
import { objectPrinter } from "../../output/printer.ts";
import { readKuberc } from "../../preferences/kuberc-file.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { ownKuberc, parsedKuberc } from "./own-file.ts";

/** `kubectl alpha kuberc view` */
export const viewPreference = defineCommand({
  name: "view",
  short: "Display the current kuberc configuration",
  long: "Shows the file of preferences.",
  examples: `# As YAML
kubectl alpha kuberc view

# As JSON
kubectl alpha kuberc view --output json

# Another file
kubectl alpha kuberc view --kuberc /path/to/kuberc`,
  flags: { ...printFlags, output: text(printFlags.output.usage, { short: "o", default: "yaml" }) },
  async run({ session, flags, given }) {
    const path = ownKuberc(session);
    let content: string;
    try {
      content = readKuberc(path);
    } catch (error) {
      const { message } = error as Error;
      if (message.endsWith("no such file or directory")) throw new CommandError(`kuberc file not found at ${path}`);
      throw new CommandError(`error reading kuberc file: ${message}`);
    }
    const preference = parsedKuberc(content, path);
    // Upstream writes its own types in the order of their fields.
    if (flags.output === "json") {
      session.say(JSON.stringify(preference, undefined, 4));
      return;
    }
    const output = flags.template && !given.has("output") ? "" : flags.output;
    const printer = await objectPrinter(session, { ...flags, output });
    printer.print(preference as unknown as AnyObject);
  },
});
