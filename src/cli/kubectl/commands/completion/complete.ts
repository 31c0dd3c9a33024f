import type { CommandEntry } from "../../command.ts";
import { type Flags, isOpen } from "../../flags/flag.ts";
import type { Host } from "../../host.ts";
import { openSession } from "../../session.ts";
import { type Candidates, flagValues, wordCandidates } from "./candidates.ts";
import { type CommandLine, readCommandLine } from "./command-line.ts";

/** What the shell may do beside offering the words, as cobra's scripts know it. */
const directives = {
  default: { number: 0, name: "ShellCompDirectiveDefault" },
  noFiles: { number: 4, name: "ShellCompDirectiveNoFileComp" },
  noSpace: { number: 6, name: "ShellCompDirectiveNoSpace, ShellCompDirectiveNoFileComp" },
  extensions: { number: 8, name: "ShellCompDirectiveFilterFileExt" },
  folders: { number: 16, name: "ShellCompDirectiveFilterDirs" },
} as const;

/** `kubectl __complete WORD...`: prints what the last word may become, one on each line, and then what the shell is to do. */
export async function complete(
  words: readonly string[],
  host: Host,
  entries: readonly CommandEntry[],
  options: { readonly descriptions: boolean },
): Promise<number> {
  const line = await readCommandLine(words, entries);
  const { words: found, shell } = await candidatesOf(line, host);
  for (const { word, about } of found) {
    host.stdout.write(options.descriptions && about ? `${word}\t${about.split("\n")[0]}\n` : `${word}\n`);
  }
  const directive = directives[shell];
  host.stdout.write(`:${directive.number}\n`);
  host.stderr.write(`Completion ended with directive: ${directive.name}\n`);
  return 0;
}

async function candidatesOf(line: CommandLine, host: Host): Promise<Candidates> {
  const { writing, subcommands, command } = line;
  if (writing.form === "word" && writing.text.startsWith("-")) {
    return { words: flagNames(openFlags(line.flags, host), writing.text, line.given), shell: "noFiles" };
  }
  if (writing.form === "word" && subcommands.length > 0) {
    const shown = subcommands.filter(({ hidden, name }) => !hidden && name.startsWith(writing.text));
    const plugins = command ? [] : await pluginsNamed(host, writing.text);
    return { words: [...shown.map(({ name, short }) => ({ word: name, about: short })), ...plugins], shell: "noFiles" };
  }
  if (!command && writing.form === "word") return { words: [], shell: "default" };
  await using session = openSession(host, line.globals);
  try {
    return writing.form === "value" ? await flagValues(session, line) : await wordCandidates(session, line);
  } catch {
    // Whoever presses Tab while the server is away gets no words rather than an error across the line.
    return { words: [], shell: "noFiles" };
  }
}

const openFlags = (flags: Flags, { env }: Host): Flags =>
  Object.fromEntries(Object.entries(flags).filter(([, flag]) => isOpen(flag, env)));

function flagNames(flags: Flags, text: string, given: Readonly<Record<string, string>>) {
  return Object.entries(flags)
    .filter(([name, flag]) => !flag.hidden && flag.deprecated === undefined && (repeats(flag.form) || !(name in given)))
    .flatMap(([name, { short, usage }]) => [
      { word: `--${name}`, about: usage },
      ...(short ? [{ word: `-${short}`, about: usage }] : []),
    ])
    .filter(({ word }) => word.startsWith(text))
    .toSorted((a, b) => (a.word < b.word ? -1 : 1));
}

const repeats = (form: string) => form === "list" || form === "texts";

async function pluginsNamed(host: Host, text: string) {
  const { pluginsIn } = await import("../plugin/find.ts");
  const names = pluginsIn(host).map(({ name }) => name.replace("kubectl-", "").replaceAll("_", "-"));
  return [...new Set(names)]
    .filter((name) => name.startsWith(text))
    .map((word) => ({ word, about: `The command ${word} is a plugin installed by the user` }));
}
