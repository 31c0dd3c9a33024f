import { goQuote } from "../../../lib/go-text.ts";
import type { Command, CommandEntry } from "../command.ts";
import type { Flags } from "../flags/flag.ts";
import { FlagError, parseFlags } from "../flags/parse.ts";
import type { Host } from "../host.ts";
import { preferencesError } from "./kuberc-file.ts";
import type { Alias, OptionDefault, Preference } from "./preference.ts";

/** A command and the names that lead to it: `["set", "env"]`. */
export interface NamedCommand {
  readonly command: Command;
  readonly names: readonly string[];
}

/** The command that the words of a preference name; words behind its names are not looked at, as upstream. */
export async function commandNamed(text: string, entries: readonly CommandEntry[]): Promise<NamedCommand | undefined> {
  let found: NamedCommand | undefined;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const entry = (found ? (found.command.subcommands ?? []) : entries).find((one) => isNamed(one, word));
    if (!entry) break;
    found = { command: await entry.load(), names: [...(found?.names ?? []), entry.name] };
  }
  return found;
}

/** The command behind an alias. Throws CommandError where there is none. */
export async function aliasedCommand(alias: Alias, entries: readonly CommandEntry[]): Promise<NamedCommand> {
  const found = await commandNamed(alias.command, entries);
  if (found) return found;
  const words = alias.command.split(/\s+/).filter(Boolean).join(" ");
  throw preferencesError(`command ${goQuote(alias.command)} not found to set alias ${goQuote(alias.name)}: [${words}]`);
}

/** The words after an alias's name with those that the alias brings along; the name stood before `at`. */
export function wordsOfAlias({ prependArgs, appendArgs }: Alias, rest: readonly string[], at: number): string[] {
  return [...rest.slice(0, at), ...(prependArgs ?? []), ...rest.slice(at), ...(appendArgs ?? [])];
}

/**
 * The words that preferences put before those of a command line: flags that are not given in it. Defaults of a command do
 * not hold for its aliases. Throws CommandError for a flag that the command has not, or a value that does not fit.
 */
export async function presetFlags(
  preference: Preference,
  called: { readonly names: readonly string[]; readonly alias?: Alias; readonly flags: Flags },
  given: ReadonlySet<string>,
  context: { readonly entries: readonly CommandEntry[]; readonly host: Host },
): Promise<readonly string[]> {
  const { alias, flags, names } = called;
  const presets: string[] = [];
  const add = (
    options: readonly OptionDefault[],
    problem: { none(name: string): string; unfit(name: string, value: string): string },
  ) => {
    for (const { name, default: value } of options) {
      if (!Object.hasOwn(flags, name)) throw preferencesError(problem.none(name));
      if (given.has(name)) continue;
      const word = `--${name}=${value}`;
      try {
        parseFlags(flags, [word]);
      } catch (error) {
        if (error instanceof FlagError) throw preferencesError(`${problem.unfit(name, value)} err: ${error.message}`);
        throw error;
      }
      presets.push(word);
    }
  };
  if (alias) {
    add(alias.options ?? [], {
      none: (name) => `invalid alias flag ${name} in alias kubectl`,
      unfit: (name, value) => `could not apply value ${value} to flag ${name} in alias kubectl`,
    });
  }
  for (const { command, options } of preference.defaults) {
    const [first = ""] = command.split(/\s+/).filter(Boolean);
    if (alias?.name === first) throw preferencesError(`alias ${first} can not be overridden`);
    const entry = context.entries.find((one) => isNamed(one, first));
    if (!entry) {
      context.host.stderr.write(`Warning: command ${goQuote(command)} not found to set kuberc override\n`);
      continue;
    }
    // Only what may be meant is loaded.
    if (alias || entry.name !== names[0]) continue;
    const meant = await commandNamed(command, context.entries);
    if (meant?.names.join(" ") !== names.join(" ")) continue;
    add(options, {
      none: (name) => `invalid flag ${name} for command ${command}`,
      unfit: (name, value) => `could not apply override value ${value} to flag ${name} in command ${command}`,
    });
  }
  return presets;
}

const isNamed = ({ name, aliases }: CommandEntry, word: string) => name === word || aliases?.includes(word) === true;
