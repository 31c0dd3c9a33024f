import { type CommandEntry, defineCommand } from "../../command.ts";
import { bool } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { pluginsIn } from "./find.ts";

const list = defineCommand({
  name: "list",
  short: "List all visible plugin executables on a user's PATH",
  usage: "[flags]",
  long: "Shows every program of the search path whose name begins with kubectl-, and which of them can never be called.",
  flags: { "name-only": bool("Prints names without the folders that they are in.") },
  async run({ session, flags }) {
    const { host } = session;
    const found = pluginsIn(host, (problem) => session.complain(problem));
    if (found.length === 0) throw new CommandError("unable to find any kubectl plugins in your PATH");
    session.say("The following compatible plugins are available:\n");
    const { commandGroups } = await import("../../command-list.ts");
    const own = commandGroups.flatMap(({ commands }) => commands);
    const seen = new Map<string, string>();
    let warnings = 0;
    const warn = (text: string) => {
      warnings += 1;
      session.complain(`  - ${text}`);
    };
    for (const { name, path, runs } of found) {
      session.say(flags["name-only"] ? name : path);
      const hidden = commandOf(name, own);
      const before = seen.get(name);
      if (hidden) warn(`warning: ${name} overwrites existing command: "kubectl ${hidden}"`);
      else if (!runs) warn(`warning: ${path} identified as a kubectl plugin, but it is not executable`);
      else if (before) warn(`warning: ${path} is overshadowed by a similarly named plugin: ${before}`);
      if (!before) seen.set(name, path);
    }
    if (warnings > 0) {
      throw new CommandError(
        warnings === 1 ? "one plugin warning was found" : `${warnings} plugin warnings were found`,
      );
    }
  },
});

/** The command that a plug-in of this name would stand behind. */
function commandOf(plugin: string, own: readonly CommandEntry[]): string | undefined {
  const word = plugin.slice("kubectl-".length);
  return own.find(({ name, aliases }) => name === word || aliases?.includes(word))?.name;
}

/** `kubectl plugin` */
export const plugin = defineCommand({
  name: "plugin",
  short: "Provides utilities for interacting with plugins",
  long: "A program of the search path named kubectl-NAME is called by kubectl NAME; dashes in its name part words, underscores stand for dashes.",
  examples: `# Every plug-in with its place
kubectl plugin list`,
  usage: "[flags]",
  subcommands: [{ name: list.name, short: list.short, load: async () => list }],
});
