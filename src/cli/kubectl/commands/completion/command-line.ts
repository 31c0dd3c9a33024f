import type { Command, CommandEntry } from "../../command.ts";
import type { Flag, Flags } from "../../flags/flag.ts";
import { type GlobalFlags, globalFlags } from "../../flags/global.ts";
import { parseFlags } from "../../flags/parse.ts";

/** A command line that is still being written. */
export interface CommandLine {
  /** The command so far; undefined at the very beginning. */
  readonly command: Command | undefined;
  /** `config use-context`; empty at the beginning. */
  readonly path: string;
  /** Commands that may come next. */
  readonly subcommands: readonly CommandEntry[];
  readonly flags: Flags;
  readonly args: readonly string[];
  /** By name, as they were written. */
  readonly given: Readonly<Record<string, string>>;
  readonly globals: GlobalFlags;
  /** What is being written: a word, or the value of a flag. */
  readonly writing: { readonly form: "word" | "value"; readonly text: string; readonly flag?: string };
}

/** Reads the words before the last, which is being written. */
export async function readCommandLine(
  words: readonly string[],
  entries: readonly CommandEntry[],
): Promise<CommandLine> {
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  let command: Command | undefined;
  let subcommands = entries;
  let flags: Flags = globalFlags;
  const path: string[] = [];
  const args: string[] = [];
  const given: Record<string, string> = {};
  let open: string | undefined;
  for (let at = 0; at < before.length; at++) {
    const word = before[at]!;
    if (open !== undefined) {
      given[open] = word;
      open = undefined;
    } else if (word.startsWith("-") && word !== "-" && word !== "--") {
      const [written = "", value] = split(word);
      const found = flagNamed(flags, written);
      if (!found) continue;
      const [name, flag] = found;
      if (value !== undefined) given[name] = value;
      else if (flag.bare !== undefined) given[name] = flag.bare;
      else open = name;
    } else {
      const entry =
        args.length === 0
          ? subcommands.find(({ name, aliases }) => name === word || aliases?.includes(word))
          : undefined;
      if (!entry) {
        args.push(word);
        continue;
      }
      command = await entry.load();
      path.push(entry.name);
      subcommands = command.subcommands ?? [];
      flags = { ...globalFlags, ...command.flags };
    }
  }
  const [written = "", value] = last.startsWith("--") ? split(last) : [last];
  const inFlag = value === undefined ? undefined : flagNamed(flags, written)?.[0];
  const writing =
    open !== undefined
      ? ({ form: "value", text: last, flag: open } as const)
      : inFlag !== undefined
        ? ({ form: "value", text: value ?? "", flag: inFlag } as const)
        : ({ form: "word", text: last } as const);
  const line = Object.entries(given).flatMap(([name, text]) =>
    Object.hasOwn(globalFlags, name) ? [`--${name}=${text}`] : [],
  );
  const globals = parseFlags(globalFlags, line).values as GlobalFlags;
  return {
    command,
    path: path.join(" "),
    subcommands: args.length > 0 ? [] : subcommands,
    flags,
    args,
    given,
    globals,
    writing,
  };
}

function split(word: string): readonly [string, string?] {
  const at = word.indexOf("=");
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function flagNamed(flags: Flags, written: string): readonly [string, Flag] | undefined {
  if (written.startsWith("--")) {
    const flag = flags[written.slice(2)];
    return flag ? [written.slice(2), flag] : undefined;
  }
  return Object.entries(flags).find(([, { short }]) => short !== undefined && written === `-${short}`);
}
