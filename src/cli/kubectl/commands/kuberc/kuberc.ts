import { type Command, defineCommand } from "../../command.ts";

/** `kubectl kuberc`, and `kubectl alpha kuberc` as it is called in 1.35. */
export const kuberc: Command = defineCommand({
  name: "kuberc",
  short: "Manage kuberc configuration files",
  long: "Shows and changes the file of preferences: values that flags have unless others are given, and aliases.",
  examples: `# The preferences that hold now
kubectl alpha kuberc view

# get prints more columns unless told otherwise
kubectl alpha kuberc set --section defaults --command get --option output=wide

# getn is another name for get nodes
kubectl alpha kuberc set --section aliases --name getn --command get --prependarg nodes --option output=wide`,
  subcommands: [
    {
      name: "set",
      short: "Set values in the kuberc configuration",
      load: async () => (await import("./set.ts")).setPreference,
    },
    {
      name: "view",
      short: "Display the current kuberc configuration",
      load: async () => (await import("./view.ts")).viewPreference,
    },
  ],
});

/** `kubectl alpha` */
export const alpha = defineCommand({
  name: "alpha",
  short: "Commands for features in alpha",
  long: "These commands are about features that may still change.",
  subcommands: [{ name: kuberc.name, short: kuberc.short, load: async () => kuberc }],
});
