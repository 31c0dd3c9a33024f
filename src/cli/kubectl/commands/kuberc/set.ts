import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { errorMessage } from "../../../../lib/fault.ts";
import { goQuote } from "../../../../lib/go-text.ts";
import { encodeYaml } from "../../../../machinery/codec-yaml.ts";
import { defineCommand } from "../../command.ts";
import { bool, text, texts } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { type Alias, documentsOf, type OptionDefault, type Preference } from "../../preferences/preference.ts";
import { ownKuberc, parsedKuberc } from "./own-file.ts";

/** `kubectl alpha kuberc set` */
export const setPreference = defineCommand({
  name: "set",
  short: "Set values in the kuberc configuration",
  long: `Writes an entry of the file of preferences.

 defaults are values that the flags of a command have unless others are given; --command names the command alone, as get or "set env".

 aliases are other names of commands; --prependarg and --appendarg are words that an alias brings along.`,
  examples: `# get prints more columns unless told otherwise
kubectl alpha kuberc set --section defaults --command get --option output=wide

# getn is another name for get nodes
kubectl alpha kuberc set --section aliases --name getn --command get --prependarg nodes --option output=wide

# runx runs nginx with an argument
kubectl alpha kuberc set --section aliases --name runx --command run --option image=nginx --appendarg "--" --appendarg custom-arg1

# Replaces what get had
kubectl alpha kuberc set --section defaults --command get --option output=json --overwrite`,
  usage: "--section (defaults|aliases) --command COMMAND",
  flags: {
    section: text("The part of the preferences to change: defaults or aliases."),
    command: text("The command that it is about, as get, create or 'set env'."),
    name: text("The alias's name; aliases need one."),
    option: texts("A flag and its value, as flag=value; may be given several times."),
    prependarg: texts("A word before those that the alias is called with; may be given several times."),
    appendarg: texts("A word behind those that the alias is called with; may be given several times."),
    overwrite: bool("Replaces an entry that is already there."),
  },
  required: ["section", "command"],
  async run({ session, flags }) {
    const path = ownKuberc(session);
    const wanted: Wanted = {
      name: flags.name,
      command: flags.command,
      options: flags.option,
      prependArgs: flags.prependarg,
      appendArgs: flags.appendarg,
      overwrite: flags.overwrite,
    };
    checkSection(flags.section, wanted);
    const before = changeable(textOf(path), path);
    const options = wanted.options.map(optionOf);
    const next =
      flags.section === "aliases" ? withAlias(before, wanted, options) : withDefaults(before, wanted, options);
    write(path, encodeYaml(next));
    session.say(`Updated ${path}`);
  },
});

interface Wanted {
  readonly name: string;
  readonly command: string;
  readonly options: readonly string[];
  readonly prependArgs: readonly string[];
  readonly appendArgs: readonly string[];
  readonly overwrite: boolean;
}

function checkSection(section: string, { name, command, prependArgs, appendArgs }: Wanted): void {
  if (section !== "defaults" && section !== "aliases") {
    throw new CommandError(`--section must be "defaults" or "aliases", got: ${section}`);
  }
  if (section === "aliases" && !name) throw new CommandError("--name is required when --section=aliases");
  if (section === "defaults" && name) throw new CommandError("--name should not be specified when --section=defaults");
  if (section === "defaults" && prependArgs.length + appendArgs.length > 0) {
    throw new CommandError("--prependarg and --appendarg are only valid for --section=aliases");
  }
  if (!command) throw new CommandError("--command is required");
}

function optionOf(option: string): OptionDefault {
  const at = option.indexOf("=");
  const name = option.slice(0, Math.max(at, 0)).replace(/^-+/, "");
  if (!name) throw new CommandError(`invalid option format ${goQuote(option)}, expected flag=value`);
  return { name, default: option.slice(at + 1) };
}

/** Options that were not given stay as they were. */
function withDefaults(before: Preference, wanted: Wanted, options: readonly OptionDefault[]): Preference {
  const all = before.defaults;
  const known = all.find(({ command }) => command === wanted.command);
  if (known && !wanted.overwrite) {
    throw new CommandError(`defaults for command ${goQuote(wanted.command)} already exist, use --overwrite to replace`);
  }
  const entry = { command: wanted.command, options: options.length > 0 ? options : (known?.options ?? []) };
  return { ...before, defaults: known ? all.map((one) => (one === known ? entry : one)) : [...all, entry] };
}

function withAlias(before: Preference, wanted: Wanted, options: readonly OptionDefault[]): Preference {
  const all = before.aliases;
  const known = all.find(({ name }) => name === wanted.name);
  if (known && !wanted.overwrite) {
    throw new CommandError(`alias ${goQuote(wanted.name)} already exists, use --overwrite to replace`);
  }
  const given = { prependArgs: wanted.prependArgs, appendArgs: wanted.appendArgs, options };
  const kept = Object.entries(given).flatMap(([member, value]) => {
    const stays = value.length > 0 ? value : known?.[member as keyof typeof given];
    return stays?.length ? [[member, stays] as const] : [];
  });
  const entry: Alias = { name: wanted.name, command: wanted.command, ...Object.fromEntries(kept) };
  return { ...before, aliases: known ? all.map((one) => (one === known ? entry : one)) : [...all, entry] };
}

/** Only one document is written back, so that a file with more would lose the others. */
function changeable(content: string, path: string): Preference {
  if (documentsOf(content).length > 1) {
    throw new CommandError(`${path} has several documents; change it by hand`);
  }
  return parsedKuberc(content, path);
}

function textOf(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  } catch (error) {
    throw new CommandError(`error reading kuberc file: ${errorMessage(error)}`);
  }
}

/** The file is replaced whole, so that whoever reads it meanwhile finds the old one or the new one. */
function write(path: string, content: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const next = `${path}.${process.pid}`;
    writeFileSync(next, content, { mode: 0o600 });
    renameSync(next, path);
  } catch (error) {
    throw new CommandError(`error writing kuberc file: ${errorMessage(error)}`);
  }
}
