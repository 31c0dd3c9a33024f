import type { Command, CommandEntry } from "./command.ts";
import { commandGroups } from "./command-list.ts";
import type { PluginPolicy } from "./config/plugin-policy.ts";
import type { Flags } from "./flags/flag.ts";
import { type GlobalFlags, globalFlags } from "./flags/global.ts";
import { FlagError, HelpAsked, parseFlags } from "./flags/parse.ts";
import type { Host } from "./host.ts";
import { CommandError, interruptedExitCode, signalExitCode, tellError } from "./messages.ts";
import { aliasedCommand, presetFlags, wordsOfAlias } from "./preferences/apply.ts";
import { preferencesOf } from "./preferences/kuberc-file.ts";
import type { Alias, Preference } from "./preferences/preference.ts";
import { kustomizeName } from "./resources/kustomize-name.ts";
import { openSession } from "./session.ts";

const entries: readonly CommandEntry[] = commandGroups.flatMap(({ commands }) => commands);

/** Runs one command line of kubectl and resolves with its exit code; never throws for what a user can cause. */
export async function kubectl(words: readonly string[], host: Host): Promise<number> {
  try {
    return await dispatch(words, host);
  } catch (error) {
    return fail(error, host);
  }
}

function fail(error: unknown, host: Host): number {
  const { text, exitCode } = tellError(error);
  if (text !== "") host.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
  if (host.env.NAVARCH_DEBUG && error instanceof Error) host.stderr.write(`${error.stack}\n`);
  return exitCode;
}

async function dispatch(words: readonly string[], host: Host): Promise<number> {
  if (words[0] === "__complete" || words[0] === "__completeNoDesc") {
    const { complete } = await import("./commands/completion/complete.ts");
    return await complete(words.slice(1), host, entries, { descriptions: words[0] === "__complete" });
  }
  const helpful = words[0] === "help";
  const preference = await preferencesOf(words, host);
  const found = await findCommand(helpful ? words.slice(1) : words, host, preference);
  if (!found) {
    const { rootHelp } = await import("./help.ts");
    host.stdout.write(rootHelp(commandGroups));
    return 0;
  }
  if (typeof found === "number") return found;
  const { command, rest, path } = found;
  const flags: Flags = { ...globalFlags, ...command.flags };
  const help = async () => {
    const { commandHelp } = await import("./help.ts");
    host.stdout.write(commandHelp(command, path, host.env));
    return 0;
  };
  if (helpful) return await help();
  let parsed: ReturnType<typeof parseFlags>;
  const reading = { interspersed: command.interspersed, env: host.env };
  try {
    parsed = parseFlags(flags, rest, reading);
    const presets = preference
      ? await presetFlags(preference, { ...found, flags }, parsed.given, { entries, host })
      : [];
    if (presets.length > 0) parsed = parseFlags(flags, [...presets, ...rest], reading);
  } catch (error) {
    if (error instanceof HelpAsked) return await help();
    if (error instanceof FlagError) {
      const where = command.misreadExitCode ? `'${path} -h' for help and examples` : `'${path} --help' for usage.`;
      throw new CommandError(`${withMend(error)}\nSee ${where}`, { exitCode: command.misreadExitCode });
    }
    throw error;
  }
  const missing = (command.required ?? []).filter((name) => !parsed.given.has(name)).sort();
  if (missing.length > 0) {
    throw new CommandError(`required flag(s) ${missing.map((name) => `"${name}"`).join(", ")} not set`);
  }
  if (!command.run) {
    // A word that is no subcommand: the same mistake at every such command.
    if (parsed.args.length > 0) {
      throw new CommandError(
        `unknown command ${JSON.stringify(parsed.args.join(" "))}\nSee '${path} -h' for help and examples`,
      );
    }
    // Nothing was asked for that could be done.
    const { commandHelp } = await import("./help.ts");
    host.stderr.write(commandHelp(command, path));
    return 1;
  }
  for (const notice of parsed.notices) host.stderr.write(`${notice}\n`);
  await using session = openSession(host, globalValues(parsed.values, command), pluginPolicy(preference));
  let exitCode = 0;
  try {
    exitCode =
      (await command.run({
        session,
        flags: withKustomization(parsed.values) as never,
        given: parsed.given,
        args: parsed.args,
        dash: parsed.dash,
        path,
      })) ?? 0;
    // Whoever is told to end by another signal than the keyboard's has not come to its end.
    if (host.signal.aborted && host.signal.reason !== "SIGINT") exitCode = signalExitCode(host.signal);
  } catch (error) {
    exitCode = host.signal.aborted ? interruptedExitCode(error, host.signal) : fail(error, host);
  }
  if (exitCode === 0 && session.globals["warnings-as-errors"] && session.warnings > 0) {
    host.stderr.write(`error: ${session.warnings} warning${session.warnings === 1 ? "" : "s"} received\n`);
    return 1;
  }
  return exitCode;
}

/** `create -f` with the manifest on stdin, as documents of 2016 print it, lacks a dash: that is said. */
function withMend({ message }: FlagError): string {
  return message === "flag needs an argument: 'f' in -f"
    ? `${message}; what comes on stdin is read with -f -`
    : message;
}

/** A folder given by -k stands among the files to read, where what does not go with it is refused. */
function withKustomization(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { kustomize, filename } = values;
  if (typeof kustomize !== "string" || kustomize === "") return values;
  return { ...values, filename: [kustomizeName(kustomize), ...(Array.isArray(filename) ? filename : [])] };
}

/** A flag of a command hides the one of every command that has its name: `--user` of a role binding is nobody to be. */
function globalValues(values: Readonly<Record<string, unknown>>, command: Command): GlobalFlags {
  const own = command.flags ?? {};
  const pairs = Object.entries(globalFlags).map(([name, flag]) => [
    name,
    Object.hasOwn(own, name) ? flag.default : values[name],
  ]);
  return Object.fromEntries(pairs) as GlobalFlags;
}

function pluginPolicy(preference: Preference | undefined): PluginPolicy | undefined {
  if (!preference) return undefined;
  const { credentialPluginPolicy: type = "", credentialPluginAllowlist } = preference;
  return { type, allowlist: credentialPluginAllowlist?.map(({ name }) => name) };
}

interface Found {
  readonly command: Command;
  /** The words without the command's own names; flags may stand before them. */
  readonly rest: readonly string[];
  readonly path: string;
  /** The command's own names, whatever it was called by. */
  readonly names: readonly string[];
  /** What the command was called by. */
  readonly alias?: Alias;
}

/** Follows the words to a command and its subcommand; undefined is none, a number what a plug-in ended with. */
async function findCommand(
  words: readonly string[],
  host: Host,
  preference: Preference | undefined,
): Promise<Found | number | undefined> {
  let among = entries;
  let rest = [...words];
  let found: Command | undefined;
  let path = "kubectl";
  let names: readonly string[] = [];
  let alias: Alias | undefined;
  for (;;) {
    const at = nextName(rest, { ...globalFlags, ...found?.flags });
    if (at === undefined) break;
    const word = rest[at]!;
    const entry = among.find(({ name, aliases }) => name === word || aliases?.includes(word));
    if (!entry) {
      if (found) break;
      alias = preference?.aliases.find(({ name }) => name === word);
      if (!alias) return await unknownCommand(words, word, host);
      ({ command: found, names } = await aliasedCommand(alias, entries));
      path = `${path} ${word}`;
      rest = wordsOfAlias(alias, rest.toSpliced(at, 1), at);
      break;
    }
    found = await entry.load();
    path = `${path} ${entry.name}`;
    names = [...names, entry.name];
    rest = rest.toSpliced(at, 1);
    among = found.subcommands ?? [];
    if (among.length === 0) break;
  }
  if (found) return { command: found, rest, path, names, alias };
  // Flags alone: help, or a flag that is not known.
  try {
    parseFlags(globalFlags, words);
  } catch (error) {
    if (error instanceof FlagError) throw new CommandError(`${error.message}\nSee 'kubectl --help' for usage.`);
    if (!(error instanceof HelpAsked)) throw error;
  }
  return undefined;
}

/** Where the next word stands that is neither a flag nor a flag's value. */
function nextName(words: readonly string[], flags: Flags): number | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return undefined;
    if (!word.startsWith("-") || word === "-") return at;
    if (word.includes("=")) continue;
    const flag = word.startsWith("--")
      ? flags[word.slice(2)]
      : word.length === 2
        ? Object.values(flags).find(({ short }) => short === word[1])
        : undefined;
    if (flag && flag.bare === undefined) at += 1;
  }
  return undefined;
}

async function unknownCommand(words: readonly string[], word: string, host: Host): Promise<number> {
  const { runPlugin, similarNames } = await import("./plugin-call.ts");
  const ended = runPlugin(words, host);
  if (ended !== undefined) return ended;
  const similar = similarNames(
    word,
    entries.map(({ name }) => name),
  );
  const hint = similar.length > 0 ? `\n\nDid you mean this?\n${similar.map((name) => `\t${name}`).join("\n")}` : "";
  throw new CommandError(`unknown command ${JSON.stringify(word)} for "kubectl"${hint}`);
}
